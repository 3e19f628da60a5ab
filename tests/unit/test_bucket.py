"""The buckets: what is meant (Python) and what Redis does (Lua) are the same; over time the rate holds."""

import fakeredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator import bucket
from migrator.bucket import BURST_SECONDS, LEAST_SECONDS, STANDSTILL_SECONDS, Bucket, Limit, refilled, taken
from migrator.store import Store
from migrator.throttle import SLICE_SECONDS, SharedThrottle, draw


def test_a_new_bucket_holds_what_its_rate_brings_in_the_burst_s_time() -> None:
    assert refilled(None, 10.0, 100.0) == Bucket(100.0 * BURST_SECONDS, 10.0)


def test_a_cost_above_what_it_can_hold_is_taken_and_the_next_one_waits_for_the_debt() -> None:
    held, wait = taken([None], [100.0], 1025.0, 0.0)
    assert (held, wait) == ([Bucket(-1000.0, 0.0)], 0.0)
    assert taken(held, [100.0], 1.0, 0.0) == (held, 10.0)
    assert taken(held, [100.0], 1.0, 10.0) == ([Bucket(-1.0, 10.0)], 0.0)


def test_from_all_or_from_none() -> None:
    empty, full = Bucket(-50.0, 0.0), Bucket(10.0, 0.0)
    assert taken([empty, full], [10.0, 1000.0], 5.0, 0.0) == ([empty, full], 5.0)
    assert taken([full, full], [1000.0, 1000.0], 5.0, 0.0) == ([Bucket(5.0, 0.0)] * 2, 0.0)


def test_a_rate_of_0_is_a_standstill_that_fills_nothing() -> None:
    held, wait = taken([Bucket(-50.0, 0.0)], [0.0], 1.0, 3600.0)
    assert (held, wait) == ([Bucket(-50.0, 3600.0)], STANDSTILL_SECONDS)
    assert taken(held, [10.0], 1.0, 3600.0)[1] == 5.0


def test_a_changed_rate_holds_from_the_change_on() -> None:
    asked, wait = taken([Bucket(-1000.0, 0.0)], [100.0], 1.0, 5.0)
    assert (asked, wait) == ([Bucket(-500.0, 5.0)], 5.0)
    assert taken(asked, [1.0], 1.0, 6.0)[1] == 499.0


def test_a_clock_that_goes_back_adds_nothing() -> None:
    assert refilled(Bucket(-5.0, 100.0), 90.0, 10.0).level == -5.0


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=50), st.floats(1, 1e9))
def test_no_sequence_of_requests_gets_more_than_the_rate(costs: list[float], rate: float) -> None:
    held: list[Bucket] = [refilled(None, 0.0, rate)]
    now, total = 0.0, 0.0
    for cost in costs:
        assert total <= rate * (BURST_SECONDS + now) + max(costs) + rate * 1e-5
        held, wait = taken(held, [rate], cost, now)
        while wait:
            now += wait
            held, wait = taken(held, [rate], cost, now)
        total += cost


def store() -> tuple[Store, "fakeredis.FakeRedis"]:
    client = fakeredis.FakeRedis(decode_responses=True)
    return Store(client), client


@pytest.mark.parametrize("rate", [1.0, 1e9])
def test_the_script_does_what_the_arithmetic_says(rate: float) -> None:
    there, client = store()
    limits = (Limit("source:7", rate), Limit("mapping:m", rate * 2))
    assert there.take(limits, rate * 10) == 0.0

    def levels() -> list[float]:
        return [float(client.hget(f"migrator:{{rate}}:{limit.bucket}", "level") or 0) for limit in limits]

    after, _ = taken([None, None], [rate, rate * 2], rate * 10, 0.0)
    assert levels() == pytest.approx([bucket.level for bucket in after])
    assert there.take(limits, 1) == pytest.approx(10 - BURST_SECONDS, abs=0.5)
    assert levels() == pytest.approx([bucket.level for bucket in after], abs=rate * 0.5), "refused: nothing is taken"
    paused = (limits[0], Limit("mapping:m", 0.0))
    assert there.take(paused, 1) == pytest.approx(10 - BURST_SECONDS, abs=0.5)
    assert there.take(paused[1:], 1) == STANDSTILL_SECONDS


def test_a_wait_too_short_to_print_is_not_taken_for_none() -> None:
    there, client = store()
    client.hset("migrator:{rate}:b", mapping={"level": "-0.001", "at": "9999999999"})
    assert there.take((Limit("b", 1e9),), 1) == LEAST_SECONDS
    assert client.hget("migrator:{rate}:b", "level") == "-0.001"


def test_a_bucket_outlives_its_debt() -> None:
    there, client = store()
    there.take((Limit("b", 1.0),), 1e6)
    assert client.pttl("migrator:{rate}:b") > 1e9
    there.take((Limit("b", 1.0),), 1)
    assert client.pttl("migrator:{rate}:b") > 1e9


def test_no_limit_asks_nobody() -> None:
    there, client = store()
    assert there.take((), 1e18) == 0.0
    assert client.keys("*") == []


def test_draw_sleeps_in_slices_and_obeys_limits_changed_meanwhile() -> None:
    there, _ = store()
    rates, slept = [10.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        rates[0] = 0.0 if len(slept) == 1 else 1e9

    throttle = SharedThrottle(there, lambda: (Limit("b", rates[0]),))
    draw(throttle, 1000.0, sleep)
    assert slept == []
    draw(throttle, 1.0, sleep)
    assert slept[:2] == [SLICE_SECONDS, SLICE_SECONDS]


def test_the_constants_fit_the_promise_of_five_per_cent_over_ten_seconds() -> None:
    assert bucket.BURST_SECONDS / 10 < 0.05
