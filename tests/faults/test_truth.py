"""While a line is broken the status says which, since when, and what mends it; the light is out; and it comes back by itself."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from migrator.machines.samples.load import Load
from tests.faults.fault_proxy import Mode
from tests.faults.lines import Line, Lines, lines
from tests.faults.migration import Clusters, end_well, stage
from tests.machine_room import Summary

CODES = {
    Line.SOURCE: "source_unreachable",
    Line.DESTINATION: "destination_unreachable",
    Line.REPLICATION: "destination_cannot_reach_source",
}


def findings(seen: Summary) -> list[Summary]:
    found = seen["findings"]
    assert isinstance(found, list)
    return found


def tell_the_truth(made: Lines, line: Line, mode: Mode) -> None:
    """Break it; wait until it is told; mend it; wait for the light."""
    room, proxy = made.room, made.proxies[line]
    begun = time.monotonic()
    proxy.set(mode)
    seen = room.until(lambda summary: any(entry["code"] == CODES[line] for entry in findings(summary)), 90)
    assert (seen["status"], seen["cutover_ready"]) == ("problematic", False)
    told = next(entry for entry in findings(seen) if entry["code"] == CODES[line])
    print(f"{line}, {mode.value}: told after {time.monotonic() - begun:.1f} s: {told['message']}")
    assert told["blocking"]
    assert told["remedy"]
    first = told["since"]
    later = room.fresh()
    assert {entry["since"] for entry in findings(later) if entry["code"] == CODES[line]} >= {first}
    begun = time.monotonic()
    proxy.heal()
    room.status("cutover_ready")
    print(f"{line}, {mode.value}: the light after {time.monotonic() - begun:.1f} s")


def readiness(made: Lines) -> int:
    """What `/readyz` answers."""
    try:
        with urllib.request.urlopen(f"{made.room.machinery.dashboard}readyz", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def dashboard(made: Lines) -> Summary:
    """The mapping as the dashboard's API tells it."""
    with urllib.request.urlopen(f"{made.room.machinery.dashboard}api/mappings/m", timeout=30) as answer:
        return dict(json.load(answer))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", [Mode.REFUSE, pytest.param(Mode.BLACK_HOLE, marks=pytest.mark.slow)])
def test_each_broken_line_is_told_and_heals(mode: Mode, cluster: Clusters, tmp_path: Path) -> None:
    source, destination = stage(cluster, 16, events=500, wal_receiver_timeout="5s")
    with (
        Load(source.spec("source"), "app-secret", 5) as load,
        lines(tmp_path, source, destination, web=True) as made,
    ):
        made.room.status("cutover_ready")
        for line in CODES:
            tell_the_truth(made, line, mode)
        assert readiness(made) == 200
        made.proxies[Line.REDIS].set(mode)
        assert readiness(made) == 503
        made.proxies[Line.REDIS].heal()
        made.room.fresh()
        assert dashboard(made)["status"] in ("cutover_ready", "synced")
        made.room.status("cutover_ready")
        end_well(made.room, load, source, destination)
