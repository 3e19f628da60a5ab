"""Several mappings at once: driven to the light side by side, and compared with their sources at the end."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from migrator.config import DatabaseSelection, MappingSpec
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.quote import literal
from migrator.steps import Status
from migrator.tick.reconcile import Assessment, drive
from tests.system.scenario import QUICK, checksums, describe, sequence_positions

ROOM = {
    "max_replication_slots": "40",
    "max_wal_senders": "40",
    "max_worker_processes": "40",
    "max_logical_replication_workers": "30",
    "max_connections": "200",
}
"""Settings of a server that takes part in several mappings."""


@dataclass(frozen=True)
class Leg:
    """One mapping with its two clusters."""

    spec: MappingSpec
    source: Cluster
    destination: Cluster

    @property
    def name(self) -> str:
        return self.spec.name


def leg(
    name: str, source: Cluster, destination: Cluster, rename: Mapping[str, str] | None = None, **fields: object
) -> Leg:
    """A mapping of everything, with quick thresholds; each cluster bears its port as its name."""
    spec = MappingSpec(
        name,
        source.spec(f"s{source.port}"),
        destination.spec(f"d{destination.port}"),
        QUICK,
        databases=DatabaseSelection(rename=rename or {}),
        schema_trial=False,
    )
    return Leg(replace(spec, **fields), source, destination)  # type: ignore[arg-type]


def side_by_side(
    legs: Iterable[Leg], done: Callable[[Assessment], bool], seconds: float = 240.0
) -> dict[str, Assessment]:
    """Tick every mapping in a thread of its own until each is `done`; fails with what each says when time is up."""
    stop = threading.Event()

    def run(one: Leg) -> tuple[str, Assessment | None]:
        memory, seen = Memory(), None
        with SchemaCache() as schemas:
            while not stop.wait(0.1):
                seen = drive(one.spec, memory, schemas) or seen
                if seen is not None and done(seen):
                    break
        return one.name, seen

    everyone = list(legs)
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    with ThreadPoolExecutor(len(everyone)) as pool:
        try:
            found = dict(pool.map(run, everyone))
        finally:  # also when the test's own time is up
            stop.set()
            timer.cancel()
    late = [name for name, seen in found.items() if seen is None or not done(seen)]
    assert not late, "\n".join(f"{name}: {describe(seen) if seen else 'never ticked'}" for name, seen in found.items())
    return {name: seen for name, seen in found.items() if seen is not None}


def all_to_the_light(legs: Iterable[Leg], seconds: float = 240.0) -> dict[str, Assessment]:
    """Tick until every mapping is CUTOVER READY."""
    return side_by_side(legs, lambda seen: seen.status is Status.CUTOVER_READY, seconds)


def in_parallel(work: Callable[[Leg], None], legs: Iterable[Leg]) -> None:
    """Each leg's work at the same time as the others'; the first failure is raised."""
    everyone = list(legs)
    with ThreadPoolExecutor(len(everyone)) as pool:
        list(pool.map(work, everyone))


@contextmanager
def shop_load(*sources: tuple[Cluster, str], per_second: float = 10.0) -> Iterator[None]:
    """Somebody signs up, orders and pays in the sample shop of `scenario.seed`, on each of these clusters and databases."""
    stop, written = threading.Event(), dict.fromkeys(range(len(sources)), 0)

    def write(number: int) -> None:
        cluster, database = sources[number]
        with cluster.connect(database) as connection:
            while not stop.wait(1 / per_second):
                connection.execute(
                    "WITH c AS (INSERT INTO public.customer (name, mail) VALUES ('live', gen_random_uuid() || '@x') RETURNING id)"
                    " INSERT INTO public.orders (day, customer, net)"
                    " SELECT current_date, id, nextval('public.invoice_number') FROM c"
                )
                connection.execute("UPDATE public.customer SET name = name || '.' WHERE id % 97 = 1")
                connection.execute("DELETE FROM public.orders WHERE id % 89 = 3 AND net > 1000")
                written[number] += 1

    with ThreadPoolExecutor(len(sources)) as pool:
        writers = [pool.submit(write, number) for number in written]
        try:
            yield
        finally:
            stop.set()
    for writer in writers:
        writer.result()
    assert all(written.values())


def equal(one: Leg, databases: Iterable[str]) -> None:
    """Rows, sequences, and the properties of roles and databases are those of the source."""
    for name in databases:
        target = one.spec.target_name(name)
        assert checksums(one.source, name) == checksums(one.destination, target), (one.name, name)
        assert sequence_positions(one.source, name) == sequence_positions(one.destination, target), (one.name, name)
        assert properties(one.source, name) == properties(one.destination, target), (one.name, name)
        assert settings_in(one.source, name) == settings_in(one.destination, target), (one.name, name)
    assert roles(one.source).items() <= roles(one.destination).items(), one.name


def properties(cluster: Cluster, database: str) -> list[tuple[object, ...]]:
    """Owner, encoding, locale, limits, comment and settings of a database, not its name."""
    return cluster.execute(
        "SELECT pg_get_userbyid(datdba), encoding, datlocprovider::text, datcollate, datctype, datconnlimit, datistemplate,"
        " datallowconn, shobj_description(d.oid, 'pg_database'), (SELECT array_agg(item ORDER BY item) FROM"
        f" unnest(datacl::text[]) item) FROM pg_database d WHERE datname = {literal(database)}"
    )


def settings_in(cluster: Cluster, database: str) -> list[tuple[object, ...]]:
    """ALTER DATABASE ... SET and ALTER ROLE ... IN DATABASE ... SET."""
    return cluster.execute(
        "SELECT setrole::regrole::text, setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase"
        f" WHERE datname = {literal(database)} ORDER BY 1"
    )


def roles(cluster: Cluster) -> dict[str, tuple[object, ...]]:
    """Each role's attributes, whose member it is, and its settings; no password."""
    rows = cluster.execute(
        "SELECT rolname::text, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,"
        " rolconnlimit, rolvaliduntil::text,"
        " ARRAY(SELECT roleid::regrole::text || admin_option FROM pg_auth_members WHERE member = r.oid ORDER BY 1)::text,"
        " (SELECT setconfig FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0)::text"
        " FROM pg_authid r WHERE rolname NOT LIKE 'pg\\_%'"
    )
    return {str(row[0]): row[1:] for row in rows}
