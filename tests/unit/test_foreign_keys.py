"""Foreign keys between groups wait until every group has passed the barrier; those within one do not wait."""

from dataclasses import replace

import pytest

from migrator.contents import RelationSize, Subscription, SyncState
from migrator.model import Failure, Lsn
from migrator.observation import Hints
from migrator.phases import building, foreign_keys, post_data
from migrator.phases.view import View
from migrator.records import Barrier, Identity, Intent, Journal, Ledger, LedgerGroup, LedgerRelation
from migrator.schema import Schema
from migrator.schema.constraint import FOREIGN_KEY, Constraint
from migrator.schema.table import Table
from tests import builders

HERE = Identity("1", 1)
CHILD, PARENT = "public.child", "public.parent"
KEY = Constraint(
    9, CHILD, "fk", FOREIGN_KEY, False, "FOREIGN KEY (p) REFERENCES public.parent", True, True, True, True, None,
    (PARENT, "parent_pkey"),
)  # fmt: skip


def table(oid: int, name: str) -> Table:
    return Table(oid, "public", name, "r", False, (), None, None, None, (), "d", None, ())


TABLES = (table(1, "child"), table(2, "parent"))


def group(number: int) -> LedgerGroup:
    return LedgerGroup(number, f"g{number}", 1, "1", True, number, HERE, HERE, method="snapshot")


def stage(parents_group: int, barrier: int | None = None, confirmed: tuple[int, int] = (0x2000, 0x2000)) -> View:
    """Both relations are ready; the parent's key is on the destination, the foreign key only on the source."""
    ready = {CHILD: SyncState.READY, PARENT: SyncState.READY}
    entries = {
        CHILD: LedgerRelation(CHILD, 1, 1, 11, structure="constraint:9"),
        PARENT: LedgerRelation(PARENT, parents_group, 2, 12),
    }
    pair = replace(
        builders.pair("shop", 0),
        source_schema=Schema(tables=TABLES, constraints=(KEY,)),
        target_schema=Schema(tables=TABLES),
        subscriptions=(Subscription("g1", 1, True, "u", "g1", ("g1",), 1, 0, 0, 0, None, True, ready, {}, {}),),
        ledger=Ledger(True, (group(1), group(2)), entries),
    )
    slots = tuple(builders.slot(f"g{n}", confirmed_flush_lsn=Lsn(lsn)) for n, lsn in enumerate(confirmed, start=1))
    view = builders.view(builders.instance(slots=slots), pairs=(pair,), about=pair)
    taken = Barrier(Lsn(barrier), builders.NOW) if barrier is not None else None
    journal = replace(Journal(Intent.MIGRATE, HERE, HERE, None, None, None, False, ()), barrier=taken)
    return replace(view, observation=replace(view.observation, journal=journal))


@pytest.fixture(autouse=True)
def referenced_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index it needs is there: no concern of these tests."""
    monkeypatch.setattr(building.Builder, "_referenced_key_exists", lambda *_: True)


def test_within_one_group_it_is_added_at_once() -> None:
    step = post_data.examine(stage(1))
    assert [each.summary for each in step.actions][:1] == ["add constraint fk on public.child"]
    assert not step.findings and not foreign_keys.missing(stage(1).database)


@pytest.mark.parametrize(
    ("barrier", "confirmed"), [(None, (1, 1)), (0x3000, (0x3000, 0x2000)), (0x3000, (0x1, 0x3000))]
)
def test_between_two_it_waits_until_both_have_passed_the_barrier(
    barrier: int | None, confirmed: tuple[int, int]
) -> None:
    view = stage(2, barrier, confirmed)
    step = post_data.examine(view)
    assert not step.actions and step.quiet
    assert [each.code for each in step.findings] == ["foreign_key_after_barrier"]
    assert foreign_keys.missing(view.database) == (KEY,), "completion waits for it"


def test_after_the_barrier_it_is_added_and_validated() -> None:
    view = stage(2, 0x3000, (0x3000, 0x3001))
    assert [each.summary for each in post_data.examine(view).actions][:1] == ["add constraint fk on public.child"]
    unvalidated = replace(KEY, validated=False)
    there = replace(view.database, target_schema=Schema(tables=TABLES, constraints=(unvalidated,)))
    assert foreign_keys.missing(there) == (KEY,)
    assert [each.summary for each in post_data.examine(replace(view, pair=there)).actions] == [
        "validate constraint fk on public.child"
    ]
    whole = replace(view.database, target_schema=Schema(tables=TABLES, constraints=(KEY,)))
    assert not foreign_keys.missing(whole)


def many(number: int) -> View:
    """So many children, each with a foreign key to the parent; all ready, the later ones larger."""
    names = [f"child{n}" for n in range(number)]
    tables = (*(table(10 + n, name) for n, name in enumerate(names)), TABLES[1])
    keys = tuple(replace(KEY, oid=100 + n, relation=f"public.{name}") for n, name in enumerate(names))
    view = stage(1)
    relations = [each.qualified for each in tables]
    pair = replace(
        view.database,
        source_schema=Schema(tables=tables, constraints=keys),
        target_schema=Schema(tables=tables),
        subscriptions=tuple(
            replace(each, relations=dict.fromkeys(relations, SyncState.READY)) for each in view.database.subscriptions
        ),
        sizes={name: RelationSize(n, 1) for n, name in enumerate(relations)},
        ledger=Ledger(
            True,
            (group(1),),
            {
                name: LedgerRelation(name, 1, 1, 11, structure=f"constraint:{100 + n}")
                for n, name in enumerate(relations)
            },
        ),
    )
    return replace(view, pair=pair)


def test_of_very_many_relations_the_largest_are_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_data, "MOST_RELATIONS", 2)
    view = many(5)
    step = post_data.examine(view)
    assert list(dict.fromkeys(each.relation for each in step.actions)) == ["public.child4", "public.child3"]
    assert len(step.waits) == 1 and not step.quiet
    failed = Failure("post_data:shop:public.child4", "no", 3, builders.NOW)
    step = post_data.examine(replace(view, hints=Hints({failed.key: failed})))
    begun = list(dict.fromkeys(each.relation for each in step.actions))
    assert begun == ["public.child4", "public.child3", "public.child2"], "what fails takes nobody's place"
    monkeypatch.setattr(post_data, "MOST_RELATIONS", 5)
    assert len({each.relation for each in post_data.examine(view).actions}) == 5
