"""`plan` keeps its word: what a source logged of a whole migration, completed, stood in the plan before it began."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from migrator import control
from migrator.cli import main
from migrator.config import CopyMethod
from migrator.config_file import load
from migrator.machines.cluster import Cluster
from migrator.phases.insert_only import LATE_SECONDS
from tests.machine_room import instance, write_config
from tests.system.scenario import seed, to_the_light

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
    """As the plan spells it: one table of a batch at a time, the marker with its mapping, a copy without its columns."""
    sql = re.sub(r"^SET LOCAL lock_timeout = '\w+'; ", "", sql)  # of its transaction, in the same round trip
    if sql.startswith("ALTER PUBLICATION "):
        for each in re.split(r"; (?=ALTER PUBLICATION )", sql):  # both of a group, in one round trip
            head, add, tables = each.partition(" ADD TABLE ")
            yield from (f"{head}{add}{table}" for table in re.split(r", (?=ONLY )", tables))
    elif match := re.match(r"COPY (.*?) (?:\(.*\) )?TO STDOUT", sql):
        yield f"COPY {match[1]}"
    else:
        yield sql.replace("$1", f"'{mapping}'").rstrip(";")


@pytest.mark.parametrize("method", CopyMethod)
def test_the_source_sees_what_was_planned(cluster: Callable[..., Cluster], tmp_path: Path, method: CopyMethod) -> None:
    source, destination = cluster(16, log_line_prefix="§%a§ "), cluster(18)
    seed(source)
    source.execute("CREATE TABLE visit (at timestamptz DEFAULT now()); INSERT INTO visit DEFAULT VALUES", "shop")
    source.execute("ALTER SYSTEM SET log_statement = 'all'")
    source.execute("SELECT pg_reload_conf()")
    since = len(source.log())
    ends = instance(source), instance(destination)
    ways: dict[str, Any] = {"copy_method": method.value, "without_identity": "insert_only"}
    path = write_config(tmp_path, *ends, {}, databases=["shop"], schema_trial=True, **ways)
    result = CliRunner().invoke(main, ["plan", "-c", str(path), "--json"])
    assert result.exit_code == 0, result.output
    planned = {seen["sql"] for seen in json.loads(result.stdout)["mappings"][0]["source"]}
    planned |= {sql.partition(" (<columns>)")[0] for sql in planned if sql.startswith("COPY ")}
    later = json.loads(result.stdout)["mappings"][0]["later"]
    assert len(later) == 1 and "nothing is dropped (partition_maintenance: create)" in later[0]
    readable = CliRunner().invoke(main, ["plan", "-c", str(path)]).stdout
    assert [sql for sql in planned if "\n" not in sql and sql not in readable] == []
    assert later[0] in readable

    spec = load(path, {}).mappings[0]
    to_the_light(spec)
    control.take_barrier(spec)
    time.sleep(LATE_SECONDS)  # until then an UPDATE of the table without an identity might still be counted
    assert control.complete(spec).left == ()

    seen = [(who, sql) for who, sql in logged(source, since) if writes(sql)]
    surprises = [(who, piece) for who, sql in seen for piece in pieces(sql, spec.name) if piece not in planned]
    assert surprises == []
    verbs = {sql.split()[0] for _, sql in seen}
    assert {"CREATE", "ALTER", "DROP", "COPY"} <= verbs, verbs
    copied = {piece for _, sql in seen for piece in pieces(sql, spec.name) if piece.startswith("COPY")}
    assert copied == {sql for sql in planned if sql.startswith("COPY ") and "<" not in sql}
