"""The order in which objects are created: what another needs comes first, else by kind and name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import chain, combinations

from migrator.errors import MigratorError
from migrator.schema.definition import Definition
from migrator.schema.domain import Domain
from migrator.schema.item import Item
from migrator.schema.range import Range
from migrator.schema.table import Table


class CircleError(MigratorError):
    """Objects that need one another, of which none can be made in a provisional form."""


@dataclass(frozen=True)
class Circle:
    """Objects that need one another, made in one transaction: some of them provisionally first, and completed at the end."""

    items: tuple[Item, ...]
    statements: tuple[str, ...]

    @property
    def identity(self) -> str:
        return self.items[0].identity

    @property
    def key(self) -> str:
        return self.items[0].key

    def create(self) -> tuple[str, ...]:
        return self.statements

    def properties(self) -> Mapping[str, str]:
        return self.items[0].properties()

    def mend(self, changed: str, theirs: str | None) -> str:
        return self.items[0].mend(changed, theirs)


class Dependencies:
    """(key, needed key) pairs, also through keys that no carried item has."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = sorted(pairs)

    @cached_property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for key, needed in self._pairs:
            found.setdefault(key, []).append(needed)
        return {key: tuple(needed) for key, needed in found.items()}

    def closure(self, key: str, prefix: str = "") -> frozenset[str]:
        """All that `key` needs, at any remove, and that begins with `prefix`."""
        found: set[str] = set()
        waiting = [key]
        while waiting:
            for needed in self.needs.get(waiting.pop(), ()):
                if needed not in found:
                    found.add(needed)
                    waiting.append(needed)
        return frozenset(each for each in found if each.startswith(prefix))

    def reaching(self, prefix: str) -> frozenset[str]:
        """Keys that need, at any remove, one that begins with `prefix`."""
        needed_by: dict[str, list[str]] = {}
        for key, needed in self._pairs:
            needed_by.setdefault(needed, []).append(key)
        waiting = [key for key in needed_by if key.startswith(prefix)]
        found: set[str] = set()
        while waiting:
            for key in needed_by.get(waiting.pop(), ()):
                if key not in found:
                    found.add(key)
                    waiting.append(key)
        return frozenset(found)


def by_dependency(items: Iterable[Item], dependencies: Iterable[tuple[str, str]]) -> tuple[Item, ...]:
    """`items` so that each comes after what it needs; those that need one another as one `Circle`.

    Raises CircleError where none of these can be made provisionally.
    """
    carried = {item.key: item for item in items}
    pairs = [pair for pair in sorted(dependencies) if pair[0] != pair[1]]
    place = {key: key for pair in pairs for key in pair} | {key: key for key in carried}
    while True:
        try:
            order = _sorted(place.values(), [(place[key], place[needed]) for key, needed in pairs])
            break
        except CycleError as error:
            members: Sequence[str] = error.args[1]
            place = {key: members[0] if at in members else at for key, at in place.items()}
    groups: dict[str, list[Item]] = {}
    for key, item in carried.items():
        groups.setdefault(place[key], []).append(item)
    return tuple(_made(groups[at], pairs) for at in order if at in groups)


def _sorted(keys: Iterable[str], pairs: Iterable[tuple[str, str]]) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(keys, ()))
    for key, needed in pairs:
        if key != needed:
            sorter.add(key, needed)
    return list(sorter.static_order())


def _made(items: list[Item], pairs: Sequence[tuple[str, str]]) -> Item:
    return items[0] if len(items) == 1 else _circle(items, pairs)


def _circle(items: Sequence[Item], pairs: Iterable[tuple[str, str]]) -> Circle:
    """Opened by one that can be made provisionally, else by two, else by all such: the first whose completion untangles the rest."""
    within = {item.key for item in items}
    tangled = [pair for pair in pairs if within.issuperset(pair)]
    openings = [item for item in items if _provisionally(item)[0]]
    for opening in chain(combinations(openings, 1), combinations(openings, 2), (tuple(openings),)):
        made = _opened(items, opening, tangled)
        if made is not None:
            return made
    names = ", ".join(item.identity for item in items)
    raise CircleError(
        f"These objects need one another: {names}.", "Break the circle on the source, e.g. drop a default."
    )


def _opened(items: Iterable[Item], opening: Sequence[Item], pairs: Iterable[tuple[str, str]]) -> Circle | None:
    """The circle that these open, in the order given, and close; None where the rest stays tangled."""
    carried, early = {item.key: item for item in items}, {item.key for item in opening}
    try:
        order = _sorted(carried, [pair for pair in pairs if pair[0] not in early])
    except CycleError:
        return None
    rest = [carried[key] for key in order if key not in early]
    provisional = (statement for item in opening for statement in _provisionally(item)[0])
    made = (statement for item in rest for statement in item.create())
    completion = (statement for item in opening for statement in _provisionally(item)[1])
    return Circle((*opening, *rest), (*provisional, *made, *completion))


def _provisionally(item: Item) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Statements that make it without what it needs, and those that complete it; none where that cannot be."""
    if isinstance(item, Table):
        return item.create_without_defaults(), item.set_defaults()
    if isinstance(item, Domain):
        return item.create_bare(), item.complete()
    if isinstance(item, Range):
        return item.create_shell(), item.create()
    if isinstance(item, Definition):
        return item.provisional, item.complete()
    return (), ()


def by_depth(tables: Iterable[Table]) -> tuple[Table, ...]:
    """Partitioned tables before their partitions."""
    found = tuple(tables)
    parents = {table.qualified: table.parent for table in found}

    def depth(relation: str | None) -> int:
        return 0 if relation is None else 1 + depth(parents.get(relation))

    return tuple(sorted(found, key=lambda table: (depth(table.qualified), table.qualified)))
