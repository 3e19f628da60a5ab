"""Which actions share a transaction: thousands of small ones do not wait thousands of times for a commit and for the network.

What runs together stays together only while it goes well: whatever fails is undone with all that shared its transaction, and tried again
in halves, until what is at fault is alone. A transaction that holds locks on tables never waits for another lock: apply, which may hold
what we want and want what we hold, waits for us for a moment, and never for ever.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from migrator.model import Instance
from migrator.phases.failing import key_of
from migrator.steps import Action, Lock, Quick, Step

MOST_STATEMENTS = 100
"""Of one transaction: some 100 ms, for which apply may have to wait."""

MOST_BYTES = 8 * 1024 * 1024
"""Of the relations that are read within one transaction, each counted as often as it is read."""

_LOCKS_EACH = 8
"""Of one statement until the end of its transaction: a table with its TOAST table, that one's index, key, sequence, type."""

STATEMENT_SECONDS = 5
"""A statement that takes longer is none for company: it is done by itself, gently."""

WAIT_MILLISECONDS = 500
"""For what `locks` does not name. Shorter than any deadlock_timeout, so that not apply is the one to be ended."""

Wanted = tuple[Step, Action]


def statements_at_once(server: Instance) -> int:
    """Statements of one transaction: what they lock is a quarter of the server's lock table at most.

    It is shared by all sessions, and holds max_locks_per_transaction * (max_connections + max_prepared_transactions).
    """
    setting = server.setting
    locks = setting("max_locks_per_transaction") * (setting("max_connections") + setting("max_prepared_transactions"))
    return min(MOST_STATEMENTS, max(1, locks // (4 * _LOCKS_EACH)))


def bundles(wanted: Iterable[Wanted], failed: Collection[str], server: Instance) -> Iterator[list[Wanted]]:
    """The actions in their order: neighbours that are quick together, as far as a transaction goes, every other by itself.

    What `failed` before (the key of its failure) is by itself: it has been at fault once.
    """
    most = statements_at_once(server)
    bundle: list[Wanted] = []
    statements = size = 0
    for step, action in wanted:
        quick = action.quick if key_of(step, action) not in failed else None
        length = len(quick.statements) if quick is not None else 0
        full = statements + length > most or size + action.cost_bytes > MOST_BYTES
        if bundle and (quick is None or full):
            yield bundle
            bundle, statements, size = [], 0, 0
        bundle.append((step, action))
        statements, size = statements + length, size + action.cost_bytes
        if quick is None:
            yield bundle
            bundle, statements, size = [], 0, 0
    if bundle:
        yield bundle


def transaction(quick: Sequence[Quick]) -> tuple[str, ...]:
    """The statements of their one transaction: all the locks first, at once or not at all."""
    limits = f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'", f"SET LOCAL lock_timeout = {WAIT_MILLISECONDS}"
    held: dict[str, Lock] = {}
    for relation, lock in (each for work in quick for each in work.locks):
        held[relation] = max(lock, held.get(relation, lock))
    locks = (_lock(mode, [name for name, lock in held.items() if lock is mode]) for mode in sorted(set(held.values())))
    return (*limits, *locks, *(sql for work in quick for sql in work.statements))


def _lock(lock: Lock, relations: Sequence[str]) -> str:
    return f"LOCK TABLE {', '.join(f'ONLY {name}' for name in relations)} IN {lock.mode} MODE NOWAIT"


def halves(bundle: Sequence[Wanted]) -> tuple[Sequence[Wanted], Sequence[Wanted]]:
    middle = len(bundle) // 2
    return bundle[:middle], bundle[middle:]
