"""What differs between two objects of the same identity, one on each side."""

from dataclasses import dataclass

from migrator.schema.definition import Definition, unqualified
from migrator.schema.item import Item, canonical

_ABSENT = "absent"


@dataclass(frozen=True)
class Difference:
    """One property of one object, as each side has it, and the statement that mends the destination ("": make it anew)."""

    identity: str
    property: str
    source: str
    destination: str
    mend: str
    certain: bool = True
    """False where servers spell such definitions differently, so that the difference may be one of words only."""

    def __str__(self) -> str:
        return f"{self.identity}, {self.property}: source has {self.source}; destination has {self.destination}"


def differences(source: Item, target: Item) -> tuple[Difference, ...]:
    """Every property that is not the same on both sides; spellings that only another version makes are no difference."""
    here, there = source.properties(), target.properties()
    if here == there:
        return ()
    alike = not isinstance(source, Definition) or not isinstance(target, Definition) or source.dialect == target.dialect
    spelled = canonical if alike else _without_qualifiers
    names = sorted({*here, *there})
    found = ((name, here.get(name, _ABSENT), there.get(name, _ABSENT)) for name in names)
    return tuple(
        Difference(source.identity, name, ours, theirs, source.mend(name, there.get(name)), certain=alike)
        for name, ours, theirs in found
        if spelled(ours) != spelled(theirs)
    )


def _without_qualifiers(definition: str) -> str:
    return unqualified(canonical(definition))
