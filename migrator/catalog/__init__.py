"""SQL for everything that is not schema: one file per noun, `NOUN.sql`, and `NOUN_16.sql` where 16+ differs."""

import re
from functools import cache
from importlib.resources import files


@cache
def sql(noun: str, version: int, package: str = "migrator.catalog") -> str:
    """The text of the newest `NOUN[_MAJOR].sql` that a server of `version` (server_version_num) understands."""
    folder = files(package)
    for major in range(version // 10000, 15, -1):
        candidate = folder / f"{noun}_{major}.sql"
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8")
    return (folder / f"{noun}.sql").read_text(encoding="utf-8")


def counting(noun: str) -> str:
    """A query that tells since when the source counts: spelled once, since what two of them tell is compared."""
    return sql(noun, 0).replace("{counted_since}", sql("counted_since", 0))


def journal_tables() -> str:
    """Creates the journal's schema and tables where they are missing."""
    return sql("our_schema", 0) + sql("journal_tables", 0)


def ledger_tables() -> str:
    """Creates the ledger's schema and tables where they are missing."""
    return sql("our_schema", 0) + sql("ledger_tables", 0)


def created_tables(tables: str) -> list[str]:
    """The names of the tables that these statements make, in order."""
    return re.findall(r"CREATE TABLE IF NOT EXISTS migrator\.(\w+)", tables)


def added_columns(columns: str) -> list[tuple[str, str]]:
    """The columns (table, column) that these statements give to tables of older versions."""
    return re.findall(r"ALTER TABLE migrator\.(\w+) ADD COLUMN IF NOT EXISTS (\w+)", columns)
