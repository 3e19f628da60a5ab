"""What an operator runs on a destination whose source is gone, so that it can be written to. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.quote import comment, identifier


@dataclass(frozen=True)
class Lone:
    """What one database of the destination needs, as statements."""

    sequences: tuple[str, ...] = ()
    """Move a sequence past the ids in use; what upkeep last saw on the source may be seconds older than the last rows."""
    standing: tuple[str, ...] = ()
    """Set a sequence that no column tells of to where it stands already."""
    triggers: tuple[str, ...] = ()
    """Enable what is disabled; whether it was enabled on the source, and how, only that knew."""
    unread: str | None = None
    """Why the database could not be read."""


_STANDING = (
    "No integer column tells how far these were on the source. Each stands where it was seen last; put it as much further as the source "
    "may have handed out since."
)
_TRIGGERS = (
    "Disabled here. Those that were disabled on the source, too, stay so. Triggers that were ENABLE ALWAYS or REPLICA there, and event "
    "triggers that were enabled in any way, were to be set by the cutover: run their lines, with the word that they had there."
)


def script(found: Mapping[str, Lone]) -> str:
    """For psql, by database; what is not certain stands as a comment. Names may hold anything, so each line of it is one."""
    return "\n".join(line for database, lone in found.items() for line in _lines(database, lone))


def _lines(database: str, lone: Lone) -> Iterator[str]:
    yield f"\\connect {identifier(database)}"
    if lone.unread is not None:
        yield comment(f"This database could not be read: {lone.unread}")
    yield from lone.sequences
    yield from _to_judge(_STANDING, lone.standing)
    yield from _to_judge(_TRIGGERS, lone.triggers)


def _to_judge(why: str, statements: Sequence[str]) -> Iterator[str]:
    if statements:
        yield comment(why)
        yield from (comment(each, 3) for each in statements)
