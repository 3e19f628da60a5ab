SELECT pg_get_userbyid(roleid) AS role,
       pg_get_userbyid(member) AS member,
       pg_get_userbyid(grantor) AS grantor,
       admin_option,
       inherit_option AS inherit_option,
       set_option AS set_option
FROM pg_auth_members
ORDER BY 1, 2, 3
