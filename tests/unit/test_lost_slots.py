"""When a slot of ours is noted as lost: by the word of the server where it was made, and of no other."""

from dataclasses import replace
from typing import Any

import pytest

from migrator.bookkeeping.journal import NOT_BEGUN
from migrator.phases import lost_slots, subscription
from migrator.records import Identity, Ledger, LedgerGroup, LedgerRelation
from tests import builders

ENDS = Identity(builders.SOURCE_SYSTEM, 1), Identity(builders.DESTINATION_SYSTEM, 1)
MADE = LedgerGroup(1, builders.group(), 16400, "700", True, 16500, *ENDS)
RELATIONS = {"public.t0": LedgerRelation("public.t0", 1, 1, 2)}


@pytest.mark.parametrize(
    ("group", "slot", "source", "noted"),
    [
        ({}, {}, {}, False),
        ({}, None, {}, True),
        ({}, {"wal_status": "lost", "restart_lsn": None}, {}, True),
        ({}, {"plugin": None, "database": None}, {}, True),
        ({"slot_created": False}, None, {}, False),
        ({"slot_lost_at": builders.NOW}, None, {}, False),
        ({}, None, {"in_recovery": True}, False),
        ({}, None, {"timeline": 2}, False),
        ({}, None, {"system_identifier": "7"}, False),
    ],
)
def test_when_it_is_noted(
    group: dict[str, Any], slot: dict[str, Any] | None, source: dict[str, Any], noted: bool
) -> None:
    slots = (builders.slot(builders.group(), **slot),) if slot is not None else ()
    ledger = Ledger(exists=True, groups=(replace(MADE, **group),), relations=RELATIONS)
    seen = builders.view(builders.instance(slots=slots, **source), pairs=(builders.pair(ledger=ledger),))
    assert bool(lost_slots.actions(seen)) is noted


def test_one_that_was_lost_stays_broken_whatever_stands_there_now() -> None:
    lost = replace(MADE, slot_lost_at=builders.NOW)
    about = builders.pair(ledger=Ledger(exists=True, groups=(lost,), relations=RELATIONS))
    view = builders.view(pairs=(about,), about=about)
    view = replace(view, observation=replace(view.observation, journal=NOT_BEGUN))
    finding = subscription.slot_trouble(view, lost, builders.slot(lost.name))
    assert finding is not None and finding.blocking and finding.code == "replication_broken"
    assert subscription.slot_trouble(view, MADE, builders.slot(lost.name)) is None
