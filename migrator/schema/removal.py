"""The statement that takes one object away, for a person to run: we drop nothing of what we compare."""

import re
from dataclasses import replace

from migrator.schema.comment import Comment
from migrator.schema.constraint import Constraint
from migrator.schema.definition import Definition
from migrator.schema.index import Index, IndexAttachment
from migrator.schema.item import Item
from migrator.schema.replica_identity import ReplicaIdentity
from migrator.schema.sequence import Ownership
from migrator.schema.table import FOREIGN, Attachment, Table

_PLAIN = re.compile(r"(schema|extension|type|sequence|table) ")


def removal(item: Item) -> str:
    """DROP and its like, without CASCADE; "" for what goes with something else."""
    if isinstance(item, Constraint | Index):
        return item.mend("definition", None)
    if isinstance(item, Definition):
        return _of_definition(item)
    if isinstance(item, Table) and item.kind == FOREIGN:
        return f"DROP FOREIGN TABLE {item.qualified}"
    if _PLAIN.match(item.identity):
        word, _, name = item.identity.partition(" ")
        return f"DROP {word.upper()} {name}"
    return _of_tie(item)


def _of_tie(item: Item) -> str:
    if isinstance(item, Comment):
        return replace(item, text=item.brought).create()[0]
    if isinstance(item, Attachment):
        return f"ALTER TABLE {item.parent} DETACH PARTITION {item.partition}"
    if isinstance(item, ReplicaIdentity):
        return f"ALTER TABLE ONLY {item.relation} REPLICA IDENTITY DEFAULT"
    if isinstance(item, Ownership):
        return f"ALTER SEQUENCE {item.sequence} OWNED BY NONE"
    assert isinstance(item, IndexAttachment), item
    return ""


def _of_definition(item: Definition) -> str:
    if item.comment_on:
        return f"DROP {item.comment_on}"
    if item.kind == "row security of":
        return f"ALTER TABLE {item.name} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"
    return f"ALTER TABLE {item.name} SET WITHOUT CLUSTER" if item.kind == "clustering of" else ""
