"""What the operator wants of a mapping, in the journal: written only over what it was judged by."""

from collections.abc import Iterable

from migrator.connection import Session
from migrator.records import Barrier, Intent


def write(
    session: Session,
    mapping: str,
    intent: Intent,
    among: Iterable[Intent],
    *,
    barrier: Barrier | None = None,
    source_gone: bool = False,
) -> bool:
    """Write the intent, before the first act of it. Whether it was written.

    Only where the intent is still one of `among`, and `barrier` in force where it was judged under one: another may have been quicker.
    """
    written = session.execute(
        "UPDATE migrator.mappings SET intent = %(intent)s, intent_at = clock_timestamp(), quiet_since = NULL, stable_at = NULL,"
        " source_gone = source_gone OR %(source_gone)s WHERE name = %(mapping)s AND intent = ANY (%(among)s)"
        " AND (%(barrier)s::pg_lsn IS NULL OR barrier = %(barrier)s::pg_lsn)",
        {
            "mapping": mapping,
            "intent": intent.value,
            "among": [each.value for each in among],
            "barrier": str(barrier.lsn) if barrier else None,
            "source_gone": source_gone,
        },
    )
    return written.rowcount == 1
