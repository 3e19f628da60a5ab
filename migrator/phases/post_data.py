"""What do queries and integrity need? Indexes, UNIQUE, EXCLUDE, CHECK and foreign keys, built gently under apply."""

from collections.abc import Iterable, Iterator, Mapping, Set

from migrator.phases import foreign_keys
from migrator.phases.appeared import Appeared
from migrator.phases.building import Builder, Piece, Work
from migrator.phases.late_keys import late_keys
from migrator.phases.relations import MOST_RELATIONS
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.comment import Comment
from migrator.schema.constraint import Constraint
from migrator.schema.index import Index
from migrator.steps import Action, Finding, Gates, Step, Wait

NAME = "post_data"


def examine(view: View) -> Step:
    """Everything belongs to one relation: a narrow look at that relation gives the same answer for it."""
    pair = view.database
    if pair.source_schema is None or pair.target_schema is None:
        return Step(NAME, pair.name, Gates.DATABASE, waits=(Wait(f"the schema of {pair.name} has not been read"),))
    found = _work(builder(view, pair.source_schema, pair.target_schema), pair.source_schema, view.failing(NAME).keys())
    return answer(pair.name, _asked_for(view, found))


def builder(view: View, source: Schema, target: Schema) -> Builder:
    """Who says what each index and constraint of a database still needs, and what it waits for."""
    barrier = view.observation.journal.barrier if view.observation.journal is not None else None
    return Builder(
        view.database,
        source,
        target,
        view.destination.major,
        after_barrier=foreign_keys.has_passed_the_barrier(view),
        appeared=Appeared(view, source),
        unfilled=foreign_keys.unfilled(view.database, barrier),
        late_keys=late_keys(view),
    )


def _asked_for(view: View, found: Iterable[Work]) -> Iterator[Work]:
    """Of a narrow look what is about its own relations: it takes in others, but not all that is needed to judge these."""
    scope = view.observation.scope.relations
    return (each for each in found if not scope or each.relation is None or each.relation in scope)


def _work(of: Builder, source: Schema, failing: Set[str]) -> Iterator[Work]:
    """The largest relations; of very many no more than can be handed out before the next tick, beside those that fail.

    All their indexes before their constraints: a foreign key locks another table as well, which a build might have gone on with.
    """
    begun, pieces = 0, _by_relation(source)
    work: dict[type[Piece], list[Work]] = {Index: [], Constraint: [], Comment: []}
    for relation in sorted(pieces, key=lambda name: -of.bytes_of(name)):
        if begun < MOST_RELATIONS or relation in failing:
            found = [(type(piece), each) for piece in pieces[relation] for each in of.of(piece)]
            begun += relation not in failing and any(isinstance(each, Action) for _, each in found)
            for kind, each in found:
                work[kind].append(each)
    for some in work.values():
        yield from some
    if begun >= MOST_RELATIONS:
        yield Wait("indexes and constraints of more relations may come when these are built")


def _by_relation(source: Schema) -> Mapping[str, list[Piece]]:
    """Of each its indexes, its constraints, its comments."""
    found: dict[str, list[Piece]] = {}
    pieces: tuple[Piece, ...] = (*source.indexes, *source.constraints, *source.comments)
    for piece in pieces:
        if piece.relation is not None:
            found.setdefault(piece.relation, []).append(piece)
    return found


def answer(database: str, found: Iterable[Work]) -> Step:
    """The step of one database that says all of this, each action and wait once."""
    work = tuple(found)
    return Step(
        NAME,
        database,
        Gates.DATABASE,
        actions=tuple(dict.fromkeys(each for each in work if isinstance(each, Action))),
        waits=tuple(dict.fromkeys(each for each in work if isinstance(each, Wait))),
        findings=tuple(each for each in work if isinstance(each, Finding)),
    )
