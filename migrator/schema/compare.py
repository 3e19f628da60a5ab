"""What differs between two objects of the same identity, one on each side."""

from dataclasses import dataclass

from migrator.schema.definition import Definition
from migrator.schema.item import Item
from migrator.schema.spelling import canonical, says_the_same

ABSENT = "absent"


@dataclass(frozen=True)
class Difference:
    """One property of one object, as each side has it, and the statement that mends the destination ("": make it anew)."""

    identity: str
    property: str
    source: str
    destination: str
    mend: str
    blocking: bool = True
    """Where something is stored changes nothing of what it means."""

    def __str__(self) -> str:
        return f"{self.identity}, {self.property}: source has {self.source}; destination has {self.destination}"


def differences(source: Item, target: Item) -> tuple[Difference, ...]:
    """Every property that is not the same on both sides; spellings that only another version makes are no difference."""
    here, there = source.properties(), target.properties()
    if here == there:
        return ()
    spelled_alike = says_the_same if isinstance(source, Definition) else _same
    names = sorted({*here, *there})
    found = ((name, here.get(name, ABSENT), there.get(name, ABSENT)) for name in names)
    return tuple(
        Difference(source.identity, name, ours, theirs, source.mend(name, there.get(name)), name != "tablespace")
        for name, ours, theirs in found
        if ours != theirs and not spelled_alike(ours, theirs)
    )


def _same(ours: str, theirs: str) -> bool:
    return canonical(ours) == canonical(theirs)
