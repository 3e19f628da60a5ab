"""Who owns what on the destination, and who may do what with it?

Rights are given once: while an object is as CREATE left it, and then it is noted in the ledger. What differs later is told
with the statement that would mend it, never replicated: a source fenced by REVOKE must not lock the destination, nor put
out the light.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from migrator.catalog import ledger_tables
from migrator.phases.privilege_comparison import POSTGRESQL, Comparison, absent, comparisons
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier, literal
from migrator.schema.privilege import Privilege
from migrator.schema.spelling import unquoted
from migrator.steps import Action, Finding, Side, Statement, Step

NAME = "privileges"

BATCH = 50
"""Statements of one transaction, about: each locks its table against apply until the end of it."""

NOTED = 1000
"""Objects noted in the ledger by one statement."""

SHOWN = 20
"""Objects named in one finding."""


def examine(view: View) -> Step:
    """Give rights to what is fresh, note what is settled, tell of what differs otherwise."""
    held = set(map(unquoted, view.held))
    compared = tuple(each for each in comparisons(view) if each.target.key[1] not in held)
    differing = [each for each in compared if each.mending]
    fresh = [each for each in differing if each.fresh and not each.settled]
    given = [each for each in fresh if each.allowed and each.gift()]
    refused = [each for each in fresh if each not in given]
    drifted = [each for each in differing if each not in fresh]
    actions = (*_gifts(view, given), *_note(view, _settled(view, compared, given)))
    findings = (
        *_told(view, "privilege_drift", drifted),
        *_told(view, "privilege_refused", refused),
        *_missing_roles(view, compared),
        *_absent(view, absent(view)),
    )
    return Step(NAME, view.database.name, actions=actions, findings=findings)


def _settled(view: View, compared: Iterable[Comparison], given: list[Comparison]) -> list[str]:
    """What is like the source's, by itself or since we gave it, and not noted yet.

    Objects of PostgreSQL's and the extensions' are noted together: those that nobody has touched have no row.
    """
    known = view.database.ledger.given or frozenset()
    alike = (each for each in compared if not each.mending and not each.missing_roles and each.target.maker is None)
    schema = view.database.target_schema
    extensions = {f"extension {each.name}" for each in schema.extensions} if schema else set()
    pending = {each.target.maker for each in given}
    makers = {POSTGRESQL, *extensions} - pending if schema else set()
    return sorted({*(each.target.address for each in alike), *makers} - known)


def _gifts(view: View, given: list[Comparison]) -> Iterator[Action]:
    """Batches; the statements of one object stay together. What failed before, by itself or in a batch, is done by itself."""
    together = [each for each in given if not _failed(view, _summary(view, [each]))]
    for batch in _batches(together):
        if _failed(view, _summary(view, batch)):
            yield from (_gift(view, [each]) for each in batch)
        else:
            yield _gift(view, batch)
    yield from (_gift(view, [each]) for each in given if each not in together)


def _batches(given: list[Comparison]) -> Iterator[list[Comparison]]:
    batch: list[Comparison] = []
    statements = 0
    for each in given:
        if batch and statements + len(each.gift()) > BATCH:
            yield batch
            batch, statements = [], 0
        batch.append(each)
        statements += len(each.gift())
    if batch:
        yield batch


def _failed(view: View, summary: str) -> bool:
    return view.tries(NAME, summary) > 0


def _summary(view: View, given: list[Comparison]) -> str:
    more = "" if len(given) == 1 else f" and {len(given) - 1} more"
    return f"give owner and privileges to {given[0].target.label}{more} of {identifier(view.database.target)}"


def _gift(view: View, given: list[Comparison]) -> Action:
    complete = [each.target.address for each in given if each.target.maker is None and not each.missing_roles]
    sentences = [sentence for each in given for sentence in each.gift()]
    return _action(view, _summary(view, given), sentences, complete)


def _note(view: View, settled: list[str]) -> Iterator[Action]:
    if settled:
        summary = f"note what is settled of the privileges in {identifier(view.database.target)}"
        yield replace(_action(view, summary, [], settled), only_noted=True)


def _action(view: View, summary: str, sentences: list[str], settled: list[str]) -> Action:
    mapping, target = literal(view.spec.name), view.database.target
    notes = [
        f"INSERT INTO migrator.given (mapping, object) SELECT {mapping}, unnest(ARRAY["
        f"{', '.join(map(literal, settled[start : start + NOTED]))}]) ON CONFLICT DO NOTHING"
        for start in range(0, len(settled), NOTED)
    ]
    tables = [ledger_tables()] if notes and view.database.ledger.given is None else []
    return Action(summary, tuple(Statement(Side.DESTINATION, target, sql) for sql in (*sentences, *tables, *notes)))


def _told(view: View, code: str, differing: list[Comparison]) -> Iterator[Finding]:
    if not differing:
        return
    mending = " ".join(f"{sentence};" for each in differing[:SHOWN] for sentence in each.mending)
    named = _named([each.target for each in differing])
    database, user = view.database.target, view.destination.user.name
    message, remedy = {
        "privilege_drift": (
            f"{named} in database {database}: owner or privileges are not those of the source; the destination's are kept.",
            f"To make them so on the destination: {mending}",
        ),
        "privilege_refused": (
            f"{user} may not give to {named} in database {database} the owner and privileges of the source.",
            f"As a superuser in database {database} on the destination: {mending}",
        ),
    }[code]
    yield Finding(code, message, remedy, blocking=False, database=view.database.name)


def _missing_roles(view: View, compared: Iterable[Comparison]) -> Iterator[Finding]:
    affected = [comparison for comparison in compared if comparison.missing_roles]
    if not affected:
        return
    missing = sorted(frozenset().union(*(comparison.missing_roles for comparison in affected)))
    yield Finding(
        "grantee_missing",
        f"The destination has no role {', '.join(missing)}: its ownership and rights on "
        f"{_named([each.target for each in affected])} are left out.",
        "Create the role on the destination; its rights are then given by hand, ownership by the next tick.",
        blocking=False,
        database=view.database.name,
    )


def _absent(view: View, absent_objects: list[Privilege]) -> Iterator[Finding]:
    if absent_objects:
        yield Finding(
            "privilege_object_missing",
            f"The source has changed the rights on {some([each.label for each in absent_objects])}; database "
            f"{view.database.target} on the destination has no such object: they are left out.",
            "Nothing to do where that version does without it; else grant on what takes its place.",
            blocking=False,
            database=view.database.name,
        )


def _named(objects: list[Privilege]) -> str:
    shown = ", ".join(each.label for each in objects[:SHOWN])
    return shown if len(objects) <= SHOWN else f"{shown} and {len(objects) - SHOWN} more"
