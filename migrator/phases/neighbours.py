"""Who else is on the two servers: said, since they do not move, or may hold us up; none of it blocks."""

from collections.abc import Iterator

from migrator.phases import headroom
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier, literal
from migrator.steps import Finding


def findings(view: View) -> Iterator[Finding]:
    """Old transactions only until the slots are there: from then on they hold up nothing of ours."""
    if any(not pair.ledger.groups for pair in view.observation.databases):
        yield from _old_transactions(view)
    yield from _prepared_transactions(view)
    yield from _replication(view)
    yield from _passwords(view)
    yield from _labels(view)
    yield from _destination_in_use(view)


def _old_transactions(view: View) -> Iterator[Finding]:
    for transaction in view.source.transactions:
        if transaction.kind == "open" and transaction.writing:
            yield _note(
                "old_transaction",
                f"Process {transaction.identity} on the source (database {transaction.database}, user {transaction.user}) "
                f"has had a transaction open for {transaction.age_seconds:.0f} s; replication slots wait for its end.",
                f"If it is forgotten, on the source: SELECT pg_terminate_backend({transaction.identity});",
            )


def _prepared_transactions(view: View) -> Iterator[Finding]:
    for transaction in view.source.transactions:
        if transaction.kind == "prepared":
            yield _note(
                "prepared_transaction",
                f"Prepared transaction {literal(transaction.identity)} in database {transaction.database} of the source is "
                f"{transaction.age_seconds:.0f} s old: replication slots wait for its end, and it is lost with the source.",
                f"In database {transaction.database} on the source: COMMIT PREPARED {literal(transaction.identity)}; or ROLLBACK PREPARED "
                f"{literal(transaction.identity)};",
            )


def _replication(view: View) -> Iterator[Finding]:
    source = view.source
    slots = [slot.name for slot in source.slots if not headroom.is_ours(view, slot.name)]
    if slots:
        yield _note(
            "other_slots",
            f"The source has replication slots of others, which do not move: {some(slots)}.",
            "Set their consumers up anew on the destination after the cutover.",
        )
    standbys = [sender.application or "(unnamed)" for sender in source.senders if sender.database is None]
    if standbys:
        yield _note(
            "standbys",
            f"The source feeds standbys or backups, which do not move: {some(standbys)}.",
            "Make standbys of the destination before the cutover, if you need them from the first day.",
        )
    if source.subscription_names:
        yield _note(
            "other_subscriptions",
            f"The source itself subscribes to others: {some(source.subscription_names)}. Subscriptions do not move.",
            "Plan them into the cutover: their rows keep arriving on the source until they are dropped there.",
        )


def _passwords(view: View) -> Iterator[Finding]:
    """By the verifier that the destination has of the role, or will have: once carried, the source's is no matter any more."""
    there = {role.name: role for role in view.destination.roles}
    md5, carried = [], []
    for role in view.source.roles:
        known = there.get(role.name)
        judged = role if known is None or known.has_password is None else known
        if role.login and judged.md5_password:
            md5.append(role.name)
            carried += [] if known is None else [identifier(role.name)]
    if md5:
        ways = ["on the source while password_encryption is 'scram-sha-256'"] if len(carried) < len(md5) else []
        ways += [f"in psql on the destination: \\password {' or '.join(carried)}"] if carried else []
        yield _note(
            "md5_passwords",
            f"Roles have MD5 password hashes: {some(md5)}. They are carried as they are; a pg_hba.conf that asks for scram-sha-256 "
            "refuses them, and PostgreSQL 18 calls MD5 deprecated.",
            f"Have each set a new password: {'; those that the destination has, '.join(ways)}. Or have pg_hba.conf of the destination "
            "say md5, which admits both.",
        )


def _labels(view: View) -> Iterator[Finding]:
    selected = {pair.name for pair in view.observation.databases}
    labels = [label for label in view.source.labels if label.kind == "role" or label.name in selected]
    if labels:
        yield _note(
            "security_labels",
            f"Security labels do not move: {some([f'{label.provider} on {label.kind} {label.name}' for label in labels])}.",
            "Where the destination has the label provider: SECURITY LABEL FOR ... ON ... IS ...; there, before the cutover.",
        )


def _destination_in_use(view: View) -> Iterator[Finding]:
    for pair in view.observation.databases:
        sessions = view.destination.clients.get(pair.target, 0)
        if sessions:
            yield _note(
                "destination_in_use",
                f"{sessions} session(s) other than ours are connected to {pair.target} on the destination.",
                "What they write before the cutover collides with what is replicated: see who they are in pg_stat_activity.",
                pair.name,
            )


def _note(code: str, message: str, remedy: str, database: str | None = None) -> Finding:
    return Finding(code, message, remedy, blocking=False, database=database)
