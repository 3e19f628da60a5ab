"""Which relations have no usable replica identity, and what comes of them? Asked before any publication exists.

Holds back those relations alone: they are published by nobody until somebody has chosen a way for them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from migrator.config import WithoutIdentity
from migrator.contents import RelationTrouble, Trouble
from migrator.observation import DatabasePair
from migrator.phases import full_identity, insert_only
from migrator.phases.view import View
from migrator.phases.ways import WITHOUT, may_be_full, to_full
from migrator.phases.wording import some
from migrator.quote import literal
from migrator.steps import Finding, Gates, Step

NAME = "preflight"

REFUSES_GENERATED = 18
"""From this version on a source refuses UPDATE and DELETE where a generated column that is not published is part of the identity."""

_BREAKS_APPLICATION = "once published, the application's UPDATE and DELETE on it would fail"
_BREAKS_NOW = "it is published, and the application's UPDATE and DELETE on it fail now"
_BREAKS_APPLY = "the destination could not find the rows of an UPDATE or DELETE, and replication would stop"


class _Unfit(NamedTuple):
    code: str
    sentence: str
    """What follows the relation's name; `{}` stands for the columns at fault."""


_UNFIT = {
    Trouble.NO_PRIMARY_KEY: _Unfit(code="replica_identity_missing", sentence="has no primary key"),
    Trouble.REPLICA_IDENTITY_NOTHING: _Unfit(code="replica_identity_missing", sentence="has REPLICA IDENTITY NOTHING"),
    Trouble.DEFERRABLE_PRIMARY_KEY: _Unfit(
        code="replica_identity_deferrable", sentence="has a deferrable primary key, which is no replica identity"
    ),
    Trouble.REPLICA_IDENTITY_INDEX: _Unfit(
        code="replica_identity_index", sentence="has REPLICA IDENTITY USING INDEX, but that index is gone or invalid"
    ),
    Trouble.REPLICA_IDENTITY_FULL: _Unfit(
        code="replica_identity_full", sentence="has REPLICA IDENTITY FULL, and {} cannot be compared"
    ),
    Trouble.REPLICA_IDENTITY_GENERATED: _Unfit(
        code="replica_identity_generated",
        sentence="has generated columns in its replica identity, which are not published ({})",
    ),
}
_BY_WHAT_IT_IS_MADE_OF = (Trouble.REPLICA_IDENTITY_FULL, Trouble.REPLICA_IDENTITY_GENERATED)


def examine(view: View) -> Step:
    """One finding for each relation that nothing was chosen for, one for all that were chosen the same way for."""
    findings = (*(_unfit(view, each) for each in _refused(view)), *full_identity.findings(view), *_at_cutover(view))
    return Step(NAME, view.database.name, Gates.RELATION, findings=findings)


def _refused(view: View) -> Iterator[RelationTrouble]:
    """Also what was begun as replicated: whatever was chosen, that must be told. Of INSERT alone it may go on as it is."""
    mended = to_full(view.database)
    for trouble in view.database.facts.troubles:
        if trouble.reason in WITHOUT and trouble not in mended and not _is_settled(view.database, trouble.relation):
            yield trouble


def _is_settled(pair: DatabasePair, relation: str) -> bool:
    """Whether it stands in no publication, or in one that needs no identity."""
    if relation in pair.ledger.relations:
        return pair.ledger.relations[relation].insert_only
    if insert_only.is_chosen(pair, relation):
        return insert_only.can_begin(pair)
    return pair.ways.get(relation) is WithoutIdentity.COPY_AT_CUTOVER


def _unfit(view: View, trouble: RelationTrouble) -> Finding:
    unfit, pair = _UNFIT[trouble.reason], view.database
    compares = trouble.reason is Trouble.REPLICA_IDENTITY_FULL
    generated = trouble.reason is Trouble.REPLICA_IDENTITY_GENERATED and view.source.major < REFUSES_GENERATED
    begun = trouble.relation in pair.ledger.relations
    columns = trouble.detail or trouble.generated
    breaks = _BREAKS_APPLY if compares or generated else _BREAKS_NOW if begun else _BREAKS_APPLICATION
    choice = "" if begun else f"; or, in the configuration, {_choices(view, trouble)}"
    return Finding(
        unfit.code,
        f"{trouble.relation} in database {pair.name} {unfit.sentence.format(columns)}: {breaks}.{_not_as_chosen(view, trouble)}",
        f"In database {pair.name} of the source, one of: {' '.join(_statements(trouble))}{choice}",
        database=pair.name,
        relation=trouble.relation,
    )


def _statements(trouble: RelationTrouble) -> Iterator[str]:
    table = f"ALTER TABLE {trouble.relation}"
    if trouble.reason is Trouble.REPLICA_IDENTITY_GENERATED:
        yield f"{table} REPLICA IDENTITY DEFAULT; (where its primary key has no generated column)"
        yield f"{table} ADD PRIMARY KEY (...), REPLICA IDENTITY DEFAULT; (where it has none)"
        yield f"{table} REPLICA IDENTITY USING INDEX ...; (of NOT NULL columns none of which is generated)"
        return
    yield f"{table} ADD PRIMARY KEY (...);"
    yield f"{table} REPLICA IDENTITY USING INDEX ...;"
    if may_be_full(trouble):
        yield f"{table} REPLICA IDENTITY FULL; (slow for a large table)"


def _not_as_chosen(view: View, trouble: RelationTrouble) -> str:
    """Why what was chosen is not done."""
    chosen = view.database.ways.get(trouble.relation)
    if chosen is WithoutIdentity.INSERT_ONLY and trouble.relation not in view.database.ledger.relations:
        return " insert_only comes too late: the replication of this database began without the publication it needs."
    if chosen is not WithoutIdentity.REPLICA_IDENTITY_FULL or trouble.reason in _BY_WHAT_IT_IS_MADE_OF:
        return ""
    fault = f"{trouble.detail} cannot be compared" if trouble.detail else f"{trouble.generated} would not be published"
    return f" replica_identity_full would not do: {fault}."


def _choices(view: View, trouble: RelationTrouble) -> str:
    """As it stands in the file: the pattern of just this table."""
    schema = view.database.source_schema
    name = trouble.relation
    if schema is not None and schema.has_table(trouble.relation):
        table = schema.table(trouble.relation)
        name = f"{view.database.name}.{table.namespace}.{table.name}"
    unfit = {WithoutIdentity.REFUSE, *(() if may_be_full(trouble) else (WithoutIdentity.REPLICA_IDENTITY_FULL,))}
    unfit |= set() if insert_only.can_begin(view.database) else {WithoutIdentity.INSERT_ONLY}
    ways = " | ".join(way for way in WithoutIdentity if way not in unfit)
    return f"under the mapping's without_identity_tables: {{{literal(name).strip()}: {ways}}}"


def _at_cutover(view: View) -> Iterator[Finding]:
    pair = view.database
    names = [name for name, way in sorted(pair.ways.items()) if way is WithoutIdentity.COPY_AT_CUTOVER]
    names = [name for name in names if name not in pair.ledger.relations]
    if names:
        size = sum(pair.sizes[name].bytes for name in names if name in pair.sizes) / 1024**2
        yield Finding(
            "copied_at_cutover",
            f"Not replicated, but copied after the write stop, as chosen for tables of {pair.name} without a replica identity: "
            f"{some(names)} ({size:.0f} MB).",
            f"How long that takes, a rehearsal tells: pg-migrator carry {view.spec.name}. After the barrier the same command "
            "copies them for good, and completion is refused before.",
            blocking=False,
            database=pair.name,
        )
