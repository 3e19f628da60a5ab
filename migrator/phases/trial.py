"""Does the destination take the schema? Tried whole, before anything is made, in a database that is dropped again.

A database is tried as long as nothing of it has begun; what came of it stands in the journal, so that ticks do not repeat it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from migrator.config import MappingSpec
from migrator.model import Instance
from migrator.names import trial_name
from migrator.observation import DatabasePair, Hints, Observation
from migrator.phases import locales
from migrator.phases.view import View
from migrator.phases.wording import counted, duration, some
from migrator.quote import identifier
from migrator.records import Refusal, SchemaTrial, TrialFailure
from migrator.steps import Action, Finding, Gates, Side, Statement, Step, TrySchema, Wait

NAME = "preflight"
SUMMARY = "try the schema"

GOOD_SECONDS = 600.0
"""How long a trial without failures holds although the schema moves: one that moves all the time could else never begin."""

AGAIN_SECONDS = 300.0
"""After which a trial that failed is made again, since its cause may have gone on the destination."""

SHARE = 20
"""A trial is made again at the earliest after so many times as long as it took."""


def examine(view: View) -> Step:
    """Asked of the mapping: nothing at all is made on the destination before every database was tried, one way or the other."""
    untried = [pair.name for pair in view.observation.databases if is_due(view, pair)] if _is_untouched(view) else []
    waits = (Wait(f"the schema of {some(untried)} is being tried on the destination"),) if untried else ()
    return Step(NAME, None, Gates.MAPPING, tuple(strays(view)), waits)


def due(spec: MappingSpec, observation: Observation) -> tuple[str, ...]:
    """The databases that are to be tried now; none while a server does not answer."""
    if not isinstance(observation.source, Instance) or not isinstance(observation.destination, Instance):
        return ()
    view = View(spec, observation, Hints(), observation.observed_at)
    return tuple(pair.name for pair in observation.databases if is_due(view, pair))


def actions(view: View) -> Iterator[Action]:
    """Try the view's database, or clear away what a trial that died has left."""
    pair = view.database
    if is_due(view, pair):
        yield Action(f"{SUMMARY} of {identifier(pair.name)}", (), job=TrySchema())
    elif not view.observation.scope.relations:
        yield from leftover(view, pair.name)


def strays(view: View) -> Iterator[Action]:
    """What trials that died have left of databases that are not looked at any more."""
    if view.observation.scope.database is not None:
        return
    claims = view.observation.journal.claims if view.observation.journal is not None else ()
    known = {each.database for each in claims if each.mapping == view.spec.name}
    if isinstance(view.observation.source, Instance):
        known |= {each.name for each in view.source.databases}
    for name in sorted(known - {pair.name for pair in view.observation.databases}):
        yield from leftover(view, name)


def leftover(view: View, database: str) -> Iterator[Action]:
    """What takes away the database in which this one's schema was tried."""
    name = trial_name(view.spec.name, view.destination.system_identifier, database)
    if view.destination.database(name) is not None:
        drop = Statement(Side.DESTINATION, None, drop_sql(name), transactional=False)
        yield Action(f"drop the database of a trial {name}", (drop,))


def name_of(view: View) -> str:
    """What the destination calls the view's database while it is tried."""
    return trial_name(view.spec.name, view.destination.system_identifier, view.database.name)


def drop_sql(name: str) -> str:
    """Also while a session of ours that nobody holds any more is in it."""
    return f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)"


def is_due(view: View, pair: DatabasePair) -> bool:
    """Whether the database is to be tried now."""
    if not is_possible(view, pair):
        return False
    known = last(view, pair)
    if known is None:
        return True
    age = (view.now - known.tried_at).total_seconds()
    failed = any(each.refusal is Refusal.FAILED for each in _standing(pair, known).failures)
    if known.digest != digest(view, pair):
        return age >= (SHARE * known.seconds if failed else GOOD_SECONDS)
    return failed and age >= max(AGAIN_SECONDS, SHARE * known.seconds)


def is_possible(view: View, pair: DatabasePair) -> bool:
    """Whether there is something to try, and we may: the configuration asks for it, nothing has begun, we may make a database."""
    source, target = pair.source_schema, pair.target_schema
    begun = bool(pair.ledger.groups) or view.observation.scope.relations
    if not view.spec.schema_trial or begun or source is None or pair.source_error or pair.target_error:
        return False
    if not _has_right(view) or view.source.database(pair.name) is None or any(locales.findings(view, pair)):
        return False
    return target is None or any(target.counterpart(item) is None for item in source.items)


def _has_right(view: View) -> bool:
    return view.destination.user.superuser or view.destination.user.createdb


def _is_untouched(view: View) -> bool:
    journal = view.observation.journal
    return journal is None or all(each.mapping != view.spec.name for each in journal.roles)


def digest(view: View, pair: DatabasePair) -> str:
    """Of all that the outcome depends on and that can be seen."""
    assert pair.source_schema is not None
    available = view.destination.available_extensions
    extensions = (f"{name} {available.get(name)}" for name in sorted(pair.facts.extensions))
    words = (pair.source_schema.digest, str(view.destination.version), *extensions)
    return hashlib.blake2b("\0".join(words).encode(), digest_size=16).hexdigest()


def last(view: View, pair: DatabasePair) -> SchemaTrial | None:
    """What came of the database's last trial."""
    journal = view.observation.journal
    trials = journal.trials if journal is not None else ()
    return next((each for each in trials if each.database == pair.name), None)


def broken_off(view: View, why: str) -> SchemaTrial:
    """What is noted of a trial that could not be made."""
    failure = TrialFailure(Refusal.BROKEN_OFF, view.database.name, why)
    return SchemaTrial(view.database.name, digest(view, view.database), view.now, 0.0, (failure,))


def _standing(pair: DatabasePair, known: SchemaTrial) -> SchemaTrial:
    """The trial of what the destination does not have: what somebody made there beforehand need not be made."""
    there = pair.target_schema
    if there is None:
        return known
    return replace(
        known,
        failures=tuple(each for each in known.failures if there.find(each.object) is None),
        untried=tuple(each for each in known.untried if there.find(each) is None),
    )


def findings(view: View) -> Iterator[Finding]:
    """What the last trial says of the view's database, as long as nothing of it has begun; or why there was none."""
    pair = view.database
    known = last(view, pair)
    if view.spec.schema_trial and not pair.ledger.groups and not _has_right(view):
        user = view.destination.user.name
        why = f"{user} may not create the database that the trial needs there, for as long as it lasts."
        yield _impossible(view, why, f"On the destination: ALTER ROLE {identifier(user)} CREATEDB; or, to do")
    elif known is not None and is_possible(view, pair):
        yield from told(view, known)


def told(view: View, trial: SchemaTrial) -> Iterator[Finding]:
    """A trial's outcome as findings."""
    trial = _standing(view.database, trial)
    standing = trial.failures
    yield from (_failed(view, trial, each) for each in standing if each.refusal is Refusal.FAILED)
    refused = [each for each in standing if each.refusal is Refusal.RIGHT]
    if refused:
        yield _refused(view, refused)
    yield from (_body(view, each) for each in standing if each.refusal is Refusal.BODY)
    yield from (_impossible(view, each.message) for each in standing if each.refusal is Refusal.BROKEN_OFF)
    if trial.untried:
        yield _untried(view, trial)


def _failed(view: View, trial: SchemaTrial, failure: TrialFailure) -> Finding:
    again = duration(max(AGAIN_SECONDS, SHARE * trial.seconds))
    return Finding(
        "schema_trial_failed",
        f"The destination does not take {failure.object} (database {view.database.name}): {failure.message}",
        f"In database {view.database.name} of the source: alter it so that PostgreSQL {view.destination.major} takes it, or drop "
        "it if nobody needs it; or give the destination what it lacks. It is tried again as soon as the schema has changed, else "
        f"every {again}; at once with: pg-migrator retry {view.spec.name}",
        database=view.database.name,
        relation=failure.relation,
    )


def _refused(view: View, failures: list[TrialFailure]) -> Finding:
    target = view.database.target
    named = some([f"{each.object} ({each.message})" for each in failures])
    return Finding(
        "schema_trial_refused",
        f"{view.destination.user.name} lacks the right to make in database {target} on the destination: {named}.",
        "Nothing to do now: when it is their turn, the statements are told for a superuser to run. To have it done beforehand, "
        f"create database {identifier(target)} there yourself, and these in it.",
        blocking=False,
        database=view.database.name,
    )


def _body(view: View, failure: TrialFailure) -> Finding:
    return Finding(
        "function_body_rejected",
        f"The body of {failure.object} (database {view.database.name}) is made as it stands, but PostgreSQL "
        f"{view.destination.major} does not accept it: {failure.message}",
        "Look whether it works on the source. If it does and is needed, change it so that it works on both versions.",
        blocking=False,
        database=view.database.name,
    )


def _untried(view: View, trial: SchemaTrial) -> Finding:
    return Finding(
        "schema_trial_incomplete",
        f"{counted(len(trial.untried), 'object')} of database {view.database.name} could not be tried on the destination, since they need "
        f"what it did not take: {some(trial.untried)}.",
        "They are tried together with what they need, once that can be made.",
        blocking=False,
        database=view.database.name,
    )


def _impossible(view: View, why: str, remedy: str = "It is tried again. To do") -> Finding:
    return Finding(
        "schema_trial_impossible",
        f"Whether the destination takes the schema of database {view.database.name} is not known: {why}",
        f"{remedy} without: schema_trial: false under mapping {view.spec.name}.",
        blocking=False,
        database=view.database.name,
    )
