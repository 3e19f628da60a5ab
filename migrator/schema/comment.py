"""Room of comments on carried objects."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from migrator.quote import identifier, literal, qualified
from migrator.schema.definition import Definition
from migrator.schema.row import Row
from migrator.schema.spelling import unquoted


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON `target`. `relation` is the table it concerns, None for what belongs to none."""

    target: str
    text: str | None
    """None: somebody took away the one that the object came with."""
    relation: str | None
    needs: str
    """The identity of the object it is on, unquoted."""
    brought: str | None = None
    """What CREATE EXTENSION made of it here, by the control file; another version's may be another."""

    @property
    def own(self) -> bool:
        """Made by nobody: it comes with its extension."""
        return self.text == self.brought

    @property
    def identity(self) -> str:
        return f"comment on {unquoted(self.target)}"

    @property
    def key(self) -> str:
        return self.identity

    def create(self) -> tuple[str, ...]:
        return (f"COMMENT ON {self.target} IS {_literal(self.text)}",)

    def properties(self) -> Mapping[str, str]:
        return {"text": _literal(self.text)}

    def mend(self, changed: str, theirs: str | None) -> str:
        return self.create()[0]


def _literal(text: str | None) -> str:
    return "NULL" if text is None else literal(text).strip()


def of_definitions(rows: Iterable[Row], definitions: Iterable[Definition]) -> Iterator[Comment]:
    """From the rows of definition_comment.sql."""
    by_key = {each.key: each for each in definitions if each.comment_on}
    for row in rows:
        on = by_key.get(row.text("key"))
        if on is not None:
            yield Comment(on.comment_on, row.text("text"), on.relation if on.late else None, on.identity)


def read_of_extension(row: Row) -> Comment:
    name = identifier(row.text("name"))
    needs = unquoted(f"extension {name}")
    return Comment(f"EXTENSION {name}", row.text_or_none("text"), None, needs, row.text_or_none("brought"))


def read(row: Row) -> Comment:
    kind, name, on = row.text("kind"), row.text("name"), row.text_or_none("relation_name")
    namespace = row.text_or_none("namespace")
    plain = qualified(namespace, name) if namespace is not None else identifier(name)
    relation = qualified(namespace, on) if namespace is not None and on is not None else None
    if kind == "COLUMN":
        needs = f"{row.text('on_kind')} {relation}"
        return Comment(f"COLUMN {relation}.{identifier(name)}", row.text("text"), relation, unquoted(needs))
    if kind == "CONSTRAINT ON DOMAIN":
        needs = f"type {relation}"
        return Comment(f"CONSTRAINT {identifier(name)} ON DOMAIN {relation}", row.text("text"), None, unquoted(needs))
    if kind == "CONSTRAINT":
        needs = f"constraint {identifier(name)} on {relation}"
        if row.flag("on_index"):
            needs = f"index {plain}"
        elif row.text_or_none("on_kind") is not None:  # a NOT NULL is its column's, and comes with the table
            needs = f"table {relation}"
        return Comment(f"CONSTRAINT {identifier(name)} ON {relation}", row.text("text"), relation, unquoted(needs))
    word = {"DOMAIN": "type", "FOREIGN TABLE": "table"}.get(kind, kind.lower())
    return Comment(f"{kind} {plain}", row.text("text"), relation, unquoted(f"{word} {plain}"))
