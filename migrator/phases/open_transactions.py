"""Transactions on the source that have written and not ended: no lag shows them, and the light must not come over them."""

from collections.abc import Iterator

from migrator.model import Transaction
from migrator.phases.view import View
from migrator.phases.wording import duration
from migrator.quote import literal
from migrator.steps import Finding, Wait


def waits(view: View) -> Iterator[Wait]:
    """Each in this database that is older than the bound: its rows are sent only when it commits."""
    for transaction in _old(view):
        yield Wait(f"{_named(transaction)} has been open for {duration(transaction.age_seconds)}")


def findings(view: View) -> Iterator[Finding]:
    """The same with a remedy. Prepared ones are told by preflight already, which holds them against every slot."""
    for transaction in _old(view):
        if transaction.kind == "open":
            yield Finding(
                "transaction_open",
                f"{_named(transaction).capitalize()} in database {view.database.name} of the source has been open for "
                f"{duration(transaction.age_seconds)}. What it has written is not on the destination, and no lag shows it.",
                f"Let it end, or end it on the source: SELECT pg_terminate_backend({transaction.identity});",
                blocking=False,
                database=view.database.name,
            )


def _old(view: View) -> Iterator[Transaction]:
    bound = view.spec.replication.open_transaction_seconds
    for transaction in view.source.transactions:
        if transaction.database == view.database.name and transaction.writing and transaction.age_seconds > bound:
            yield transaction


def _named(transaction: Transaction) -> str:
    if transaction.kind == "prepared":
        return f"prepared transaction {literal(transaction.identity)}"
    return f"a writing transaction (process {transaction.identity}, user {transaction.user})"
