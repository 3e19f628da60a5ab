"""The relations that are to be copied, and how much there is to copy."""

from migrator.phases.view import View

MOST_RELATIONS = 2048
"""Whose indexes one tick begins: some forty messages of small ones. To ask for all of 10,000 took longer than the rest of a tick."""


def wanted(view: View) -> tuple[str, ...]:
    """Every source relation that holds rows of its own and can be replicated, largest first."""
    schema = view.database.source_schema
    names = schema.leaves() if schema else ()
    return tuple(sorted(names, key=lambda name: (-bytes_of(view, name), name)))


def bytes_of(view: View, relation: str) -> int:
    """By the source's own word of just now; 0 for what it does not know."""
    size = view.database.sizes.get(relation)
    return size.bytes if size else 0
