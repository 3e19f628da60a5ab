"""The bucket: what is meant (Python) and what Redis does (Lua) are the same; over time the rate holds."""

import fakeredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator import bucket
from migrator.bucket import Bucket, admitted, refilled


def test_a_new_bucket_holds_one_second_of_its_rate() -> None:
    assert refilled(None, 10.0, 100.0) == Bucket(100.0, 10.0)


def test_a_cost_above_what_it_can_hold_is_admitted_and_the_next_one_waits_for_the_debt() -> None:
    held, wait = admitted(None, 1000.0, 0.0, 100.0)
    assert (held, wait) == (Bucket(-900.0, 0.0), 0.0)
    assert admitted(held, 1.0, 0.0, 100.0) == (held, 9.0)
    assert admitted(held, 1.0, 9.0, 100.0) == (Bucket(-1.0, 9.0), 0.0)


def test_a_clock_that_goes_back_adds_nothing() -> None:
    assert refilled(Bucket(-5.0, 100.0), 90.0, 10.0).level == -5.0


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=50), st.floats(1, 1e9))
def test_no_sequence_of_requests_gets_more_than_the_rate(costs: list[float], rate: float) -> None:
    held, now, taken = None, 0.0, 0.0
    for cost in costs:
        assert taken <= bucket.burst(rate) + rate * now + max(costs) + rate * 1e-6
        held, wait = admitted(held, cost, now, rate)
        if wait:
            now += wait
            held, wait = admitted(Bucket(0.0, now), cost, now, rate)
        taken += cost


@pytest.mark.parametrize("rate", [1.0, 1e9])
def test_the_script_does_what_the_arithmetic_says(rate: float) -> None:
    client = fakeredis.FakeRedis(decode_responses=True)
    script = client.register_script(bucket.ADMIT)
    assert script(keys=["b"], args=[rate * 10, rate, bucket.burst(rate), 60_000]) == "0"
    level, at = (float(client.hget("b", field) or 0) for field in ("level", "at"))
    assert level == pytest.approx(admitted(None, rate * 10, at, rate)[0].level)  # type: ignore[union-attr]
    wait = float(script(keys=["b"], args=[1, rate, bucket.burst(rate), 60_000]))
    assert wait == pytest.approx(9.0, abs=0.5)
    assert float(client.hget("b", "level") or 0) == level, "refused: nothing is taken"
