"""Whose is a database's name on the destination? Taken in the journal before anything is made or filled under it.

A mapping takes the names of all databases it selects, in one statement; each name has one claim, so the first to
come has it, whoever else is at work. The other mapping is refused that database, and goes on with the rest.
"""

from collections.abc import Iterator

from migrator.names import is_ours as is_of
from migrator.observation import DatabasePair
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import literal
from migrator.records import Claim
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = "preflight"


def examine(view: View) -> Step:
    """Take what is free, give back what is wanted no more. Asked by full looks; nothing but the light waits for it."""
    if view.observation.scope.database is not None:
        return Step(NAME, gates=Gates.NOTHING)
    stale = [claim for claim in _own(view) if _stale(view, claim)]
    findings = tuple(_still_replicated(view, claim) for claim in stale if _has_pipe(view, claim))
    returned = [claim for claim in stale if not _has_pipe(view, claim)]
    wanted = [pair for pair in view.observation.databases if claimable(view, pair)]
    return Step(NAME, actions=(*_returns(view, returned), *_claims(view, wanted)), findings=findings)


def findings(view: View) -> Iterator[Finding]:
    """Why this database may not have its name on the destination."""
    pair = view.database
    rival = rival_of(view, pair)
    if rival is not None:
        yield _taken(view, pair, rival)
    twins = [other.name for other in view.observation.databases if other.target == pair.target]
    if len(twins) > 1:
        yield Finding(
            "database_name_clash",
            f"Databases {some(twins)} would all become {pair.target} on the destination.",
            "Give each a name of its own under the mapping's databases.rename.",
            database=pair.name,
        )


def is_ours(view: View, pair: DatabasePair) -> bool:
    """Whether this mapping has claimed the database's name."""
    return any((claim.database, claim.target) == (pair.name, pair.target) for claim in _own(view))


def claimable(view: View, pair: DatabasePair) -> bool:
    """Whether the name is to be taken now: not ours yet, nobody else's, and wanted once."""
    twins = sum(other.target == pair.target for other in view.observation.databases)
    return twins == 1 and rival_of(view, pair) is None and not is_ours(view, pair)


def rival_of(view: View, pair: DatabasePair) -> Claim | None:
    """The other mapping that has the name."""
    return next(
        (claim for claim in _claimed(view) if claim.target == pair.target and claim.mapping != view.spec.name), None
    )


def _claimed(view: View) -> tuple[Claim, ...]:
    journal = view.observation.journal
    return journal.claims if journal else ()


def _own(view: View) -> tuple[Claim, ...]:
    return tuple(claim for claim in _claimed(view) if claim.mapping == view.spec.name)


def _stale(view: View, claim: Claim) -> bool:
    """The configuration no longer asks for it: the database is left out, gone, or goes elsewhere."""
    return all((pair.name, pair.target) != (claim.database, claim.target) for pair in view.observation.databases)


def _has_pipe(view: View, claim: Claim) -> bool:
    """Whether replication of it still stands on either side, in whichever group: the first may have been given up."""
    names = (*(slot.name for slot in view.source.slots), *view.destination.subscription_names)
    system = view.destination.system_identifier
    return any(is_of(name, view.spec.name, system, claim.database) for name in names)


def _claims(view: View, pairs: list[DatabasePair]) -> Iterator[Action]:
    if not pairs:
        return
    # In one order for all mappings, so that two of them cannot wait for each other.
    rows = ", ".join(
        f"({literal(view.spec.name)}, {literal(pair.name)}, {literal(pair.target)})"
        for pair in sorted(pairs, key=lambda pair: pair.target)
    )
    insert = f"INSERT INTO migrator.databases (mapping, database, target) VALUES {rows} ON CONFLICT DO NOTHING"
    summary = f"claim the name{'' if len(pairs) == 1 else 's'} of {some([pair.target for pair in pairs])}"
    yield Action(summary, (Statement(Side.DESTINATION, None, insert),))


def _returns(view: View, claims: list[Claim]) -> Iterator[Action]:
    if claims:
        names = ", ".join(literal(claim.database) for claim in claims)
        delete = f"DELETE FROM migrator.databases WHERE mapping = {literal(view.spec.name)} AND database IN ({names})"
        summary = f"give back the name{'' if len(claims) == 1 else 's'} of {some([claim.target for claim in claims])}"
        yield Action(summary, (Statement(Side.DESTINATION, None, delete),))


def _taken(view: View, pair: DatabasePair, rival: Claim) -> Finding:
    return Finding(
        "database_name_clash",
        f"Database {pair.name} would become {pair.target} on the destination, but mapping {rival.mapping} has that name "
        f"for database {rival.database} of {rival.source}.",
        f"Under mapping {view.spec.name}: {rename_line(view.spec.source.name, pair.name)} or, where it is not to move: "
        f"{exclude_line(pair.name)}",
        database=pair.name,
    )


def rename_line(source: str, database: str) -> str:
    """The configuration that gives the database another name on the destination, to be pasted."""
    room = 63 - len(f"_{source}".encode())
    name = f"{database.encode()[:room].decode(errors='ignore')}_{source}"
    return f"databases: {{rename: {{{yaml(database)}: {yaml(name)}}}}}"


def exclude_line(database: str) -> str:
    """The configuration that leaves the database out, to be pasted."""
    return f"databases: {{exclude: [{yaml(database)}]}}"


def yaml(name: str) -> str:
    """A name as YAML and JSON both read it."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _still_replicated(view: View, claim: Claim) -> Finding:
    now = next((pair.target for pair in view.observation.databases if pair.name == claim.database), None)
    what = f"is to become {now}" if now else "is not selected any more (or is gone from the source)"
    return Finding(
        "database_deselected",
        f"Database {claim.database} {what}, but it is being replicated into {claim.target} on the destination: its slot "
        "keeps WAL on the source, and completion would leave it behind.",
        f"Put the configuration of mapping {view.spec.name} back as it was; or end it with: pg-migrator abort "
        f"{view.spec.name} (before the change), and start again.",
        database=claim.database,
    )
