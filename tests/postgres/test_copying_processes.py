"""Copiers as processes: killed in mid-copy, held to a rate together, and as small as they say."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from migrator.copying.errors import YieldError
from migrator.machines.cluster import Cluster
from tests.postgres import copier
from tests.postgres.copier import Order
from tests.postgres.copying import NAME, Pair, make_pair

MB = 1_048_576
FILL = "INSERT INTO public.t SELECT g, repeat(md5(g::text), 32) FROM generate_series(1, {0}) g"


@pytest.fixture
def pair(shared: Callable[[int], Cluster], database: Callable[..., str]) -> Iterator[Pair]:
    """16 to 18; an empty table of rows of about 1 kB, kept as they are."""
    old, new = shared(16), shared(18)
    with ExitStack() as stack:
        made = make_pair(stack, old, new, (database(old), database(new)))
        made.on_both("CREATE TABLE public.t (id int, body text); ALTER TABLE public.t ALTER body SET STORAGE EXTERNAL")
        yield made


def order(pair: Pair, part_bytes: int, **fields: object) -> Order:
    """All parts of the table."""
    pair.hold_snapshot()
    made = Order(
        pair.old.port, pair.new.port, pair.database, pair.target, NAME, tuple(pair.jobs("public.t", part_bytes))
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def count(pair: Pair) -> tuple[int, int]:
    return pair.on_destination("SELECT count(*), count(DISTINCT id) FROM public.t")[0]


def test_killed_in_mid_copy_and_begun_again_at_once(pair: Pair, valkey: str) -> None:
    """SIGKILL: its backends do not know yet. The parts it had finished are not copied again, and no row is there twice."""
    pair.on_source(FILL.format(12_000))
    whole = order(pair, 4 * MB, redis_url=valkey, rate=6.0 * MB)
    first = copier.start(whole)
    copier.wait_until_copying(first)
    for _ in range(600):
        finished = pair.on_destination("SELECT count(*) FROM migrator.parts WHERE copied_at IS NOT NULL")[0][0]
        if finished:
            break
    first.kill()
    first.wait(30)
    copied = []
    for job in whole.jobs:
        for _ in range(20):
            try:
                copied += pair.copy([job])
                break
            except YieldError:  # the dead one's transaction has not ended yet
                continue
    assert count(pair) == (12_000, 12_000)
    assert finished >= 1 and copied.count(None) >= finished


@pytest.mark.parametrize("mb", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_memory_is_bounded(pair: Pair, mb: int) -> None:
    """A copier stays under 200 MB plus the largest row, which libpq holds twice: as it arrives, and as it is handed over."""
    pair.on_source(
        f"INSERT INTO public.t SELECT g, (SELECT string_agg(repeat(md5(i::text), 32768), '') FROM generate_series(1, {mb}) i)"
        " FROM generate_series(1, 2) g"
    )
    pair.on_source(FILL.format(30_000))
    process = copier.start(order(pair, 1 << 30))
    copier.wait_until_copying(process)
    report = copier.report_of(process)
    assert report.error == "" and report.rows == 30_002
    source, destination = pair.checksums("public.t")
    assert source == destination
    assert report.peak_kb * 1024 < (200 + mb) * MB, f"{report.peak_kb} kB"


def test_a_rate_holds_for_all_copiers_together(pair: Pair, valkey: str) -> None:
    """By what the kernel has received from the source, read or not. (How near they come on an idle machine: the benchmark `rate`.)"""
    rate, seconds, workers = 8.0 * MB, 6.0, 4
    pair.on_source(FILL.format(80_000))
    whole = order(pair, 20 * MB, redis_url=valkey, rate=rate, seconds=seconds + 5)
    assert len(whole.jobs) >= workers
    processes = [copier.start(replace(whole, jobs=[job])) for job in whole.jobs[:workers]]
    reports = [copier.report_of(process) for process in processes]
    begun = min(report.received[0][0] for report in reports)
    received = sum(max(size for moment, size in report.received if moment <= begun + seconds) for report in reports)
    assert 0.4 < received / (rate * seconds) < 1.1
