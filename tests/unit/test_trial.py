"""When a schema is tried, what waits for that, and what is said of what came of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from migrator.bookkeeping.journal import NOT_BEGUN
from migrator.model import User
from migrator.names import is_trial_name, parse_group_name, trial_name
from migrator.observation import DatabasePair, Hints
from migrator.phases import decide, trial
from migrator.phases.view import View
from migrator.records import CarriedRole, Identity, Ledger, LedgerGroup, Refusal, SchemaTrial, TrialFailure
from migrator.schema import Schema
from migrator.schema.namespace import Namespace
from migrator.steps import TrySchema
from migrator.work import work_for
from tests.builders import (
    DESTINATION_SYSTEM,
    MAPPING,
    NOW,
    SOURCE_SYSTEM,
    SUPERUSER,
    database,
    destination_instance,
    instance,
    pair,
    role,
    view,
)

APP = Schema(namespaces=(Namespace("app"),))
MOVED = Schema(namespaces=(Namespace("app"), Namespace("more")))
HERE, THERE = Identity(SOURCE_SYSTEM, 1), Identity(DESTINATION_SYSTEM, 1)
FAILURE = TrialFailure(Refusal.FAILED, "schema app", "no such luck [42601]")
WANT = TrialFailure(Refusal.RIGHT, "schema app", "permission denied [42501]")


def asked(shop: DatabasePair, *trials: SchemaTrial, user: User | None = None, **spec: object) -> View:
    """About a database `shop` that the destination does not have."""
    destination = destination_instance(user=user or SUPERUSER)
    source = instance(databases=(database("shop"),), roles=(role("app"),))
    plain = view(source, destination, (shop,), shop, **spec)
    return replace(plain, observation=replace(plain.observation, journal=replace(NOT_BEGUN, trials=trials)))


def tried(age: float, *failures: TrialFailure, seconds: float = 1.0) -> SchemaTrial:
    """A trial of APP, so many seconds ago."""
    digest = trial.digest(asked(pair(source_schema=APP)), pair(source_schema=APP))
    return SchemaTrial("shop", digest, NOW - timedelta(seconds=age), seconds, failures)


@pytest.mark.parametrize(
    ("schema", "known", "due"),
    [
        (APP, None, True),
        (APP, tried(9999), False),
        (APP, tried(9999, WANT), False),
        (MOVED, tried(599), False),
        (MOVED, tried(600), True),
        (APP, tried(299, FAILURE), False),
        (APP, tried(300, FAILURE), True),
        (APP, tried(300, FAILURE, seconds=30), False),
        (MOVED, tried(19, FAILURE), False),
        (MOVED, tried(20, FAILURE), True),
    ],
)
def test_when_it_is_due(schema: Schema, known: SchemaTrial | None, due: bool) -> None:
    shop = pair(source_schema=schema)
    seen = asked(shop, *([known] if known else []))
    assert trial.is_due(seen, shop) is due
    jobs = [action.job for action in trial.actions(seen)]
    assert jobs == ([TrySchema()] if due else [])


def test_what_has_begun_or_cannot_be_tried_is_left_alone() -> None:
    group = LedgerGroup(1, "g", None, None, False, None, HERE, THERE)
    for shop in (
        pair(source_schema=APP, ledger=Ledger(groups=(group,))),
        pair(source_schema=APP, target_schema=APP),
        pair(source_schema=APP, target_error="locked"),
        pair(),
    ):
        assert not trial.is_due(asked(shop), shop)
    shop = pair(source_schema=APP)
    assert not trial.is_due(asked(shop, schema_trial=False), shop)
    nobody = User("mover", superuser=False, replication=False, createdb=False, createrole=True, bypassrls=False)
    assert not trial.is_due(asked(shop, user=nobody), shop)
    assert [finding.code for finding in trial.findings(asked(shop, user=nobody))] == ["schema_trial_impossible"]
    assert list(trial.findings(asked(shop, user=nobody, schema_trial=False))) == []


def test_nothing_is_made_before_every_schema_was_tried_and_then_only_the_bad_one_waits() -> None:
    shop = pair(source_schema=APP)
    seen = asked(shop)
    decision = decide(seen.spec, seen.observation, Hints(), NOW)
    summaries = [action.summary for _, action in decision.actions]
    assert summaries[0] == "try the schema of shop" and not any("role" in summary for summary in summaries)
    step = decision.of("shop")[0]
    assert work_for(MAPPING, step, step.actions[0]).arguments == (MAPPING, "shop", "preflight", ())

    seen = asked(shop, tried(1, FAILURE))
    decision = decide(seen.spec, seen.observation, Hints(), NOW)
    assert "create role app" in [action.summary for _, action in decision.actions]
    there, carried = replace(seen.destination, roles=(role("app"),)), (CarriedRole(MAPPING, "old", "app", True),)
    with_roles = replace(seen.observation, destination=there)
    journal = replace(NOT_BEGUN, trials=(tried(1, FAILURE),), roles=carried)
    decision = decide(seen.spec, replace(with_roles, journal=journal), Hints(), NOW)
    (failed,) = (finding for finding in decision.findings if finding.code == "schema_trial_failed")
    assert "schema app (database shop): no such luck" in failed.message and failed.blocking
    assert "databases" not in {step.phase for step in decision.steps}

    journal = replace(journal, trials=(tried(1),))
    decision = decide(seen.spec, replace(with_roles, journal=journal), Hints(), NOW)
    assert "databases" in {step.phase for step in decision.steps}


def test_a_database_that_comes_later_does_not_stop_the_others() -> None:
    shop = pair(source_schema=APP)
    seen = asked(shop)
    journal = replace(NOT_BEGUN, roles=(CarriedRole(MAPPING, "old", "app", True),))
    later = replace(seen, observation=replace(seen.observation, journal=journal))
    assert trial.examine(seen).waits and not trial.examine(later).waits
    assert trial.is_due(later, shop)


def test_what_somebody_has_made_there_is_not_held_against_the_schema() -> None:
    there = pair(source_schema=MOVED, target_schema=APP)
    assert list(trial.findings(asked(there, tried(1, FAILURE)))) == []
    assert [each.code for each in trial.findings(asked(pair(source_schema=MOVED), tried(1, FAILURE)))] == [
        "schema_trial_failed"
    ]


def test_a_leftover_goes_also_of_a_database_that_is_not_selected_any_more() -> None:
    names = [trial_name(MAPPING, DESTINATION_SYSTEM, name) for name in ("shop", "gone")]
    other = trial_name("another", DESTINATION_SYSTEM, "shop")
    shop = pair(source_schema=APP)
    source = instance(databases=(database("shop"), database("gone")))
    destination = destination_instance(databases=tuple(database(name) for name in (*names, other)))
    seen = view(source, destination, (shop,), shop, schema_trial=False)
    dropped = [action.statements[0].sql for action in (*trial.actions(seen), *trial.examine(seen).actions)]
    assert dropped == [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in names]


def test_the_name_says_what_it_is() -> None:
    name = trial_name("old-to-new", DESTINATION_SYSTEM, "Größe " * 20)
    assert is_trial_name(name) and parse_group_name(name) is None and len(name) <= 63
    assert not is_trial_name("migrator_trial") and not is_trial_name(name + "_")
