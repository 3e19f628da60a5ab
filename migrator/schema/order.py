"""The order in which objects are created: what another needs comes first, else by kind and name."""

from collections.abc import Iterable
from graphlib import TopologicalSorter

from migrator.schema.item import Item
from migrator.schema.table import Table


def by_dependency(items: Iterable[Item], dependencies: Iterable[tuple[str, str]]) -> tuple[Item, ...]:
    """`items` so that each comes after what it needs; `dependencies` are (key, needed key), also through other keys.

    Raises graphlib.CycleError for tables whose columns are of one another's row types.
    """
    carried = {item.key: item for item in items}
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(carried, ()))
    for key, needed in sorted(dependencies):
        sorter.add(key, needed)
    return tuple(carried[key] for key in sorter.static_order() if key in carried)


def by_depth(tables: Iterable[Table]) -> tuple[Table, ...]:
    """Partitioned tables before their partitions."""
    found = tuple(tables)
    parents = {table.qualified: table.parent for table in found}

    def depth(relation: str | None) -> int:
        return 0 if relation is None else 1 + depth(parents.get(relation))

    return tuple(sorted(found, key=lambda table: (depth(table.qualified), table.qualified)))
