"""What the rooms share whose objects PostgreSQL spells as a whole: their statements, made and compared as they are.

Such a room is one reading .sql whose rows are read here, and a line in `ROOMS` of `migrator.schema.readers`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from migrator.quote import identifier, qualified
from migrator.schema.row import Row
from migrator.schema.spelling import canonical, unquoted, with_later_quotes

VIEW, MATERIALIZED_VIEW, POPULATED = "view", "materialized view", "populated"
SECURITY_LABEL = "security label"
FIRES = "enabled"
"""The state of a trigger that fires for what a session writes, unless it acts as a replica."""

_REPLACED = re.compile(r"CREATE( OR REPLACE)? (FUNCTION|PROCEDURE|AGGREGATE|VIEW|RULE|TRIGGER)\b")


@dataclass(frozen=True)
class Definition:
    """An object made by `statements`. `kind` is PostgreSQL's word for it, `name` what stands behind that word."""

    kind: str
    name: str
    key: str
    statements: tuple[str, ...]
    comment_on: str
    """What COMMENT ON calls it; "" where it cannot have a comment."""
    late: bool
    """Made after the rows: nothing that receives or finds rows needs it."""
    relation: str | None = None
    """The table or view it belongs to, qualified."""
    needs: tuple[str, ...] = ()
    """Unquoted identities of what must stand before it, where pg_depend's order does not see to that. A room gives those of
    other definitions as `needed_definitions`: their identities are canonical."""
    state: str = ""
    """When it acts (triggers): not compared, for the cutover sets it."""
    at_cutover: tuple[str, ...] = ()
    """Statements that must wait until nothing is replicated any more; they give it its `state`."""
    provisional: tuple[str, ...] = ()
    """What makes it without what it needs, so that `complete` can follow; none for what can only be made as a whole."""
    tablespace: str | None = None
    """Of a materialized view; None: the database's."""

    @property
    def identity(self) -> str:
        return f"{self.kind} {canonical(self.name)}"

    @property
    def is_view(self) -> bool:
        """Stored or not: what itself is the relation it belongs to."""
        return self.kind in (VIEW, MATERIALIZED_VIEW)

    def create(self) -> tuple[str, ...]:
        return (*self.statements, *self._placing())

    def properties(self) -> Mapping[str, str]:
        definition = {"definition": "; ".join(self.statements)}
        stored = self.kind == MATERIALIZED_VIEW
        return {**definition, "tablespace": self.tablespace or "default"} if stored else definition

    def _placing(self) -> tuple[str, ...]:
        if self.tablespace is None:
            return ()
        return (f"ALTER MATERIALIZED VIEW {self.name} SET TABLESPACE {identifier(self.tablespace)}",)

    @property
    def rest(self) -> str:
        """For what has `at_cutover`: the statement that keeps it from acting until then. It is made with that."""
        return self.statements[-1]

    def mend(self, changed: str, theirs: str | None) -> str:
        """Those that CREATE OR REPLACE can change; the others are dropped and made anew, which is the operator's to judge."""
        return "; ".join(self._placing() if changed == "tablespace" else self.replace())

    def complete(self) -> tuple[str, ...]:
        """Statements that make of the provisional one what it should be."""
        return self.replace() or self.statements

    def replace(self) -> tuple[str, ...]:
        """Statements that make it what it should be where it exists already; none where it must be dropped first."""
        first, *rest = self.statements
        if self.kind == SECURITY_LABEL:
            return self.statements
        return (_REPLACED.sub(r"CREATE OR REPLACE \2", first, count=1), *rest) if _REPLACED.match(first) else ()


def read(row: Row, *, late: bool) -> Definition:
    """A row of a room's .sql; columns that most rooms do not need may be absent."""
    namespace, relation = row.text_if_any("relation_namespace"), row.text_if_any("relation_name")
    return Definition(
        kind=row.text("kind"),
        name=row.spelled("name"),
        key=row.text("key"),
        statements=row.spelled_all("statements"),
        comment_on=with_later_quotes(row.text_if_any("comment_on") or ""),
        late=late,
        relation=qualified(namespace, relation) if namespace is not None and relation is not None else None,
        needs=(*map(unquoted, row.texts_if_any("needs")), *map(canonical, row.texts_if_any("needed_definitions"))),
        state=row.text_if_any("state") or "",
        at_cutover=tuple(map(with_later_quotes, row.texts_if_any("at_cutover"))),
        provisional=tuple(map(with_later_quotes, row.texts_if_any("provisional"))),
        tablespace=row.text_if_any("tablespace"),
    )
