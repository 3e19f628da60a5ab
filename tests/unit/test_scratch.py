"""What a killed process leaves behind is cleared away; what somebody holds, or is not ours, never."""

import subprocess
import sys
from pathlib import Path

from migrator.machines import scratch


def left_by_the_dead(parent: Path) -> Path:
    """A directory whose maker was killed."""
    made = "from migrator.machines.scratch import Path, make; print(make('pgm-', Path(sys.argv[1])), flush=True)"
    code = f"import sys, time; {made}; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(parent)], stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        home = Path(maker.stdout.readline().strip())
        (home / "data").mkdir()
        assert scratch.sweep(parent) == [], "its maker lives"
        maker.kill()
    return home


def test_only_what_nobody_holds_is_swept(tmp_path: Path) -> None:
    dead = left_by_the_dead(tmp_path)
    ours = scratch.make("pg-migrator-", tmp_path)
    kept = scratch.make("pg-migrator-", tmp_path)
    foreign = tmp_path / "pgm-foreign"
    foreign.mkdir()
    scratch.keep(kept)
    assert scratch.sweep(tmp_path) == [dead]
    assert sorted(tmp_path.iterdir()) == sorted([ours, kept, foreign])
    scratch.remove(ours)
    assert not ours.exists()


def test_not_under_a_server_that_still_runs(tmp_path: Path) -> None:
    dead = left_by_the_dead(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as server:
        (dead / "data" / "postmaster.pid").write_text(f"{server.pid}\n/data\n")
        assert scratch.sweep(tmp_path) == []
        server.kill()
    assert scratch.sweep(tmp_path) == [dead]


def test_one_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("")
    with file.open() as one, file.open() as other:
        assert scratch.lock(one.fileno())
        assert not scratch.lock(other.fileno())
    with file.open() as other:
        assert scratch.lock(other.fileno())
