"""The adaptive brake as arithmetic: slower while a bound is exceeded, faster when calm, gone when it no longer limits."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from migrator.config import Replication
from migrator.phases.brake import LEAST_MBPS, Vitals, adjusted
from migrator.records import Brake

BOTH = Replication(brake_commit_milliseconds=20.0, brake_standby_seconds=10.0)
CALM, SLOW, BEHIND = Vitals(5.0), Vitals(35.0), Vitals(5.0, "s1", 12.0)


def test_it_comes_on_at_half_of_what_held_before() -> None:
    first = adjusted(BOTH, 100.0, None, SLOW)
    assert first == Brake(50.0, "a commit on the source took 35 ms; brake_commit_milliseconds allows 20")
    second = adjusted(BOTH, 100.0, first, BEHIND)
    assert second is not None and second.mbps == 25.0
    assert second.reason == "the source's standby s1 replays 12 s behind; brake_standby_seconds allows 10"


def test_a_limit_lowered_meanwhile_is_halved_instead() -> None:
    found = adjusted(BOTH, 8.0, Brake(50.0, "x"), SLOW)
    assert found is not None and found.mbps == 4.0


def test_between_calm_and_the_bound_it_stays() -> None:
    held = Brake(10.0, "x")
    assert adjusted(BOTH, None, held, Vitals(18.0)) == held
    assert adjusted(BOTH, None, held, Vitals(5.0, "s1", 9.0)) == held


def test_without_a_bound_there_is_none() -> None:
    assert adjusted(Replication(), None, Brake(10.0, "x"), SLOW) is None
    only_commits = replace(BOTH, brake_standby_seconds=None)
    assert adjusted(only_commits, None, None, BEHIND) is None


@given(st.floats(1.0, 5000.0), st.none() | st.floats(2.0, 5000.0))
def test_it_reaches_the_least_and_lets_go_again(mbps: float, limit: float | None) -> None:
    brake: Brake | None = Brake(mbps, "x")
    for _ in range(20):
        brake = adjusted(BOTH, limit, brake, SLOW)
    assert brake is not None and brake.mbps == LEAST_MBPS
    rates = []
    while brake is not None:
        brake = adjusted(BOTH, limit, brake, CALM)
        rates.append(brake.mbps if brake else None)
    assert len(rates) < 50 and all(rate < (limit or 512.0) for rate in rates if rate)
