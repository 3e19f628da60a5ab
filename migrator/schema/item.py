"""What every room's dataclass offers, so that ordering, comparing and creating need not know the kinds."""

from collections.abc import Mapping
from typing import Protocol

from migrator.quote import identifier, literal, qualified


class Item(Protocol):
    """One carried object. `identity` is the same on both sides; `key` is its address in this side's pg_depend."""

    @property
    def identity(self) -> str: ...

    @property
    def key(self) -> str: ...

    def create(self) -> tuple[str, ...]:
        """The statements that make it, in order; they run in one transaction."""
        ...

    def properties(self) -> Mapping[str, str]:
        """What is compared, by a name an operator understands. A property that one side cannot know is left out there."""
        ...

    def mend(self, changed: str, theirs: str | None) -> str:
        """The statement that brings the destination's `changed` property to this one's; "" where there is none.

        `theirs` is the destination's value of it, None where it has none.
        """
        ...


def collate_clause(namespace: str | None, name: str | None) -> str:
    """` COLLATE ...`, or nothing for the type's own collation."""
    return f" COLLATE {qualified(namespace, name)}" if namespace and name else ""


def option_list(options: tuple[str, ...]) -> str:
    """`reloptions` items (`name=value`, or `toast.name=value`) as what stands between the parentheses of WITH."""
    parts = (option.partition("=") for option in options)
    return ", ".join(f"{_option_name(name)}={literal(value).strip()}" for name, _, value in parts)


def _option_name(name: str) -> str:
    return ".".join(identifier(part) for part in name.split("."))
