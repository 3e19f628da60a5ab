"""Databases by turns: who is looked at when, what may be taken from before, and that nothing old ever lights the light."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.config import Replication
from migrator.contents import Subscription, SubscriptionState
from migrator.model import Lsn
from migrator.observation import DatabasePair, Observation
from migrator.records import Barrier, Identity, Intent, Journal, Ledger, LedgerGroup
from migrator.schema import Schema
from migrator.status import is_stable
from migrator.steps import Action, Decision, Finding, Gates, Step, Wait
from migrator.turns import FEW, due, may_rest, quiet_of, refreshed, restless
from tests.builders import NOW, database, group, instance, pair, view

PERIOD = 60.0


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def names(count: int) -> list[str]:
    return [f"db{number:03}" for number in range(count)]


def test_few_are_always_looked_at() -> None:
    seen = dict.fromkeys(names(FEW), NOW)
    assert due(seen, NOW, NOW, PERIOD) == seen.keys()
    assert due({}, NOW, NOW, PERIOD) == frozenset()


def test_the_ones_seen_longest_ago_come_first() -> None:
    seen = {name: NOW - seconds(number) for number, name in enumerate(names(40))}
    assert due(seen, NOW, NOW, PERIOD) == set(names(40)[-FEW:])


def test_a_clock_that_went_backwards_proves_nothing() -> None:
    seen = dict.fromkeys(names(50), NOW)
    assert due(seen, NOW, NOW - seconds(1), PERIOD) == seen.keys()


@settings(deadline=None)
@given(
    count=st.integers(FEW + 1, 300),
    gaps=st.lists(st.floats(0.5, 30), min_size=40, max_size=80),
    period=st.floats(20, 300),
)
def test_nobody_waits_longer_than_the_period_and_a_tick(count: int, gaps: list[float], period: float) -> None:
    now, last = NOW, NOW
    seen = dict.fromkeys(names(count), NOW)
    for gap in gaps:
        now += seconds(gap)
        turn = due(seen, last, now, period)
        assert all(now - at < seconds(period) for name, at in seen.items() if name not in turn)
        seen.update(dict.fromkeys(turn, now))
        last = now


@pytest.mark.parametrize("interval", [1.0, 5.0])
def test_the_round_is_spread_over_the_ticks(interval: float) -> None:
    now, seen, most = NOW, dict.fromkeys(names(200), NOW), 0
    for _ in range(100):
        last, now = now, now + seconds(interval)
        turn = due(seen, last, now, PERIOD)
        most = max(most, len(turn))
        seen.update(dict.fromkeys(turn, now))
    assert most <= max(FEW, 200 * interval / PERIOD * 1.5 + 1)


JOURNAL = Journal(Intent.MIGRATE, Identity("1", 1), Identity("2", 1), None, None, None, False, ())


def test_at_the_end_of_a_mapping_nobody_waits_for_a_turn() -> None:
    assert may_rest(JOURNAL)
    assert may_rest(replace(JOURNAL, intent=Intent.PAUSED))
    assert not may_rest(None)
    assert not may_rest(replace(JOURNAL, barrier=Barrier(Lsn(1), NOW)))
    assert not may_rest(replace(JOURNAL, intent=Intent.COMPLETING))
    assert not may_rest(replace(JOURNAL, intent=Intent.ABORTING))


def piped(name: str, observed_at: datetime | None = None) -> DatabasePair:
    """A database with a group, as seen at that time."""
    ledger = Ledger(True, (LedgerGroup(1, group(name), 1, "1", True, 7, Identity("1", 1), Identity("2", 1)),))
    subscription = Subscription(
        group(name), 7, True, "postgres", group(name), (group(name),), 1, 0, 0, 0, None, True, {}, {}, {}
    )
    return pair(
        name,
        source_schema=Schema(),
        target_schema=Schema(),
        ledger=ledger,
        subscriptions=(subscription,),
        observed_at=observed_at,
    )


STATE = SubscriptionState(group("shop"), "shop", True, 1, 0, 0, 0, Lsn(5))


def test_what_was_seen_before_has_its_subscription_as_it_is_now() -> None:
    ends = instance(databases=(database("shop"),))
    fresh = refreshed(piped("shop"), {7: replace(STATE, worker_pid=None, apply_error_count=3)}, ends, ends)
    assert fresh is not None
    (subscription,) = fresh.subscriptions
    assert (subscription.worker_pid, subscription.apply_error_count, subscription.remote_lsn) == (None, 3, Lsn(5))


def test_another_database_or_subscription_is_looked_at() -> None:
    ends, gone = instance(databases=(database("shop"),)), instance()
    assert refreshed(piped("shop"), {7: STATE}, gone, ends) is None
    assert refreshed(piped("shop"), {7: STATE}, ends, gone) is None
    assert refreshed(piped("shop"), {}, ends, ends) is None
    assert refreshed(piped("shop"), {8: STATE}, ends, ends) is None
    assert refreshed(piped("shop"), {7: replace(STATE, database="other")}, ends, ends) is None


def test_upkeep_alone_makes_nobody_restless() -> None:
    act = Action("advance 3 sequences", ())
    assert not restless(Decision("m", (Step("sequences", "shop", Gates.NOTHING, (act,)),)))
    for noisy in (
        Step("sequences", "shop", Gates.NOTHING, findings=(Finding("sequence_ahead", "ahead"),)),
        Step("sequences", "shop", Gates.NOTHING, waits=(Wait("to be tried again"),)),
        Step("post_data", "shop", actions=(act,)),
        Step("catchup", "shop", waits=(Wait("behind"),)),
        Step("post_data", "shop", findings=(Finding("schema_drift", "differs"),)),
    ):
        assert restless(Decision("m", (noisy,))) == {"shop"}


def observation(*pairs: DatabasePair, remembered: frozenset[str] = frozenset()) -> Observation:
    return replace(view(pairs=pairs).observation, journal=JOURNAL, remembered=remembered)


def test_only_what_was_read_whole_and_has_nothing_to_do_is_kept() -> None:
    unread = replace(piped("shop"), source_error="somebody holds a lock")
    assert quiet_of(observation(piped("shop")), Decision("m")).pairs.keys() == {"shop"}
    assert quiet_of(observation(piped("shop")), Decision("m")).pairs["shop"].observed_at == NOW
    assert not quiet_of(observation(unread), Decision("m")).pairs
    assert not quiet_of(observation(pair("shop")), Decision("m")).pairs
    waiting = Decision("m", (Step("catchup", "shop", waits=(Wait("behind"),)),))
    assert not quiet_of(observation(piped("shop")), waiting).pairs


def stable(*looks: float, quiet_for: float, stable_at: datetime | None = None) -> bool:
    """Whether the light may come: databases looked at so many seconds ago, all quiet for `quiet_for` seconds."""
    pairs = [piped(f"db{number}", NOW - seconds(ago)) for number, ago in enumerate(looks)]
    journal = replace(JOURNAL, quiet_since=NOW - seconds(quiet_for), stable_at=stable_at)
    shown = view(replication=Replication(stable_seconds=30))
    return is_stable(shown.spec, replace(observation(*pairs), journal=journal), NOW)


def test_the_light_needs_a_look_at_every_database_stable_seconds_after_quiet_began() -> None:
    assert stable(0, 0, quiet_for=30)
    assert not stable(0, 0, quiet_for=29)
    assert not stable(0, 1, quiet_for=30)
    assert not stable(0, 55, quiet_for=80)
    assert stable(0, 50, quiet_for=80)


def test_once_seen_by_one_process_it_holds_for_those_that_looked_earlier() -> None:
    assert stable(0, 55, quiet_for=80, stable_at=NOW)
    assert not stable(0, 0, quiet_for=29, stable_at=NOW)  # stable_seconds may have been raised since


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 200), st.booleans()), min_size=1, max_size=12), st.floats(0, 200))
def test_no_old_look_ever_lights_it(looks: list[tuple[float, bool]], quiet_for: float) -> None:
    agos = [ago for ago, _ in looks]
    assert stable(*agos, quiet_for=quiet_for) <= all(quiet_for - ago >= 29.99 for ago in agos)
