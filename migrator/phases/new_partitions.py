"""Partitions that are new on the source: what of them pre_data must leave to others.

Under `partition_maintenance: report` all of it is for a person to make. Below a parent with a default partition the
attachment waits (see `attached`), and with it that of the indexes.
"""

from collections.abc import Iterable, Iterator

from migrator.config import PartitionMaintenance
from migrator.observation import DatabasePair
from migrator.phases.attached import held_attachments
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.item import Item
from migrator.schema.table import Table
from migrator.steps import Finding

_RELATION_OF = ("relation", "partition", "owner_relation")
"""What rooms call the table that an object of theirs belongs to."""


def held_ties(pair: DatabasePair, source: Schema, target: Schema) -> frozenset[str]:
    """Identities of the attachments, of partitions and of their indexes, that are not pre_data's to make."""
    held = tuple(held_attachments(pair, source, target))
    tables = {tie.partition for tie in held}
    indexes = (f"partition index {index.qualified}" for index in source.indexes if index.relation in tables)
    return frozenset((*(tie.identity for tie in held), *indexes)) if held else frozenset()


def withheld(
    view: View, source: Schema, target: Schema, absent: Iterable[Item]
) -> tuple[list[Item], tuple[Finding, ...]]:
    """What of the absent items is to be made, and a finding for each new partition that is not."""
    missing = list(absent)
    if view.spec.partition_maintenance is not PartitionMaintenance.REPORT or not view.database.ledger.relations:
        return missing, ()
    tops = [table for table in source.tables if _is_new(table, target)]
    trees = {table.qualified: frozenset((table.qualified, *source.descendants(table.qualified))) for table in tops}
    held = frozenset().union(*trees.values())
    findings = tuple(_findings(view, tops, trees, source, missing))
    return [item for item in missing if _table_of(item, source) not in held], findings


def _is_new(table: Table, target: Schema) -> bool:
    """Its tree is on the destination, itself is not."""
    return table.parent is not None and target.has_table(table.parent) and not target.has_table(table.qualified)


def _table_of(item: Item, source: Schema) -> str | None:
    if isinstance(item, Table):
        return item.qualified
    if item.identity.startswith("partition index "):
        index = source.find(item.identity.removeprefix("partition "))
        return getattr(index, "relation", None)
    return next((value for name in _RELATION_OF if isinstance(value := getattr(item, name, None), str)), None)


def _findings(
    view: View, tops: list[Table], trees: dict[str, frozenset[str]], source: Schema, missing: list[Item]
) -> Iterator[Finding]:
    for top in tops:
        tree = trees[top.qualified]
        sentences = [sql for item in missing if _table_of(item, source) in tree for sql in item.create()]
        yield Finding(
            "partition_missing",
            f"{top.qualified} is a new partition of {top.parent} on the source, and partition_maintenance is report: its rows "
            f"are not replicated until database {view.database.target} on the destination has it.",
            f"In database {view.database.target} on the destination: {' '.join(f'{sql};' for sql in sentences)} Its rows then "
            "follow by themselves. Or set partition_maintenance to create.",
            database=view.database.name,
            relation=top.qualified,
        )
