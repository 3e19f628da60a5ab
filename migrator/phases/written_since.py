"""Whether anything was written on the source to what was carried, since: no position in its WAL tells that of what is not replicated."""

from enum import StrEnum

from migrator.contents import Counted
from migrator.records import LedgerCarried

LARGE_OBJECT_TABLES = ("pg_catalog.pg_largeobject", "pg_catalog.pg_largeobject_metadata")


class Written(StrEnum):
    """What has come to what was carried since."""

    NOTHING = "nothing"
    SOMETHING = "something"
    UNCOUNTED = "uncounted"
    """The counters were lost, by a crash or a reset: unlogged tables are empty after the one."""
    UNASKED = "unasked"
    """No barrier stands, or an older version carried it."""


def written(now: Counted, relations: tuple[str, ...], last: LedgerCarried) -> Written:
    """`last`: with what was counted before the first row was read."""
    if not now.since or last.counted is None:
        return Written.UNASKED
    if now.since != last.counted_since:
        return Written.UNCOUNTED
    return Written.NOTHING if now.of(relations) == last.counted else Written.SOMETHING
