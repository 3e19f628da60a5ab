"""What a server's error is told as."""

import psycopg

ServerError = psycopg.OperationalError
"""What comes where a server goes away in the middle of a statement, or has no room for it."""


def sentence(error: psycopg.Error) -> str:
    """The server's primary message, detail and hint. Not the statement, not the context: both may hold secrets."""
    diagnostics = error.diag
    parts = [diagnostics.message_primary or " ".join(str(error).split())]
    parts += [part for part in (diagnostics.message_detail, diagnostics.message_hint) if part]
    code = f" [{error.sqlstate}]" if error.sqlstate else ""
    return " ".join(parts) + code
