"""Tables of which only INSERT and TRUNCATE are replicated, by the operator's choice: they need no replica identity for that.

They stand in a second publication of their group, which publishes nothing else, so that the application's UPDATE and DELETE on them
go through; one slot and one subscription bring both, in the order of the commits. What is not published is not to be overlooked
either: the source counts UPDATEs and DELETEs, and what has come since before the copy began keeps the light out.
"""

from collections.abc import Iterable, Iterator

from migrator.catalog import counting
from migrator.config import WithoutIdentity
from migrator.contents import Publication
from migrator.names import inserts_name
from migrator.observation import DatabasePair
from migrator.phases import groups
from migrator.phases.partitions import ledger
from migrator.phases.source_statements import create_inserts_publication
from migrator.phases.view import View
from migrator.phases.wording import counted, some
from migrator.quote import literal
from migrator.records import Barrier, LedgerGroup, LedgerRelation
from migrator.steps import Action, Finding, Gates, Mend, Side, Statement, Step

NAME = "preflight"

NOT_COUNTED = "track_counts was off"
"""In the ledger, in the place of when the source had begun to count."""

LATE_SECONDS = 12.0
"""A session that stays open tells what it has counted 10 s after its last transaction at the latest (PGSTAT_IDLE_INTERVAL)."""


def examine(view: View) -> Step:
    """What is replicated so, and whether anything else was written there: each such table holds back the light."""
    findings = (*_told(view), *_not_counting(view), *_changed(view))
    return Step(NAME, view.database.name, Gates.RELATION, tuple(_note(view)), findings=findings)


def _names(view: View) -> list[str]:
    """Those that are to begin so, and those that have."""
    pair = view.database
    names = [name for name in sorted(pair.ways) if is_chosen(pair, name) and name not in pair.ledger.relations]
    return names + sorted(entry.relation for entry in _entries(view))


def _told(view: View) -> Iterator[Finding]:
    pair, names = view.database, _names(view)
    before = {each.relation: each.changes for each in pair.facts.troubles}
    if names:
        counted = [f"{name} ({before[name]} so far)" if before.get(name) else name for name in names]
        yield Finding(
            "insert_only",
            f"Of tables of {pair.name} without a replica identity only INSERT and TRUNCATE are replicated, as chosen: {some(counted)}. "
            "No UPDATE or DELETE may come to them until the cutover.",
            "Nothing to do while that holds. Each one is counted by the source, and keeps the light out from then on; where a unique "
            "index is, a key that was deleted and comes again halts apply of the whole database.",
            blocking=False,
            database=pair.name,
        )


def _not_counting(view: View) -> Iterator[Finding]:
    """What a session sets for itself no catalog tells."""
    pair, mends = view.database, view.database.facts.uncounting
    if mends and _names(view):
        statements = " ".join(each + " SELECT pg_reload_conf();" * each.startswith("ALTER SYSTEM") for each in mends)
        yield Finding(
            "insert_only_not_counting",
            f"track_counts is off for sessions in database {pair.name} of the source: their UPDATEs and DELETEs on tables of which only "
            f"INSERT and TRUNCATE are replicated would be missed without a sign ({some(_names(view))}).",
            f"On the source: {statements} -- and end the sessions that began with it. Of those tables whose copy has begun it is "
            "remembered, and told afterwards what to do.",
            database=pair.name,
            mends=tuple(Mend(Side.SOURCE, each) for each in mends),
        )


def _note(view: View) -> Iterator[Action]:
    """That somebody did not count is no longer to be seen once it is mended; what came meanwhile is missing from the count for good."""
    names = [entry.relation for entry in _entries(view) if entry.counted_since not in (None, NOT_COUNTED)]
    if view.database.facts.uncounting and names:
        sql = ledger(f"SET counted_since = {literal(NOT_COUNTED)}", view, sorted(names))
        statement = Statement(Side.DESTINATION, view.database.target, sql)
        yield Action(
            f"note in the ledger that the source did not count on {some(sorted(names))}", (statement,), only_noted=True
        )


def is_chosen(pair: DatabasePair, relation: str) -> bool:
    """Whether a relation that is admitted now is to be replicated so."""
    return pair.ways.get(relation) is WithoutIdentity.INSERT_ONLY


def belongs(view: View, group: LedgerGroup, relation: str) -> bool:
    """Whether a relation that is admitted to this group now goes into its second publication; one without has only one place."""
    return group.inserts_oid is not None and is_chosen(view.database, relation)


def _entries(view: View) -> tuple[LedgerRelation, ...]:
    return tuple(entry for entry in view.database.ledger.relations.values() if entry.insert_only)


def _changed(view: View) -> Iterator[Finding]:
    for entry in sorted(_entries(view), key=lambda each: each.relation):
        publication = view.database.publication(inserts_name(groups.name_of(view, entry.group)))
        if publication is None or entry.changes is None or entry.source_oid not in publication.changes:
            continue
        changes = publication.changes[entry.source_oid] - entry.changes
        settle = _settle(view, entry, publication)
        if changes < 0 or publication.counted_since != entry.counted_since:
            yield _uncounted(view, entry, settle)
        elif changes:
            yield _differs(view, entry.relation, changes, settle)


def _uncounted(view: View, entry: LedgerRelation, settle: str) -> Finding:
    why = "the source's counters were reset since its copy began, by a crash or by pg_stat_reset()"
    if entry.counted_since == NOT_COUNTED:
        why = "track_counts was off for sessions on the source after its copy began"
    return Finding(
        "insert_only_uncounted",
        f"Whether {entry.relation} in database {view.database.name} had an UPDATE or DELETE, of which none is replicated, nobody knows "
        f"any more: {why}.",
        f"{_anew(view, entry.relation)}; or only {settle}",
        database=view.database.name,
        relation=entry.relation,
    )


def _differs(view: View, relation: str, changes: int, settle: str) -> Finding:
    return Finding(
        "insert_only_changed",
        f"{counted(changes, 'row')} of {relation} in database {view.database.name} updated or deleted on the source since its copy "
        "began, and that is not replicated, as chosen: the destination's rows are not the same any more. Only what was rolled back, or "
        "committed just before the copy, is counted as well and makes no difference.",
        f"{_anew(view, relation)}; or where it would happen again, before that give it an identity on the source (ALTER TABLE {relation} "
        "ADD PRIMARY KEY (...);) or choose replica_identity_full for it in the configuration: from the new copy on it is replicated "
        f"like any other; or only {settle}",
        database=view.database.name,
        relation=relation,
    )


def _settle(view: View, entry: LedgerRelation, publication: Publication) -> str:
    """For what the counters cannot tell, the rows can: the count begins anew from here."""
    changes, since = publication.changes[entry.source_oid], literal(publication.counted_since)
    rows = f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM ONLY {entry.relation} t"
    return (
        f"if both sides hold the same rows ({rows}, where nobody writes and apply has caught up), in database {view.database.target} on "
        f"the destination: {ledger(f'SET changes = {changes}, counted_since = {since}', view, [entry.relation])};"
    )


def _anew(view: View, relation: str) -> str:
    where = f"database {view.database.target} on the destination"
    return f"In {where}: DROP TABLE {relation} CASCADE; it is then made anew there with all that goes with it, and copied from the start"


def unsettled(pair: DatabasePair, barrier: Barrier) -> str | None:
    """Why the count of a look after the barrier may still grow; None where it is complete."""
    begun = any(entry.insert_only for entry in pair.ledger.relations.values())
    if not begun or pair.observed_at is None or (pair.observed_at - barrier.taken_at).total_seconds() >= LATE_SECONDS:
        return None
    return (
        f"UPDATEs and DELETEs on tables of {pair.name} that are replicated by INSERT alone are counted up to {LATE_SECONDS:.0f} s after "
        "the barrier."
    )


def can_begin(pair: DatabasePair) -> bool:
    """Whether a group takes such tables still: its second publication is older than its slot, which else could not read on."""
    working = groups.in_ledger(pair.ledger)
    return not working or any(group.inserts_oid is not None or not group.slot_created for group in working)


def lacks_publication(view: View, group: LedgerGroup) -> bool:
    """Whether the group's second publication is still to be made: where any table may need it, and before the slot."""
    if group.inserts_oid is not None or group.slot_created:
        return False
    needed = any(entry.insert_only for entry in groups.members(view, group).values())
    return needed or view.spec.may_choose(WithoutIdentity.INSERT_ONLY)


def create_publication(view: View, group: LedgerGroup) -> Action:
    """Made, or only recorded where it stands: by oid and xmin, as the first one."""
    name = inserts_name(group.name)
    known = view.database.publication(name) is not None
    create = Statement(Side.SOURCE, view.database.name, create_inserts_publication(name))
    read = (
        "SELECT oid::text AS inserts_oid, xmin::text AS inserts_xmin FROM pg_publication"
        f" WHERE pubname = {literal(name)} AND NOT pubupdate AND NOT pubdelete"
    )
    found = ("inserts_oid", "inserts_xmin")
    note = groups.update_group(
        view, "inserts_oid = %(inserts_oid)s::oid, inserts_xmin = %(inserts_xmin)s", found, group.number
    )
    statements = (*(() if known else (create,)), Statement(Side.SOURCE, view.database.name, read, keeps=found), note)
    return Action(f"{'record' if known else 'create'} publication {name}", statements)


def subscribed(group: LedgerGroup) -> tuple[str, ...]:
    """The publications that the group's subscription is made of."""
    return (group.name, *((inserts_name(group.name),) if group.inserts_oid is not None else ()))


def count(oids: Iterable[int]) -> str:
    """The query for `changes` (JSON: oid -> UPDATEs and DELETEs counted on the source) and `counted_since`.

    Run before a copy's snapshot is taken: what one counts twice is a false alarm, what one misses is silence.
    """
    return counting("counted_changes").replace("{oids}", f"ARRAY[{', '.join(map(str, sorted(oids)))}]")
