SELECT pg_get_userbyid(roleid) AS role,
       pg_get_userbyid(member) AS member,
       pg_get_userbyid(grantor) AS grantor,
       admin_option,
       NULL::boolean AS inherit_option,
       NULL::boolean AS set_option
FROM pg_auth_members
ORDER BY 1, 2, 3
