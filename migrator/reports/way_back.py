"""What the destination must be rid of before the source is written again, when a barrier is taken back. Pure."""

from collections.abc import Iterator, Mapping

from migrator.observation import DatabasePair, Observation
from migrator.phases import awake, foreign_keys
from migrator.quote import comment
from migrator.schema.constraint import FOREIGN_KEY
from migrator.schema.removal import removal


def way_back(observation: Observation) -> Mapping[str, tuple[str, ...]]:
    """By the destination's databases, those with any: statements that undo what was only right after the barrier."""
    found = {pair.target: tuple(_undone(pair)) for pair in observation.databases}
    return {target: statements for target, statements in found.items() if statements}


def _undone(pair: DatabasePair) -> Iterator[str]:
    """Triggers to rest again; then foreign keys, which would let a TRUNCATE of both their tables stop apply."""
    source, target = pair.source_schema, pair.target_schema
    if source is None or target is None:
        yield comment("It cannot be read at the moment: repeat the command before anybody writes to the source.")
        return
    yield from (f"{each.rest};" for each in awake.awake(pair))
    for each in source.constraints:
        found = target.find(each.identity)
        if each.type == FOREIGN_KEY and each.parent is None and found and foreign_keys.is_late(pair, source, each):
            yield f"{removal(each)};"
