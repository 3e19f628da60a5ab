"""Who keeps a replication slot from being made: it waits for every transaction of the whole source that writes."""

from migrator.model import Slot
from migrator.phases.view import View
from migrator.quote import literal
from migrator.steps import Finding


def holders(view: View, slot: Slot | None) -> tuple[Finding, ...]:
    """Who will keep the slot's creation waiting. The action itself shows whether they really did."""
    if slot is not None and slot.confirmed_flush_lsn is not None:
        return ()
    return tuple(
        Finding(
            "slot_creation_waits",
            f"A {transaction.kind} transaction ({transaction.identity}, database {transaction.database}, user "
            f"{transaction.user}) has been open for {transaction.age_seconds:.0f} s; a replication slot cannot be made before it ends.",
            f"End it, on the source: SELECT pg_terminate_backend({transaction.identity});"
            if transaction.kind == "open"
            else f"End it, in database {transaction.database} on the source: COMMIT PREPARED {literal(transaction.identity)}; or "
            f"ROLLBACK PREPARED {literal(transaction.identity)};",
            blocking=False,
            database=view.database.name,
        )
        for transaction in view.source.transactions
        if transaction.writing
    )
