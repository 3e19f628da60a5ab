"""Which role our sessions are: our user, or the one that it was told to be everywhere (ALTER ROLE our_user SET role).

What a database tells its sessions to be is not for ours: in every database of a server they have the rights that preflight asks for.
So the startup packet names the role, since nothing that is kept with a role or database goes before that. RESET ROLE leads back to it.
"""

import psycopg
from psycopg.rows import DictRow

NONE = "none"
"""As SET ROLE has it: whoever has logged in. No role can have this name."""

# As the server itself does: a role that is gone, or that our user is not allowed to be, is passed over. Before 16 there is no SET option.
_OWN = """
SELECT other.rolname AS role
FROM pg_catalog.pg_roles AS me
JOIN pg_catalog.pg_db_role_setting AS kept ON kept.setrole = me.oid AND kept.setdatabase = 0
CROSS JOIN unnest(kept.setconfig) AS setting
JOIN pg_catalog.pg_roles AS other ON setting = 'role=' || other.rolname
WHERE me.rolname = session_user
    AND pg_has_role(me.oid, other.oid,
                    CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
"""


def own_role(session: psycopg.Connection[DictRow]) -> str:
    """What our user was told to be in every database of this server, or NONE."""
    row = session.execute(_OWN).fetchone()
    return NONE if row is None else str(row["role"])
