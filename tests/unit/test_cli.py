"""The command line without servers: what it prints, what it asks, and with which status it ends."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migrator import control
from migrator.cli import ending, main
from migrator.cli.report import duration, size
from migrator.config import MappingSpec
from migrator.config_file import load
from migrator.errors import MigratorError, RefusedError
from migrator.model import Lsn, Unreachable
from migrator.observation import Observation, Scope
from migrator.records import Barrier
from migrator.reports.leftovers import Leftover
from migrator.steps import Action, Decision, Finding, Gates, Side, Statement, Step
from migrator.tasks import carriage
from migrator.tick.reconcile import judge

CONFIG = {
    "instances": {"old": {"server": "old", "password": "hunter2hunter2"}, "new": {"server": "new"}},
    "mappings": [{"source_instance": "old", "destination_instance": "new", "name": "shop"}],
}
Invoke = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.delenv("MIGRATOR_CONFIG", raising=False)
    path = tmp_path / "c.json"
    path.write_text(json.dumps(CONFIG))

    def invoke(*arguments: str, typed: str | None = None, config: str | None = str(path)) -> Result:
        chosen = ["-c", config] if config else []
        return CliRunner().invoke(main, [arguments[0], *chosen, *arguments[1:]], input=typed)

    return invoke


def assessment(
    spec: MappingSpec, findings: tuple[Finding, ...] = (), actions: tuple[Action, ...] = (), **summary: object
) -> control.Assessment:
    away = Unreachable("no route to host")
    seen = Observation(spec.name, Scope(), datetime(2026, 1, 1, tzinfo=UTC), away, away, None)
    step = Step("preflight", "db", Gates.DATABASE, actions, findings=findings)
    real = judge(spec, seen)
    return replace(real, decision=Decision(spec.name, (step,)), summary={**real.summary, **summary})


@pytest.fixture
def assessed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def arrange(**given: object) -> None:
        monkeypatch.setattr(control, "assess", lambda spec, store=None, schemas=None: assessment(spec, **given))  # type: ignore[arg-type]

    return arrange


BLOCKING = Finding("wal_level", "wal_level is replica.", "ALTER SYSTEM SET wal_level = 'logical';", database="db")
NOTE = Finding("old_version", "The [destination] is not 18.", blocking=False)


def test_check_clear_and_blocked(run: Invoke, assessed: Callable[..., None]) -> None:
    assessed(findings=(NOTE,))
    result = run("check")
    assert result.exit_code == 0 and "clear, 1 note" in result.stdout and "The [destination]" in result.stdout
    assessed(findings=(NOTE, BLOCKING))
    result = run("check")
    assert result.exit_code == 1 and BLOCKING.remedy in result.stdout
    result = run("check", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1 and document["clear"] is False
    assert {finding["code"] for finding in document["mappings"][0]["findings"]} == {"wal_level", "old_version"}


def test_servers_that_do_not_answer_are_findings(run: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(spec: MappingSpec, store: object = None) -> control.Assessment:
        unreachable = Unreachable("no route to host")
        return judge(
            spec, Observation(spec.name, Scope(), datetime(2026, 1, 1, tzinfo=UTC), unreachable, unreachable, None)
        )

    monkeypatch.setattr(control, "assess", away)
    result = run("check")
    assert result.exit_code == 1 and "no route to host" in result.stdout
    assert run("status").exit_code == 0
    assert run("cutover", "shop").exit_code == 1


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["plan"],
        ["status"],
        ["cutover", "m"],
        ["complete", "m"],
        ["abort", "m"],
        ["forget", "m"],
        ["limit", "m", "1"],
        ["pause", "m"],
        ["resume", "m"],
        ["retry", "m"],
        ["worker"],
        ["beat"],
        ["web"],
        ["flower"],
    ],
    ids=lambda command: command[0],
)
def test_config_faults_end_every_command_with_2(run: Invoke, tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("instances: {a: {server: a, prot: 1}}\nmappings: [{source_instance: b}]")
    result = run(*command, config=str(path))
    assert result.exit_code == 2 and not result.stdout
    assert "instances.a.prot: unknown key; did you mean port?" in result.stderr
    assert "mappings.0.destination_instance: is missing" in result.stderr
    assert run(*command, config=str(tmp_path / "absent.yaml")).exit_code == 2
    assert run(*command, config=None).exit_code == 2


def test_the_file_may_come_from_the_variable(run: Invoke, assessed: Callable[..., None], tmp_path: Path) -> None:
    assessed()
    result = CliRunner().invoke(main, ["check"], env={"MIGRATOR_CONFIG": str(tmp_path / "c.json")})
    assert result.exit_code == 0, result.output


def test_unknown_mapping(run: Invoke) -> None:
    for command in (["cutover", "nope"], ["pause", "nope"], ["status", "nope"], ["limit", "nope", "5"]):
        result = run(*command)
        assert result.exit_code == 2 and "Known are: shop." in result.stderr


def test_plan_shows_statements_with_holes(run: Invoke, assessed: Callable[..., None]) -> None:
    statements = (
        Statement(Side.DESTINATION, None, "CREATE ROLE app PASSWORD {password:app}", holes=("password:app",)),
        Statement(Side.SOURCE, "db", "CREATE PUBLICATION p;"),
    )
    assessed(actions=(Action("create role app", statements),))
    assert "CREATE" not in run("plan").stdout and "create role app" in run("plan").stdout
    text = run("plan", "--sql").stdout
    assert "CREATE ROLE app PASSWORD {password:app};\n-- on the source, database db\nCREATE PUBLICATION p;\n" in text
    assert all(line.startswith(("--", "CREATE")) for line in text.splitlines())
    assessed(actions=(Action('create table "x\nDROP TABLE y"', statements),))
    assert all(line.startswith("--") for line in run("plan").stdout.splitlines())
    assessed(actions=(Action("create role app", statements),))
    steps = json.loads(run("plan", "--json").stdout)["mappings"][0]["steps"]
    assert steps[0]["actions"][0]["statements"][0] == {
        "side": "destination",
        "database": None,
        "sql": "CREATE ROLE app PASSWORD {password:app}",
        "transactional": True,
    }


STABLE = {
    "name": str,
    "source": str,
    "destination": str,
    "status": str,
    "phase": str,
    "cutover_ready": bool,
    "lag_bytes": type(None),
    "lag_seconds": type(None),
    "databases": list,
    "findings": list,
}


def test_status_json_keeps_its_shape(run: Invoke, assessed: Callable[..., None]) -> None:
    assessed()
    (mapping,) = json.loads(run("status", "--json").stdout)["mappings"]
    assert {key: type(mapping[key]) for key in STABLE} == STABLE
    for finding in mapping["findings"]:
        assert set(finding) == {"code", "message", "remedy", "database", "relation", "blocking", "since"}


def test_status_for_people(run: Invoke, assessed: Callable[..., None]) -> None:
    database = {
        "name": "shop[1]",
        "status": "in_progress",
        "phase": "initial_copy",
        "relations": {"total": 12, "ready": 3},
        "lag_bytes": 2**21,
        "lag_seconds": 61.0,
        "bytes_total": 2**30,
        "bytes_copied": 2**29,
    }
    assessed(databases=[database])
    text = run("status").stdout
    for part in ("shop[1]", "3 of 12", "512.0 MB of 1.0 GB", "2.0 MB", "1 min 1 s"):
        assert part in " ".join(text.split()), part


CUTOVER = [
    {
        "number": 1,
        "title": "Stop the writers",
        "why": "All of them.",
        "side": "source",
        "database": None,
        "sql": "ALTER ROLE app NOLOGIN;\n-- to undo",
        "command": None,
        "holds": False,
    },
    {
        "number": 2,
        "title": "Complete",
        "why": "At last.",
        "side": None,
        "database": None,
        "sql": None,
        "command": "pg-migrator complete shop",
        "holds": None,
    },
]


def test_cutover(run: Invoke, assessed: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    assessed(cutover_ready=True, cutover=CUTOVER)
    result = run("cutover", "shop")
    assert result.exit_code == 0
    assert "1. Stop the writers [not yet]" in result.stdout and "\nALTER ROLE app NOLOGIN;\n" in result.stdout
    assert "   $ pg-migrator complete shop\n" in result.stdout
    assert json.loads(run("cutover", "shop", "--json").stdout)["cutover"] == CUTOVER
    assessed(cutover_ready=False, cutover=CUTOVER)
    assert run("cutover", "shop").exit_code == 1
    taken_barrier = {"lsn": "0/10", "taken_at": "2026-01-01T00:00:00+00:00", "arrived_at": None}
    assessed(cutover_ready=False, cutover=CUTOVER, barrier=taken_barrier, completion={"safe": True, "reasons": []})
    result = run("cutover", "shop")
    assert result.exit_code == 0 and "not met" not in result.stdout and "everything has arrived" in result.stdout
    late = {"safe": False, "reasons": ["Large objects of shop were not carried."]}
    assessed(cutover_ready=True, cutover=CUTOVER, barrier=taken_barrier, completion=late)
    result = run("cutover", "shop")
    assert result.exit_code == 1, "the light allows for some lag, and knows nothing of what is carried"
    assert result.stdout.startswith("Cutover of shop: not yet:\n  - Large objects of shop were not carried.\n\n1. Stop")
    assert json.loads(run("cutover", "shop", "--json").stdout)["barrier"] == taken_barrier
    assessed(cutover_ready=False, cutover=CUTOVER)

    taken: list[str] = []

    def take(spec: MappingSpec) -> Barrier:
        taken.append(spec.name)
        return Barrier(Lsn(16), datetime(2026, 1, 1, tzinfo=UTC))

    monkeypatch.setattr(control, "take_barrier", take)
    assert run("cutover", "shop", "--writes-stopped", typed="n\n").exit_code == 1 and not taken
    assert "0/10" in run("cutover", "shop", "--writes-stopped", typed="y\n").stderr and taken == ["shop"]
    run("cutover", "shop", "--writes-stopped", "--yes")
    assert taken == ["shop", "shop"]
    assert run("cutover", "shop", "--writes-stopped", "--writes-resumed").exit_code == 2

    to_undo = {"shop": ("ALTER TABLE t DISABLE TRIGGER x;",)}
    monkeypatch.setattr(control, "lift_barrier", lambda spec: control.Lifted(False, to_undo))
    assert "No barrier stands." in run("cutover", "shop", "--writes-resumed").stderr
    monkeypatch.setattr(control, "lift_barrier", lambda spec: control.Lifted(True, to_undo))
    result = run("cutover", "shop", "--writes-resumed")
    assert "The barrier is taken back." in result.stderr
    assert "run on the destination:\n-- database shop:\nALTER TABLE t DISABLE TRIGGER x;\n" in result.stderr


def test_completion_asks_for_the_name_and_shows_what_is_left(run: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    removal = control.Removal(("drop subscription migrator_x",), ())

    def complete(spec: MappingSpec, *, source_gone: bool = False) -> control.Removal:
        calls.append(source_gone)
        return removal

    monkeypatch.setattr(control, "complete", complete)
    monkeypatch.setattr(ending, "standing_alone", lambda spec: f"\\connect {spec.name}")
    assert run("complete", "shop", typed="shpo\n").exit_code == 1 and not calls
    result = run("complete", "shop", typed="shop\n")
    assert result.exit_code == 0 and "nothing of ours is left" in result.stdout and "migrator_x" in result.stdout
    result = run("complete", "shop", "--yes", "--source-gone")
    assert calls == [False, True] and "not looked at" in result.stderr
    assert "\n\\connect shop\n" in result.stdout
    unseen = Leftover("source", "REPLICA IDENTITY FULL of public.t in database shop", "ALTER TABLE ONLY public.t;")
    removal = control.Removal((), (), unseen=(unseen,))
    result = run("complete", "shop", "--yes", "--source-gone")
    assert result.exit_code == 0 and f"{unseen.what} had before:\n    {unseen.sql}\n" in result.stderr
    removal = control.Removal((), (Leftover("source", "replication slot s", "SELECT drop;"),))
    result = run("complete", "shop", "--yes")
    assert result.exit_code == 1 and "left on the source: replication slot s\n    SELECT drop;" in result.stderr


def test_errors_are_clean_messages(run: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(error: BaseException) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            raise error

        return fail

    monkeypatch.setattr(control, "complete", raising(RefusedError("Not safe now.", ["a is behind", "b writes"])))
    result = run("complete", "shop", "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Not safe now.\n  - a is behind\n  - b writes\n"
    monkeypatch.setattr(control, "pause", raising(MigratorError("It is so.", "Do this.")))
    result = run("pause", "shop")
    assert (result.exit_code, result.stderr) == (1, "It is so.\nDo this.\n")
    monkeypatch.setattr(control, "pause", raising(RuntimeError("bad password=abc and hunter2hunter2")))
    result = run("pause", "shop")
    assert result.exit_code == 1 and "Traceback" not in result.stderr
    assert "abc" not in result.stderr and "hunter2" not in result.stderr
    monkeypatch.setattr(control, "pause", raising(KeyboardInterrupt()))
    assert run("pause", "shop").exit_code == 130


def test_live_control(run: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float | None] = []
    monkeypatch.setattr(control, "set_rate_limit", lambda spec, mbps: limits.append(mbps))
    exceptions: list[str] = []
    shared: list[tuple[list[str], float | None]] = []

    def set_source_rate_limit(specs: list[MappingSpec], mbps: float | None) -> list[str]:
        shared.append(([spec.name for spec in specs], mbps))
        return exceptions

    monkeypatch.setattr(control, "set_source_rate_limit", set_source_rate_limit)
    for given in ("12.5", "0", "none"):
        assert run("limit", "shop", given).exit_code == 0
    assert limits == [12.5, 0.0, None]
    for wrong in ("fast", "nan", "inf"):
        assert run("limit", "shop", wrong).exit_code == 2
    assert run("limit", "--", "shop", "-1").exit_code == 2
    assert run("limit", "--instance", "old", "5").exit_code == 0
    assert shared == [(["shop"], 5.0)]
    exceptions.append("shop: Mapping shop has not begun.")
    result = run("limit", "--instance", "old", "none")
    assert result.exit_code == 1 and "does not hold for 1 of 1 mappings" in result.stderr and "begun" in result.stderr
    result = run("limit", "--instance", "new", "5")
    assert result.exit_code != 0 and "Sources are: old." in result.stderr
    result = run("retry", "shop")
    assert result.exit_code == 1 and "redis_url is not set" in result.stderr


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 kB"), (None, "-"), (2**50, "1024.0 TB")]
)
def test_sizes(value: object, text: str) -> None:
    assert size(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.04, "0.0 s"), (59.96, "60.0 s"), (125, "2 min 5 s"), (None, "-")])
def test_durations(value: object, text: str) -> None:
    assert duration(value) == text


def test_init_writes_what_loads(tmp_path: Path) -> None:
    path = tmp_path / "migrator.yaml"
    typed = "pg15.example.com:5433\n[fe80::1]:6000\nmover\nshop, crm\n"
    result = CliRunner().invoke(main, ["init", str(path)], input=typed)
    assert result.exit_code == 0, result.output
    config = load(path, {})
    (mapping,) = config.mappings
    assert (mapping.source.server, mapping.source.port, mapping.source.username) == ("pg15.example.com", 5433, "mover")
    assert (mapping.destination.server, mapping.destination.port) == ("fe80::1", 6000)
    assert mapping.databases.include == ("shop", "crm")
    again = CliRunner().invoke(main, ["init", str(path)], input=typed)
    assert again.exit_code == 1 and "exists" in again.stderr
    assert load(path, {}) == config


def test_init_without_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "migrator.yaml"
    options = ["--source", "a:1", "--destination", "b:2", "--username", "mover", "--databases", "shop"]
    result = CliRunner().invoke(main, ["init", *options, str(path)], input=None)
    assert result.exit_code == 0 and "?" not in result.output
    mapping = load(path, {}).mappings[0]
    assert (mapping.source.port, mapping.destination.port, mapping.source.username) == (1, 2, "mover")
    assert CliRunner().invoke(main, ["init", str(tmp_path / "other.yaml")], input="").exit_code == 1


def test_init_takes_every_database_by_default(tmp_path: Path) -> None:
    path = tmp_path / "migrator.yaml"
    assert CliRunner().invoke(main, ["init", str(path)], input="a\nb\n\n\n").exit_code == 0
    config = load(path, {})
    assert config.mappings[0].databases.include == ("*",)
    assert (config.mappings[0].source.port, config.mappings[0].source.username) == (5432, "postgres")
    assert config.replication.rate_limit_mbps is None


def test_carry_says_what_it_leaves_and_asks_before_it_overwrites(run: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    insisted: list[bool] = []

    def carry_again(spec: MappingSpec, buckets: object, *, overwrite: bool) -> Iterator[object]:
        insisted.append(overwrite)
        return iter(())

    monkeypatch.setattr(carriage, "keep", lambda spec: iter((("shop", "unlogged tables"),)))
    monkeypatch.setattr(carriage, "carry_again", carry_again)
    assert run("carry", "shop", "--keep").stdout == "shop: unlogged tables: left as on the destination\n"
    assert run("carry", "shop", "--keep", "--overwrite").exit_code == 2
    assert run("carry", "shop", "--overwrite", typed="shpo\n").exit_code == 1 and not insisted
    assert run("carry", "shop", "--overwrite", typed="shop\n").exit_code == 0 and insisted == [True]
    assert run("carry", "shop").exit_code == 0 and insisted == [True, False]
