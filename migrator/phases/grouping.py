"""Which relations of a database are copied and replicated together: a group is one slot, one subscription, one stream of changes."""

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from migrator.schema import Schema
from migrator.schema.constraint import FOREIGN_KEY

MOST_GROUPS = 8
"""Of one database at once: each is one more decoder of all WAL on the source."""


def foreign_keys(schema: Schema) -> Iterable[tuple[str, str]]:
    """Pairs of leaves that a foreign key connects, on either side by itself or by a table it is a partition of."""
    for constraint in schema.constraints:
        if constraint.type == FOREIGN_KEY and constraint.referenced is not None:
            leaves = (*schema.storage(constraint.relation), *schema.storage(constraint.referenced[0]))
            yield from ((leaves[0], leaf) for leaf in leaves[1:])


def connected(relations: Iterable[str], pairs: Iterable[tuple[str, str]]) -> tuple[frozenset[str], ...]:
    """The relations in sets that must not be torn apart: TRUNCATE of two that a foreign key connects would halt apply."""
    leader = {relation: relation for relation in relations}

    def of(relation: str) -> str:
        while leader[relation] != relation:
            leader[relation] = leader[leader[relation]]
            relation = leader[relation]
        return relation

    for one, other in pairs:
        if one in leader and other in leader:
            leader[of(one)] = of(other)
    sets: dict[str, set[str]] = {}
    for relation in leader:
        sets.setdefault(of(relation), set()).add(relation)
    return tuple(frozenset(each) for each in sets.values())


def plan(
    sizes: Mapping[str, int],
    pairs: Iterable[tuple[str, str]],
    streams: int,
    own_group_bytes: float,
    room: int = MOST_GROUPS,
) -> tuple[frozenset[str], ...]:
    """The relations of `sizes` (bytes by name) in at most `room` groups, the largest group first.

    What is connected to a relation of `own_group_bytes` has a group of its own; the rest is spread evenly over `streams`.
    """
    sets = sorted(connected(sizes, pairs), key=lambda each: (-_bytes(sizes, each), min(each)))
    large = [each for each in sets if any(sizes[relation] >= own_group_bytes for relation in each)]
    alone = large[: max(0, room - 1)] if len(large) < len(sets) or len(large) > room else large
    shared = [(0, number, set[str]()) for number in range(max(1, min(streams, room - len(alone))))]
    for each in sets:
        if each not in alone:
            total, number, group = heappop(shared)
            group.update(each)
            heappush(shared, (total + _bytes(sizes, each), number, group))
    groups = [*alone, *(frozenset(group) for _, _, group in shared if group)]
    return tuple(sorted(groups, key=lambda group: (-_bytes(sizes, group), min(group))))


def _bytes(sizes: Mapping[str, int], relations: Iterable[str]) -> int:
    return sum(sizes[relation] for relation in relations)
