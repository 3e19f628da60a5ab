"""`plan` keeps its word: what a source logged of a whole migration, completed, stood in the plan before it began."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from click.testing import CliRunner

from migrator import control
from migrator.cli import main
from migrator.config import CopyMethod, MappingSpec
from migrator.config_file import load
from migrator.copying.work import Parts
from migrator.machines.cluster import Cluster
from migrator.phases.insert_only import LATE_SECONDS
from migrator.tasks.carriage import carry_again
from tests.machine_room import instance, write_config
from tests.system.scenario import BY_EITHER, drive_until, seed, to_the_light

READING = re.compile(
    r"(?i)\s*(?:SELECT|WITH|SHOW|SET|RESET|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|START TRANSACTION|FETCH)\b"
)
WRITING_FUNCTION = re.compile(
    r"\b(?:pg_create_\w+|pg_drop_\w+|pg_logical_emit_message|pg_replication_\w+advance|setval|nextval|pg_terminate_backend"
    r"|pg_cancel_backend|lo_\w+|pg_switch_wal|dblink\w*)\("
)
ENTRY = re.compile(
    r"^§(?P<application>.*?)§ LOG:  (?:statement|execute [^:]*): (?P<sql>.*?)(?=^§|\Z)", re.MULTILINE | re.DOTALL
)


def logged(server: Cluster, since: int) -> Iterator[tuple[str, str]]:
    """(application, statement) of every session of ours and of the destination's replication."""
    for entry in ENTRY.finditer(server.log()[since:]):
        if entry["application"].startswith("pg-migrator"):
            sql = re.sub(r"^\s*--.*$", "", entry["sql"], flags=re.MULTILINE)
            yield entry["application"], " ".join(sql.split())


def writes(sql: str) -> bool:
    return not READING.match(sql) or bool(WRITING_FUNCTION.search(sql))


def pieces(sql: str, mapping: str) -> Iterator[str]:
    """As the plan spells it: one table of a batch at a time, the marker with its mapping, a copy without its options."""
    sql = re.sub(r"^SET LOCAL lock_timeout = '\w+'; ", "", sql)  # of its transaction, in the same round trip
    if sql.startswith("ALTER PUBLICATION "):
        for each in re.split(r"; (?=ALTER PUBLICATION )", sql):  # both of a group, in one round trip
            head, verb, tables = re.split(r"( ADD TABLE | DROP TABLE )", each)
            yield from (f"{head}{verb}{table}" for table in re.split(r", (?=ONLY )", tables))
    elif sql.startswith("COPY "):
        yield re.sub(r"(?<= TO STDOUT) .*|(?<= TO STDOUT$)", "", sql)
    elif "lo_open(" in sql:
        yield "SELECT lo_open(...)"
    else:
        yield sql.replace("$1", f"'{mapping}'").rstrip(";")


HOLES = {
    "number": r"\d+",
    "table": r"[^,]+",
    "columns": r".*",
    "oids": r"'\{[\d,]*\}'::oid\[\]",
    "offsets": r"'\{[\d,]*\}'::bigint\[\]",
}


def pattern(planned: str) -> re.Pattern[str]:
    """What may stand for what no plan knows beforehand."""
    text = re.sub(r"<(\w+)>", lambda hole: HOLES.get(hole[1], re.escape(hole[0])), re.escape(" ".join(planned.split())))
    return re.compile(text.replace(r"\ \(.*\)\ TO", r"(?: \(.*\))? TO"))  # of a table without columns


@dataclass
class Told:
    """A source under watch, and what `plan` said that it would see."""

    source: Cluster
    spec: MappingSpec
    since: int
    document: dict[str, Any]
    readable: str

    @property
    def planned(self) -> list[str]:
        return ["SELECT lo_open(...)" if "lo_open(" in seen["sql"] else seen["sql"] for seen in self.document["source"]]

    def seen(self) -> list[tuple[str, str]]:
        """Who did what there since, but reading."""
        return [(who, sql) for who, sql in logged(self.source, self.since) if writes(sql)]

    def surprises(self) -> list[tuple[str, str]]:
        patterns = [pattern(each) for each in self.planned]
        found = [(who, piece) for who, sql in self.seen() for piece in pieces(sql, self.spec.name)]
        return [(who, piece) for who, piece in found if not any(each.fullmatch(piece) for each in patterns)]


def planned(path: Path, source: Cluster) -> Told:
    """From now on every statement is logged there."""
    source.execute("ALTER SYSTEM SET log_statement = 'all'")
    source.execute("SELECT pg_reload_conf()")
    since = len(source.log())
    result = CliRunner().invoke(main, ["plan", "-c", str(path), "--json"])
    assert result.exit_code == 0, result.output
    (document,) = json.loads(result.stdout)["mappings"]
    readable = CliRunner().invoke(main, ["plan", "-c", str(path)]).stdout
    return Told(source, load(path, {}).mappings[0], since, document, readable)


APART = """
CREATE TABLE visit (at timestamptz DEFAULT now());
INSERT INTO visit DEFAULT VALUES;
CREATE TABLE bulk (line text);
INSERT INTO bulk SELECT 'b' || g FROM generate_series(1, 50) g;
CREATE UNLOGGED TABLE session (id int PRIMARY KEY);
INSERT INTO session VALUES (1);
SELECT lo_from_bytea(4711, 'picture');
"""


@pytest.mark.parametrize("method", BY_EITHER)
def test_the_source_sees_what_was_planned(cluster: Callable[..., Cluster], tmp_path: Path, method: CopyMethod) -> None:
    source, destination = cluster(16, log_line_prefix="§%a§ "), cluster(18)
    seed(source)
    source.execute(APART, "shop")
    ends = instance(source), instance(destination)
    ways: dict[str, Any] = {
        "copy_method": method.value,
        "without_identity": "insert_only",
        "without_identity_tables": {"public.bulk": "copy_at_cutover"},
        "replication": {"streams_per_database": 3 if method is CopyMethod.SNAPSHOT else 1},
    }
    told = planned(write_config(tmp_path, *ends, {}, databases=["shop"], schema_trial=True, **ways), source)
    assert told.document["unseen"] == []
    assert len(told.document["later"]) == 1
    assert "nothing is dropped (partition_maintenance: create)" in told.document["later"][0]
    assert [sql for sql in told.planned if "lo_open" not in sql and "\n" not in sql and sql not in told.readable] == []
    assert told.document["later"][0] in told.readable
    there = {each["what"] for each in told.document["destination"]}
    for what in ("large objects", "unlogged tables (public.session)", "table public.bulk", "schema migrator"):
        assert any(what in each for each in there), (what, there)

    spec = told.spec
    to_the_light(spec, 240)
    control.take_barrier(spec)
    assert {each.what for each in carry_again(spec, None)} == {"large objects", "unlogged tables", "table public.bulk"}
    time.sleep(LATE_SECONDS)  # until then an UPDATE of the table without an identity might still be counted
    assert control.complete(spec).left == ()

    assert told.surprises() == []
    verbs = {sql.split()[0] for _, sql in told.seen()}
    assert {"CREATE", "ALTER", "DROP", "COPY", "LOCK"} <= verbs, verbs
    done = [piece for _, sql in told.seen() for piece in pieces(sql, spec.name)]
    due = [
        sql
        for sql in told.planned
        if sql.startswith(("COPY", "CREATE PUBLICATION")) and "<table>" not in sql and "<number>" not in sql
    ]
    assert [sql for sql in due if not any(pattern(sql).fullmatch(each) for each in done)] == []


def test_what_leaves_its_group_was_planned(
    cluster: Callable[..., Cluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made again on the destination before it is filled: it leaves the publication, and goes into one that is made for it."""
    source, destination = cluster(16, log_line_prefix="§%a§ "), cluster(18)
    seed(source)
    ends = instance(source), instance(destination)
    told = planned(write_config(tmp_path, *ends, {}, databases=["shop"], copy_method="snapshot"), source)
    copy, may = Parts.copy, Event()
    monkeypatch.setattr(Parts, "copy", lambda self, *of: copy(self, *of) if may.is_set() else None)
    drive_until(told.spec, lambda seen: any(pair.ledger.parts for pair in seen.observation.databases))
    destination.execute('DROP TABLE "Zweites".note', "shop")
    drive_until(told.spec, lambda seen: len(seen.observation.databases[0].ledger.groups) == 2)
    may.set()
    to_the_light(told.spec)
    control.abort(told.spec)
    assert told.surprises() == []
    assert any(re.search(r"_g2 ADD TABLE ", sql) for _, sql in told.seen())
    assert any(re.search(r"_g1 DROP TABLE ", sql) for _, sql in told.seen())


@pytest.mark.parametrize("method", BY_EITHER)
def test_what_goes_to_the_other_publication_was_planned(
    cluster: Callable[..., Cluster], tmp_path: Path, method: CopyMethod
) -> None:
    source, destination = cluster(16, log_line_prefix="§%a§ "), cluster(18)
    seed(source)
    source.execute("CREATE TABLE visit (id int); INSERT INTO visit VALUES (1)", "shop")
    ends = instance(source), instance(destination)
    ways: dict[str, Any] = {"copy_method": method.value, "without_identity": "insert_only"}
    told = planned(write_config(tmp_path, *ends, {}, databases=["shop"], **ways), source)
    to_the_light(told.spec)
    source.execute("ALTER TABLE visit ADD PRIMARY KEY (id)", "shop")
    source.execute("CREATE TABLE newcomer (id int PRIMARY KEY)", "shop")
    destination.execute("DROP TABLE visit", "shop")
    drive_until(told.spec, lambda seen: any(" DROP TABLE " in sql for _, sql in told.seen()))
    to_the_light(told.spec)
    control.abort(told.spec)
    assert told.surprises() == []
    assert any("ADD TABLE ONLY public.newcomer" in sql for _, sql in told.seen())


def test_a_plan_of_what_cannot_be_seen_says_so(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    """Server by server, and database by database: what is listed then is not all."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE ROLE mover LOGIN REPLICATION PASSWORD 'm'")
    ends = {**instance(source), "username": "mover", "password": "m"}, instance(destination)
    path = write_config(tmp_path, *ends, {}, databases=["shop"])

    def refused(*reasons: str) -> None:
        result = CliRunner().invoke(main, ["plan", "-c", str(path)])
        assert result.exit_code == 1, result.output
        assert "all that the source will see" not in result.stdout
        assert "INCOMPLETE" in result.stdout.splitlines()[0], result.stdout
        assert all(line.startswith("--") for line in result.stdout.splitlines() if line), "psql could read it"
        document = CliRunner().invoke(main, ["plan", "-c", str(path), "--json"])
        assert document.exit_code == 1
        unseen = [each["message"] for each in json.loads(document.stdout)["mappings"][0]["unseen"]]
        for reason in reasons:
            assert reason in result.stdout
            assert any(reason in each for each in unseen), unseen

    source.execute("REVOKE CONNECT ON DATABASE shop FROM PUBLIC")
    refused("Database shop on the source cannot be read")
    source.stop()
    refused("The source cannot be reached")
    destination.stop()
    refused("The source cannot be reached", "The destination cannot be reached")
