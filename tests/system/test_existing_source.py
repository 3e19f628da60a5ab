"""A source of your own into a throw-away 18, by MIGRATOR_TEST_SOURCE_DSN; the source is left as it was found.

    MIGRATOR_TEST_SOURCE_DSN="host=db.example.com user=postgres password=..." make test ARGS="-k existing_source"

All its databases are taken, as a mapping without `databases` takes them; `dbname` is the maintenance database. It needs
wal_level = logical and what `pg-migrator check` asks for; publications and slots are made on it, and removed again.
"""

import os
import time
from collections.abc import Callable

import psycopg
import pytest

from migrator import control
from migrator.config import InstanceSpec, MappingSpec, Secret
from migrator.connection import session_of
from migrator.machines.cluster import Cluster
from migrator.names import PREFIX
from migrator.observation import DatabasePair
from tests.conftest import absent
from tests.system.fleet import ROOM
from tests.system.scenario import QUICK, to_the_light

DSN = "MIGRATOR_TEST_SOURCE_DSN"
PATIENCE_SECONDS = 60.0


def existing_source() -> InstanceSpec:
    """The instance that the variable names, in libpq's words."""
    if not os.environ.get(DSN):
        absent("source", f"set {DSN} to a libpq connection string to migrate a source of your own into a throw-away 18")
    known = psycopg.conninfo.conninfo_to_dict(os.environ[DSN])
    password = known.get("password")
    return InstanceSpec(
        "existing",
        str(known.get("host", "127.0.0.1")),
        int(known.get("port") or 5432),
        str(known.get("user", "postgres")),
        Secret(str(password)) if password else None,
        str(known.get("dbname", "postgres")),
        str(known["sslmode"]) if known.get("sslmode") else None,
    )


@pytest.mark.timeout(3600)
def test_existing_source_to_the_light_and_back(cluster: Callable[..., Cluster]) -> None:
    source, destination = existing_source(), cluster(18, **ROOM)
    spec = MappingSpec("existing-source-test", source, destination.spec("destination"), QUICK)
    before = ours(source)
    try:
        light = to_the_light(spec, 3000)
        for pair in light.observation.databases:
            await_equal(spec, pair)
    finally:
        removal = control.abort(spec)
    assert removal.left == ()
    assert ours(source) == before


def ours(source: InstanceSpec) -> list[str]:
    """Slots with our prefix."""
    with session_of(source, None, "pg-migrator test") as session:
        rows = session.execute(
            "SELECT slot_name::text AS name FROM pg_replication_slots WHERE starts_with(slot_name::text, %s)", (PREFIX,)
        )
        return sorted(row["name"] for row in rows)


def await_equal(spec: MappingSpec, pair: DatabasePair) -> None:
    """Row counts of every relation are the same on both sides at some moment: somebody may be writing."""
    assert pair.source_schema is not None
    waiting = set(pair.source_schema.leaves())
    deadline = time.monotonic() + PATIENCE_SECONDS
    while waiting:
        with (
            session_of(spec.source, pair.name, "pg-migrator test") as source,
            session_of(spec.destination, pair.target, "pg-migrator test") as destination,
        ):
            for relation in sorted(waiting):
                query = f"SELECT count(*) AS rows FROM ONLY {relation}"
                if source.execute(query).fetchone() == destination.execute(query).fetchone():
                    waiting.discard(relation)
        assert not waiting or time.monotonic() < deadline, f"not equal in {pair.name}: {sorted(waiting)}"
