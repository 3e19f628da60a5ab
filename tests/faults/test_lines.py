"""Each line in every kind of trouble, one after the other, through one migration: the light comes, all is equal."""

import time
from pathlib import Path

import pytest

from migrator import control
from migrator.machines.samples.load import Load
from tests.faults.fault_proxy import FaultProxy, Mode
from tests.faults.lines import Line, lines
from tests.faults.migration import FREELY, SLOWLY, Clusters, end_well, stage, stay_in_mid_copy

TROUBLE_SECONDS = 3.0

WORKERS = (Line.SOURCE, Line.DESTINATION)
"""Their two lines are broken in the quick tests too, by tests/faults/test_truth.py."""


def trouble(proxy: FaultProxy, mode: Mode, seconds: float = TROUBLE_SECONDS) -> None:
    """A while of it."""
    proxy.set(mode)
    time.sleep(seconds)
    proxy.heal()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "line", [Line.REDIS, Line.REPLICATION, *(pytest.param(line, marks=pytest.mark.slow) for line in WORKERS)]
)
def test_a_line_in_every_kind_of_trouble(line: Line, cluster: Clusters, tmp_path: Path) -> None:
    source, destination = stage(cluster, 15, events=1000)
    with (
        Load(source.spec("source"), "app-secret", 10) as load,
        lines(tmp_path, source, destination, SLOWLY) as made,
    ):
        room, proxy = made.room, made.proxies[line]
        room.phase("roles", "databases", "pre_data")
        proxy.cut()
        room.phase("pre_data", "publication", "subscription", "initial_copy")
        trouble(proxy, Mode.REFUSE)
        stay_in_mid_copy(room)
        trouble(proxy, Mode.BLACK_HOLE)
        control.set_rate_limit(room.spec, FREELY)
        room.status("cutover_ready")
        proxy.latency, proxy.bandwidth = 0.1, 200_000.0
        room.fresh()
        proxy.heal()
        proxy.cut()
        room.fresh(2)
        room.status("cutover_ready")
        end_well(room, load, source, destination)
