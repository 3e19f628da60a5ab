"""How long a process relies on the schemas it has read."""

from time import monotonic

from migrator.looks.remembered import EARLIEST, Read, Remembered, SchemaCache
from migrator.schema import Schema

DATABASES = 200
AGE = 300.0


def kept(cache: SchemaCache, seconds: float) -> int:
    """Of schemas that were all read so many seconds ago, those that are still relied on."""
    read = Read(Schema(), monotonic() - seconds, 0.0)
    known = [cache.of(("source", "host:5432", f"database_{number}")) for number in range(DATABASES)]
    for each in known:
        each.schema = read
    return sum(cache.schema(each, "", patient=False) is not None for each in known)


def test_schemas_read_together_are_not_read_together_again() -> None:
    cache = SchemaCache(AGE)
    assert kept(cache, EARLIEST * AGE - 1) == DATABASES
    middle = kept(cache, (EARLIEST + 1) / 2 * AGE)
    assert DATABASES / 4 < middle < DATABASES * 3 / 4
    assert kept(cache, AGE + 1) == 0


def test_a_moved_fingerprint_is_reason_enough() -> None:
    cache, known = SchemaCache(AGE), Remembered(fingerprint="before", schema=Read(Schema(), monotonic(), 0.0))
    assert cache.schema(known, "before", patient=False) is not None
    assert cache.schema(known, "now", patient=False) is None
