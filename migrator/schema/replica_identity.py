"""Replica identities other than the default: what UPDATE and DELETE find a row by where there is no primary key."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrator.quote import identifier
from migrator.schema.table import FOREIGN, Table


@dataclass(frozen=True)
class ReplicaIdentity:
    """A replica identity other than the default. Made after the index it may name."""

    relation: str
    kind: str
    index: str | None

    @property
    def identity(self) -> str:
        return f"replica identity of {self.relation}"

    @property
    def key(self) -> str:
        return self.identity

    def create(self) -> tuple[str, ...]:
        return (f"ALTER TABLE ONLY {self.relation} REPLICA IDENTITY {self._clause()}",)

    def properties(self) -> Mapping[str, str]:
        return {"identity": self._clause()}

    def mend(self, changed: str, theirs: str | None) -> str:
        return self.create()[0]

    def _clause(self) -> str:
        using = f"USING INDEX {identifier(self.index)}" if self.index is not None else "NOTHING"
        return {"f": "FULL", "n": "NOTHING"}.get(self.kind, using)


def replica_identity(table: Table) -> ReplicaIdentity | None:
    if table.replica_identity == "d" or table.kind == FOREIGN:
        return None
    return ReplicaIdentity(table.qualified, table.replica_identity, table.identity_index)
