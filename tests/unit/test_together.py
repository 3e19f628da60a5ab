"""Which actions share a transaction, how large it gets, and what it locks."""

from dataclasses import replace

import pytest

from migrator.phases import quick
from migrator.phases.failing import key_of
from migrator.schema import Schema
from migrator.steps import Action, Lock, Quick, Side, Statement, Step
from migrator.together import MOST_BYTES, MOST_STATEMENTS, bundles, halves, statements_at_once, transaction
from tests import builders

STEP = Step("post_data", "shop")
SERVER = builders.instance(settings={"max_locks_per_transaction": "64", "max_connections": "100"})


def action(name: str, statements: int = 1, cost_bytes: int = 0, *, is_quick: bool = True) -> Action:
    sentences = tuple(f"DO {name} {number}" for number in range(statements))
    made = tuple(Statement(Side.DESTINATION, "shop", sql) for sql in sentences)
    return Action(name, made, name, cost_bytes, quick=Quick(sentences, ()) if is_quick else None)


def lengths(*actions: Action, failed: frozenset[str] = frozenset(), most: int = 100) -> list[int]:
    server = replace(SERVER, settings={**SERVER.settings, "max_connections": str(most)})
    found = list(bundles([(STEP, each) for each in actions], failed, server))
    assert [each for bundle in found for _, each in bundle] == list(actions)  # all of them, in their order
    return [len(bundle) for bundle in found]


def test_quick_neighbours_share_a_transaction_and_others_have_their_own() -> None:
    gentle = action("gentle", is_quick=False)
    assert lengths(action("a"), action("b"), gentle, action("c"), action("d")) == [2, 1, 2]
    assert lengths() == []


def test_what_failed_before_has_no_company() -> None:
    named = [action(name) for name in "abcde"]
    assert lengths(*named, failed=frozenset({key_of(STEP, named[2])})) == [2, 1, 2]


@pytest.mark.parametrize(
    ("locks", "connections", "prepared", "at_once"),
    [(64, 100, 0, MOST_STATEMENTS), (64, 20, 0, 40), (64, 10, 10, 40), (10, 5, 0, 1), (0, 0, 0, 1)],
)
def test_a_transaction_takes_a_quarter_of_the_lock_table(
    locks: int, connections: int, prepared: int, at_once: int
) -> None:
    settings = {
        "max_locks_per_transaction": str(locks),
        "max_connections": str(connections),
        "max_prepared_transactions": str(prepared),
    }
    assert statements_at_once(builders.instance(settings=settings)) == at_once


def test_transactions_end_where_the_lock_table_or_the_patience_of_apply_does() -> None:
    assert lengths(*(action(str(number)) for number in range(45)), most=10) == [20, 20, 5]
    assert lengths(*(action(str(number), 3) for number in range(14)), most=10) == [6, 6, 2]
    assert lengths(action("a", 50), action("b"), most=10) == [1, 1]  # one object is made whole
    half = MOST_BYTES // 2
    assert lengths(*(action(str(number), cost_bytes=half) for number in range(5))) == [2, 2, 1]


def test_every_lock_is_had_before_the_first_statement_each_table_once_at_its_strongest() -> None:
    work = (
        Quick(("one",), (("app.a", Lock.SHARE_ROW_EXCLUSIVE), ("app.b", Lock.SHARE_ROW_EXCLUSIVE))),
        Quick(("two",), (("app.c", Lock.SHARE_UPDATE_EXCLUSIVE),)),
        Quick(("three",), (("app.a", Lock.ACCESS_EXCLUSIVE),)),
    )
    limits, locks, statements = (lambda sql: (sql[:2], sql[2:5], sql[5:]))(transaction(work))
    assert all(sql.startswith("SET LOCAL ") for sql in limits)
    assert locks == (
        "LOCK TABLE ONLY app.c IN SHARE UPDATE EXCLUSIVE MODE NOWAIT",
        "LOCK TABLE ONLY app.b IN SHARE ROW EXCLUSIVE MODE NOWAIT",
        "LOCK TABLE ONLY app.a IN ACCESS EXCLUSIVE MODE NOWAIT",
    )
    assert statements == ("one", "two", "three")
    assert not any("LOCK" in sql.split()[0] for sql in transaction([Quick(("one",), ())]))


def test_halves_keep_the_order_and_lose_nobody() -> None:
    five = [(STEP, action(name)) for name in "abcde"]
    ahead, behind = halves(five)
    assert ([*ahead, *behind], len(ahead)) == (five, 2)


def test_only_what_is_known_to_be_small_is_quick() -> None:
    """An unknown size is no small one, and what is no table cannot be locked."""
    assert quick.beside(None, ("sql",), Schema()) is None
    assert quick.beside("app.view", ("sql",), Schema()) is None
    assert not quick.is_small("app.unknown", Schema(), {})
