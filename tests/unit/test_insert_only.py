"""Tables of which only INSERT and TRUNCATE are replicated: when they can be taken in, and what their counters tell."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from migrator.config import WithoutIdentity
from migrator.contents import Publication
from migrator.names import group_name, inserts_name, is_ours, parse_group_name, publication_group
from migrator.observation import DatabasePair
from migrator.phases import initial_copy, insert_only, ways
from migrator.records import Barrier, Identity, Ledger, LedgerGroup, LedgerRelation
from tests import builders
from tests.unit.test_admission import stage as admission_of

HERE = Identity("1", 1)
LOG = "public.log"


def pair(now: int = 5, since: str = "1 2", **fields: object) -> DatabasePair:
    """A table of which 5 UPDATEs and DELETEs had been counted before its copy, and `now` so many; `fields` are its ledger's."""
    entry = LedgerRelation(LOG, 1, 7, 8, insert_only=True, changes=5, counted_since="1 2")
    group = LedgerGroup(1, builders.group(), 1, "1", True, 1, HERE, HERE, inserts_oid=2, inserts_xmin="1")
    publication = Publication(inserts_name(builders.group()), 2, "1", {LOG: (7, 8)}, {7: now}, since)
    ledger = Ledger(True, (group,), {LOG: replace(entry, **fields)})  # type: ignore[arg-type]
    return replace(builders.pair("shop", 0), publications=(publication,), ledger=ledger)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, None),
        ({"now": 6}, "insert_only_changed"),
        ({"now": 4}, "insert_only_uncounted"),
        ({"now": 5, "since": "1 3"}, "insert_only_uncounted"),
        ({"now": 9, "since": "3"}, "insert_only_uncounted"),
        ({"counted_since": insert_only.NOT_COUNTED}, "insert_only_uncounted"),
        ({"now": 9, "changes": None}, None),
        ({"now": 9, "insert_only": False}, None),
    ],
)
def test_what_the_counters_tell(fields: dict[str, Any], code: str | None) -> None:
    seen = pair(**fields)
    step = insert_only.examine(builders.view(pairs=(seen,), about=seen))
    assert [each.code for each in step.findings if each.blocking] == ([code] if code else [])


def test_a_group_takes_them_where_it_had_the_publication_before_the_slot() -> None:
    chosen = replace(builders.pair("shop", 0), ways={LOG: WithoutIdentity.INSERT_ONLY})
    assert ways.apart(chosen) == frozenset()
    group = LedgerGroup(1, builders.group(), 1, "1", True, 1, HERE, HERE)
    assert ways.apart(replace(chosen, ledger=Ledger(True, (group,)))) == {LOG}
    for early in (replace(group, slot_created=False), replace(group, inserts_oid=2)):
        assert ways.apart(replace(chosen, ledger=Ledger(True, (early,)))) == frozenset()


def test_the_count_is_complete_a_while_after_the_barrier() -> None:
    barrier, seen = Barrier(builders.instance().wal_lsn, builders.NOW), pair()
    soon, late = (builders.NOW + timedelta(seconds=seconds) for seconds in (11, 12))
    assert "up to 12 s after the barrier" in (insert_only.unsettled(replace(seen, observed_at=soon), barrier) or "")
    assert insert_only.unsettled(replace(seen, observed_at=late), barrier) is None
    assert insert_only.unsettled(replace(seen, observed_at=soon, ledger=Ledger(True)), barrier) is None


@pytest.mark.parametrize("has_second", [True, False])
def test_one_copied_anew_stays_where_its_group_has_no_second_publication(has_second: bool) -> None:
    """It lost its identity while it was replicated: its finding says so, and nothing is to make it vanish from the publication."""
    view = admission_of(1, begun=1)
    seen = view.database
    (group,) = seen.ledger.groups
    oid = 2 if has_second else None
    publications = (
        replace(seen.publications[0], relations={"public.t0": (0, 9)}),
        Publication(f"{group.name}_i", 2, "1", {}),
    )
    changed = replace(
        seen,
        ways={"public.t0": WithoutIdentity.INSERT_ONLY},
        ledger=replace(seen.ledger, groups=(replace(group, inserts_oid=oid, inserts_xmin="1"),)),
        publications=publications if has_second else publications[:1],
    )
    (action,) = initial_copy.examine(replace(view, pair=changed)).actions
    altered = [each.sql for each in action.statements if each.sql.startswith("ALTER PUBLICATION")]
    assert [sql.split()[3] for sql in altered] == (["DROP", "ADD"] if has_second else [])
    assert any("%(counted_since)s" in each.sql for each in action.statements if "INSERT INTO" in each.sql) is has_second


def test_the_longest_name_fits() -> None:
    group = group_name("m" * 40, "7" * 19, "d" * 40, 9999)
    name = inserts_name(group)
    assert len(name) <= 63 and publication_group(name) == publication_group(group) == group
    assert parse_group_name(name) == parse_group_name(group)
    assert is_ours(name, "m" * 40, "7" * 19, "d" * 40) and not is_ours(name, "n" * 40, "7" * 19, "d" * 40)
