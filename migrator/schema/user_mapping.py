"""Room of user mappings: whom a foreign server takes a local role for. The values of their options are secrets, and not here."""

from dataclasses import dataclass, field

from migrator.quote import identifier
from migrator.schema.row import Row


@dataclass(frozen=True)
class UserMapping:
    """A user mapping: `role` None is PUBLIC. Not an Item: no statement of its own makes it, since its values are holes."""

    oid: int
    server: str
    role: str | None
    readable: bool
    """Whether our user may see its options; `options` and `digest` are empty where not."""
    options: tuple[str, ...]
    """Their names."""
    digest: str | None = field(repr=False)
    """Tells two mappings' values apart. Never shown: short passwords can be guessed from it."""

    @property
    def identity(self) -> str:
        return f"user mapping for {self._who} on server {identifier(self.server)}"

    @property
    def holes(self) -> tuple[str, ...]:
        """The secrets of `create`: apply reads each from the source by the mapping's oid and the option's name."""
        return tuple(f"user_mapping:{self.oid}:{option}" for option in self.options)

    def create(self) -> str:
        """With a hole for each value."""
        return self._create([f"{{{hole}}}" for hole in self.holes])

    def create_by_hand(self) -> str:
        """For somebody who knows the values."""
        return (
            f"CREATE {self._words} OPTIONS (...)" if not self.readable else self._create(["'...'"] * len(self.options))
        )

    def alter_by_hand(self, there: tuple[str, ...]) -> str:
        """Gives a mapping that has the options `there` those of this one, for somebody who knows the values."""
        given = [f"{'SET' if option in there else 'ADD'} {identifier(option)} '...'" for option in self.options]
        taken = [f"DROP {identifier(option)}" for option in there if option not in self.options]
        return f"ALTER {self._words} OPTIONS ({', '.join((*given, *taken))})"

    def drop(self) -> str:
        return f"DROP {self._words}"

    def _create(self, values: list[str]) -> str:
        listed = ", ".join(f"{identifier(option)} {value}" for option, value in zip(self.options, values, strict=True))
        return f"CREATE {self._words}{f' OPTIONS ({listed})' if listed else ''}"

    @property
    def _words(self) -> str:
        return f"USER MAPPING FOR {self._who} SERVER {identifier(self.server)}"

    @property
    def _who(self) -> str:
        return identifier(self.role) if self.role is not None else "PUBLIC"


def read(row: Row) -> UserMapping:
    return UserMapping(
        oid=row.number("oid"),
        server=row.text("server"),
        role=row.text_or_none("role"),
        readable=row.flag("readable"),
        options=row.texts("names"),
        digest=row.text_or_none("digest"),
    )
