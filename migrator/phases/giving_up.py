"""How relations leave their group, with what was copied of them: one text, for whoever finds that their snapshot is of no use.

Whoever copies a part holds its group's row FOR KEY SHARE and its own row FOR UPDATE until the rows are committed. Whoever gives
parts up takes the group's row FOR UPDATE first (a plain UPDATE would not do: it does not wait for KEY SHARE): so it waits for
copies that are being committed, and none begins behind its back.

New KEY SHAREs overtake a FOR UPDATE that waits, for ever where there are many copiers. So both take an advisory lock before: copiers
try it, shared, and step aside while somebody waits for it alone.
"""

from migrator.names import lock_key
from migrator.quote import dollar_quoted, literal

UNFINISHED = (
    "NOT EXISTS (SELECT FROM migrator.parts p WHERE (p.mapping, p.group_number, p.relation) ="
    " (r.mapping, r.group_number, r.relation)) OR EXISTS (SELECT FROM migrator.parts p WHERE"
    " (p.mapping, p.group_number, p.relation) = (r.mapping, r.group_number, r.relation) AND p.copied_at IS NULL)"
)
"""The condition on `migrator.relations r`: not cut yet, or a part is not in."""


LEFT = 0
"""The number of no group: of relations that left theirs, and are in none yet."""

_ANEW = (
    "ON CONFLICT (mapping, relation) DO UPDATE SET group_number = excluded.group_number, source_oid = excluded.source_oid,"
    " target_oid = excluded.target_oid, was_partition = excluded.was_partition, layout = excluded.layout, altered_layout = NULL,"
    " insert_only = excluded.insert_only, changes = excluded.changes, counted_since = excluded.counted_since,"
    " structure = excluded.structure, structure_lsn = NULL,"
    " altered_lsn = NULL, publication_rel_oid = NULL, gone_lsn = NULL, attached_lsn = NULL, analyzed_at = NULL,"
    " admitted_at = DEFAULT WHERE relations.group_number"
)
BACK = f"{_ANEW} = {LEFT}"
"""How a relation is written into a group: a new one, or one that left another."""
AGAIN = f"{_ANEW} IN ({LEFT}, excluded.group_number)"
"""How one is that may be in that group already: its table was dropped on the destination, and is copied anew."""


def lock(mapping: str, number: int) -> str:
    """The statements before `removal`, in the same transaction: have the group to ourselves. Waits as long as its parts last."""
    return (
        f"SELECT pg_advisory_xact_lock({_place(mapping, number)});"
        f" SELECT number FROM migrator.groups WHERE mapping = {literal(mapping)} AND number = {number} FOR UPDATE"
    )


def step_in(mapping: str, number: int) -> str:
    """The statement before a copy, in the same transaction: whether nobody has, or waits for, the group to himself."""
    return f"SELECT pg_try_advisory_xact_lock_shared({_place(mapping, number)})"


def _place(mapping: str, number: int) -> int:
    return lock_key("leave", mapping, str(number))


def removal(mapping: str, number: int, which: str) -> str:
    """Take the group's relations that `which` (a condition on `migrator.relations r`) picks out of it.

    Only the very table that received rows of ours is emptied: what else stands there is not ours to remove. The relation stays known, in
    no group: should it be dropped or renamed on the source before it is copied anew, its table has to leave its tree on the destination,
    and to stand there until the changes from before have arrived. The names in the ledger are quoted and qualified already.
    """
    body = f"""
DECLARE
    entry record;
BEGIN
    FOR entry IN SELECT r.mapping, r.group_number, r.relation, r.target_oid FROM migrator.relations r
                 WHERE r.mapping = {literal(mapping)} AND r.group_number = {number} AND ({which})
    LOOP
        IF to_regclass(entry.relation)::oid = coalesce(entry.target_oid, to_regclass(entry.relation)) AND EXISTS (
            SELECT FROM migrator.parts p WHERE (p.mapping, p.group_number, p.relation)
                = (entry.mapping, entry.group_number, entry.relation) AND p.copied_at IS NOT NULL)
        THEN
            EXECUTE 'TRUNCATE ONLY ' || entry.relation;
        END IF;
        DELETE FROM migrator.parts p WHERE (p.mapping, p.group_number, p.relation)
            = (entry.mapping, entry.group_number, entry.relation);
        UPDATE migrator.relations r SET group_number = {LEFT}, publication_rel_oid = NULL
        WHERE (r.mapping, r.relation) = (entry.mapping, entry.relation);
    END LOOP;
END """
    return f"DO {dollar_quoted(body)}"
