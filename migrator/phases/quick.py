"""What is built in a moment: indexes and constraints of tables that hold little, which need no gentleness.

CREATE INDEX CONCURRENTLY takes three transactions and waits for every older one of its database; NOT VALID and VALIDATE take two. They
are there so that apply does not stand still for as long as a build reads its table. With SMALL_BYTES that is a few milliseconds,
less than the gentle way takes by itself, so several tables' builds share a transaction (`together`), under locks that are had at
once or not at all. Whatever comes in between, even a table that has grown since it was looked at, ends it without a trace, and
the gentle way is gone.
"""

from collections.abc import Iterable, Mapping

from migrator.contents import RelationSize
from migrator.schema import Schema
from migrator.schema.constraint import FOREIGN_KEY, Constraint
from migrator.schema.index import Index
from migrator.schema.table import FOREIGN, PARTITIONED
from migrator.steps import Lock, Quick

SMALL_BYTES = 1024 * 1024
"""As the source says, TOAST included. To index that much takes some 10 ms."""


def is_small(relation: str, schema: Schema, sizes: Mapping[str, RelationSize]) -> bool:
    """A plain table whose size is known, and little."""
    known = sizes.get(relation)
    if known is None or known.bytes > SMALL_BYTES or not schema.has_table(relation):
        return False
    return schema.table(relation).kind not in (PARTITIONED, FOREIGN)


def build(index: Index, schema: Schema, sizes: Mapping[str, RelationSize]) -> Quick | None:
    """A plain build; None where the table is not small, or no table. On a partitioned table it reads no rows at all."""
    if index.constrains_roughly or not (index.partitioned or is_small(index.relation, schema, sizes)):
        return None
    lock = Lock.SHARE_ROW_EXCLUSIVE if index.constraint is None else Lock.ACCESS_EXCLUSIVE
    return Quick(index.create(), ((index.relation, lock),)) if schema.has_table(index.relation) else None


def constraint(wanted: Constraint, sql: str, schema: Schema, sizes: Mapping[str, RelationSize]) -> Quick | None:
    """One of its statements; None where one of the tables it reads is not small, or others stand beneath it."""
    if wanted.partitioned or schema.descendants(wanted.relation) or not is_small(wanted.relation, schema, sizes):
        return None
    if wanted.type != FOREIGN_KEY:
        return Quick((sql,), ((wanted.relation, Lock.ACCESS_EXCLUSIVE),))
    referenced = wanted.referenced[0] if wanted.referenced is not None else wanted.relation
    if not is_small(referenced, schema, sizes):
        return None
    return Quick(
        (sql,), tuple((name, Lock.SHARE_ROW_EXCLUSIVE) for name in dict.fromkeys((wanted.relation, referenced)))
    )


def beside(relation: str | None, sentences: Iterable[str], schema: Schema) -> Quick | None:
    """What reads no rows of its table: a comment, a trigger, a policy. None where it is no table, or others stand beneath it."""
    if relation is None or not schema.has_table(relation) or schema.descendants(relation):
        return None
    return Quick(tuple(sentences), ((relation, Lock.ACCESS_EXCLUSIVE),))
