"""What the end waits for, and what is left alone once everything has arrived."""

from dataclasses import replace

from migrator import phases
from migrator.config import CopyMethod
from migrator.model import Lsn
from migrator.phases.arrival import left_alone
from migrator.records import Barrier, Identity, Intent, Journal, Ledger, LedgerGroup
from migrator.reports.completion import asleep_triggers
from migrator.reports.conditions import conditions, undone
from migrator.schema import Schema
from migrator.schema.definition import Definition
from migrator.steps import Action, Decision, Finding, Gates, Step, Wait
from tests import builders

BARRIER = Barrier(Lsn(1), builders.NOW, builders.NOW)
HERE, THERE = Identity("1", 1), Identity("2", 1)
JOURNAL = Journal(Intent.MIGRATE, HERE, THERE, None, None, BARRIER, False, ())
ASKED = tuple(dict.fromkeys(phase.name for phase in phases.SUBSCRIPTION_METHOD if phase.name != "sequences"))
BUILD = Action("build index public.i", (), "public.t")


def everywhere(*steps: Step) -> Decision:
    """Every phase was asked and is quiet, but for the steps given."""
    given = {step.phase for step in steps}
    quiet = (Step(name, where) for name in ASKED if name not in given for where in (None, "shop"))
    return Decision("m", (*quiet, *steps))


def reasons(decision: Decision, method: CopyMethod = CopyMethod.SUBSCRIPTION) -> list[str]:
    spec = builders.mapping_spec(copy_method=method)
    return list(undone(spec, builders.view(pairs=(builders.pair(),)).observation, decision))


def test_the_end_waits_for_every_gating_step_but_lag() -> None:
    assert reasons(everywhere()) == []
    lagging = Step("catchup", "shop", waits=(Wait("lag of 20 MB"),))
    assert reasons(everywhere(lagging)) == []
    building = Step("post_data", "shop", actions=(BUILD,), waits=(Wait("public.t waits"),))
    assert reasons(everywhere(building)) == ["Not done yet of post_data: public.t waits, build index public.i."]
    noting = replace(building, actions=(replace(BUILD, only_noted=True),), waits=())
    assert reasons(everywhere(noting)) == [], "the ledger goes with the end"
    assert reasons(everywhere(replace(building, gates=Gates.NOTHING))) == [
        "Not looked into yet, since something before is not done: post_data."
    ]


def test_what_was_not_asked_is_not_done() -> None:
    gated = Decision("m", tuple(step for step in everywhere().steps if step.phase not in ("privileges", "catchup")))
    assert reasons(gated) == ["Not looked into yet, since something before is not done: privileges."]


def test_a_phase_of_the_other_copy_method_is_not_missed() -> None:
    """A mapping that began by subscription, and whose configuration says snapshot since."""
    spec = builders.mapping_spec(copy_method=CopyMethod.SNAPSHOT)
    group = LedgerGroup(1, builders.group(), 1, "1", True, 7, HERE, THERE)
    pair = builders.pair(ledger=Ledger(True, (group,)))
    seen = builders.view(pairs=(pair,)).observation
    assert list(undone(spec, seen, everywhere())) == []
    assert all(each["met"] for each in conditions(spec, seen, everywhere()))
    away = replace(seen, databases=())
    assert not all(each["met"] for each in conditions(spec, away, Decision("m")))


def schema(*definitions: Definition) -> Schema:
    return Schema(definitions=definitions)


def test_what_is_gone_since_is_told_and_left() -> None:
    here = builders.view(pairs=(builders.pair(source_schema=schema(), target_schema=schema()),))
    view = replace(here, observation=replace(here.observation, journal=JOURNAL), pair=here.observation.databases[0])
    drift = Finding("schema_drift", "differs", database="shop")
    broken = Finding("replication_broken", "gone", database="shop")
    step = left_alone(view, Step("post_data", "shop", actions=(BUILD,), findings=(drift, broken)))
    assert (step.actions, step.waits) == ((), ())
    told = {finding.code: finding.blocking for finding in step.findings}
    assert told == {"schema_drift": False, "replication_broken": True, "changed_since_arrival": False}
    assert BUILD.summary in step.findings[-1].message
    for kept in ("carry", "catchup", "wal_budget"):
        assert left_alone(view, Step(kept, "shop", actions=(BUILD,))).actions == (BUILD,)
    upkeep = Step("sequences", "shop", Gates.NOTHING, actions=(BUILD,))
    assert left_alone(view, upkeep) == upkeep

    unread = replace(view, pair=replace(view.database, target_schema=None))
    held = left_alone(unread, Step("databases", "shop", actions=(Action("create database shop", ()),)))
    assert not held.actions and not held.quiet, "what comes after it is not asked of half a database"


def test_what_a_pause_holds_back_is_waited_for() -> None:
    held = phases._paused(Step("post_data", "shop", actions=(BUILD,)))
    assert not held.actions and held.waits == (Wait(f"held back by the pause: {BUILD.summary}"),)
    assert phases._paused(Step("post_data", "shop")).quiet


def test_a_trigger_that_is_absent_is_not_set() -> None:
    plain = Definition("trigger", "stamped on public.t", "key", (), "", late=True)
    wanted = replace(plain, state="A", at_cutover=("ALTER TABLE public.t ENABLE ALWAYS TRIGGER stamped",))
    disabled = replace(wanted, state="D")
    for there, asleep in ((schema(), 1), (schema(disabled), 1), (schema(wanted), 0)):
        pair = builders.pair(source_schema=schema(wanted), target_schema=there)
        assert len(asleep_triggers(pair)) == asleep
