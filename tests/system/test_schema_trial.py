"""The trial of the schema in a migration: before anything is made, once, and nothing of it stays, whatever happens to it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from click.testing import CliRunner

from migrator import control
from migrator.cli import main
from migrator.machines.cluster import Cluster
from migrator.names import is_trial_name, trial_name
from migrator.tick.reconcile import drive
from tests.machine_room import instance, write_config
from tests.system.scenario import mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]

BAD = """
CREATE VIEW progress AS SELECT max_dead_tuples FROM pg_stat_progress_vacuum;
CREATE VIEW checkpoints AS SELECT checkpoints_timed FROM pg_stat_bgwriter;
"""


def databases(cluster: Cluster) -> set[str]:
    return {name for (name,) in cluster.execute("SELECT datname FROM pg_database")}


def trials(cluster: Cluster) -> list[str]:
    return [name for name in databases(cluster) if is_trial_name(name)]


def blocking(findings: Iterable[Mapping[str, object]]) -> list[str]:
    """The codes, but for what preflight's own list of what is gone says of the same objects."""
    found = [str(finding["code"]) for finding in findings if finding["blocking"]]
    assert found.count("built_in_missing") == 2
    return [code for code in found if code != "built_in_missing"]


def test_it_comes_first_and_once_and_goes_again_when_mended(cluster: Clusters) -> None:
    source, destination = cluster(15), cluster(18)
    seed(source)
    source.execute(BAD, "shop")
    before = databases(destination)
    spec = mapping(source, destination, schema_trial=True)

    assert drive(spec) is not None
    assert destination.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'") == []
    seen = "SELECT tried_at, jsonb_array_length(failures) FROM migrator.trials"
    ((at, failures),) = destination.execute(seen)
    assert failures == 2
    again = drive(spec)
    assert again is not None
    assert blocking([each.document() for each in again.decision.findings]) == ["schema_trial_failed"] * 2
    assert destination.execute(seen) == [(at, 2)]
    assert databases(destination) == before
    assert source.execute("SELECT 1 FROM pg_publication", "shop") == []

    source.execute(
        "DROP VIEW progress; CREATE OR REPLACE VIEW checkpoints AS SELECT 1::bigint AS checkpoints_timed", "shop"
    )
    control.retry(spec)
    to_the_light(spec)
    assert control.abort(spec).left == ()
    assert ours_left(destination) == [] and trials(destination) == []


TICK = """
import sys
from migrator.config_file import load
from migrator.tick.reconcile import drive
drive(load(sys.argv[1], {}).mappings[0])
"""


def test_killed_in_the_middle_the_next_tick_leaves_nothing(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    spec = mapping(source, destination, schema_trial=True)
    path = write_config(tmp_path, instance(source), instance(destination), {}, schema_trial=True)
    with destination.connect() as holder, holder.transaction():
        holder.execute(
            "LOCK TABLE pg_shdescription IN SHARE ROW EXCLUSIVE MODE"
        )  # the trial's database is made, not yet entered
        ticking = subprocess.Popen([sys.executable, "-c", TICK, str(path)])
        waits = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator trial%' AND wait_event_type = 'Lock'"
        deadline = time.monotonic() + 120
        while not destination.execute(waits):
            assert time.monotonic() < deadline and ticking.poll() is None
            time.sleep(0.1)
        assert len(trials(destination)) == 1
        os.kill(ticking.pid, signal.SIGKILL)
        ticking.wait()
    assert len(trials(destination)) == 1
    deadline = time.monotonic() + 60
    while not destination.execute("SELECT 1 FROM migrator.trials"):
        assert time.monotonic() < deadline, "the dead one's lock goes when the server notices"
        drive(spec)
    assert trials(destination) == []


def test_an_ending_and_a_tick_without_trials_clear_it_away(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    spec = mapping(source, destination)
    identifier = destination.execute("SELECT system_identifier::text FROM pg_control_system()")[0][0]
    name = trial_name(spec.name, str(identifier), "shop")
    destination.execute(f"CREATE DATABASE {name}")
    with destination.connect(name):  # a session that nobody holds any more
        assert drive(spec) is not None
        assert trials(destination) == []
    destination.execute(f"CREATE DATABASE {name}")
    assert control.abort(spec).left == ()
    assert trials(destination) == []


def test_check_tries_and_can_do_without(cluster: Clusters, tmp_path: Path) -> None:
    source, destination = cluster(15), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(BAD, "shop")
    before = databases(destination)
    path = write_config(tmp_path, instance(source), instance(destination), {}, databases=["shop"], schema_trial=True)
    result = CliRunner().invoke(main, ["check", "-c", str(path), "--json"])
    assert result.exit_code == 1, result.output
    assert blocking(json.loads(result.stdout)["mappings"][0]["findings"]) == ["schema_trial_failed"] * 2
    result = CliRunner().invoke(main, ["check", "-c", str(path), "--json", "--no-trial"])
    assert blocking(json.loads(result.stdout)["mappings"][0]["findings"]) == []
    assert databases(destination) == before
    assert destination.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'migrator'") == []
