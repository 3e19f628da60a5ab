"""A statement with secrets in such a form that no server writes them down.

The secrets travel in the startup packet, as settings of a session of their own; a DO block puts them in on the server.
So neither log_statement, a failing statement, pg_stat_statements, pg_stat_activity nor a crash report shows them, and it
takes no right to change what is logged. (Literals in the statement itself appear in the log when it fails, by PostgreSQL's
defaults; parameters do under log_statement = all.)
"""

import re
from collections.abc import Iterable

from migrator.quote import dollar_quoted, literal

_QUOTED = """'(?:[^']|'')*'|"(?:[^"]|"")*\""""
"""A literal or an identifier, as `quote` writes them: quotes within are doubled, in E'' too."""

# The error is raised anew, in one sentence: its own context would hold the statement as it was executed.
_BODY = """
DECLARE
    statement text := {statement};
    sentence text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
EXCEPTION WHEN query_canceled OR OTHERS THEN
    GET STACKED DIAGNOSTICS sentence = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = concat_ws(' ', sentence, nullif(detail, ''), nullif(hint, ''));
END
"""


def setting(hole: str) -> str:
    """The name of the session setting that holds the secret of a hole: any text, spelled in letters and digits."""
    return f"migrator.secret_{hole.encode().hex()}"


def block(sql: str, holes: Iterable[str]) -> str:
    """`sql` with each `{hole}` filled by the server, from the settings of this session.

    Put together in one go: what looks like a hole within a secret is none, nor is one within quotes: a server may be called
    {user_mapping:16385:password}.
    """
    secrets = {f"{{{hole}}}": f"quote_literal(current_setting('{setting(hole)}'))" for hole in holes}
    words = "|".join(map(re.escape, sorted(secrets, key=len, reverse=True)))
    parts, end = [], 0
    for found in re.finditer(f"{words}|{_QUOTED}", sql, re.DOTALL):
        if found[0] in secrets:
            parts += [literal(sql[end : found.start()]), secrets[found[0]]]
            end = found.end()
    body = _BODY.format(statement=" || ".join((*parts, literal(sql[end:]))))
    return f"DO {dollar_quoted(body)}"
