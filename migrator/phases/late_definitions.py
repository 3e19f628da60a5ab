"""What else do queries and integrity need? Triggers, rules, row security, statistics objects, contents of materialized views.

The second half of post_data: everything PostgreSQL spells as a whole and no row needs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from migrator.contents import SyncState
from migrator.observation import DatabasePair
from migrator.phases import post_data, quick
from migrator.phases.building import Work
from migrator.phases.pre_data import drift_finding
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.comment import Comment
from migrator.schema.compare import differences
from migrator.schema.definition import POPULATED, Definition
from migrator.schema.order import Dependencies
from migrator.steps import Action, Gates, Side, Statement, Step, Wait

NAME = post_data.NAME


def examine(view: View) -> Step:
    """What belongs to a relation is made as soon as that is ready, the rest when all are."""
    pair = view.database
    if pair.source_schema is None or pair.target_schema is None:
        return Step(NAME, pair.name, Gates.DATABASE)  # post_data's first half says so
    return post_data.answer(pair.name, _Builder(pair, pair.source_schema, pair.target_schema).work())


@dataclass(frozen=True)
class _Builder:
    pair: DatabasePair
    source: Schema
    target: Schema

    def work(self) -> Iterator[Work]:
        for each in self.source.definitions:
            if each.late:
                yield from self._definition(each)
        for comment in self.source.comments:
            on = self.source.find(comment.needs)
            if isinstance(on, Definition) and on.late and self.target.find(comment.needs) is not None:
                yield from self._comment(comment)
        yield from self._contents()

    def _is_ready(self, relations: Iterable[str]) -> bool:
        return all(self.pair.states.get(relation) is SyncState.READY for relation in relations)

    @cached_property
    def _all_ready(self) -> bool:
        """By the subscriptions alone: a look at one relation does not see the others."""
        return bool(self.pair.states) and self._is_ready(self.pair.states)

    @cached_property
    def _views(self) -> Mapping[str | None, tuple[str]]:
        """The identity of each view, by its name as a relation: one that needs an index is made after that."""
        return {each.relation: (each.identity,) for each in self.source.definitions if each.is_view}

    def _definition(self, wanted: Definition) -> Iterator[Work]:
        found = self.target.find(wanted.identity)
        if found is not None:
            yield from (drift_finding(self.pair.name, each, wanted.relation) for each in differences(wanted, found))
            return
        needed = (*wanted.needs, *self._views.get(wanted.relation, ()))
        missing = [identity for identity in needed if self.target.find(identity) is None]
        if wanted.relation is not None and not self._is_ready(self.source.storage(wanted.relation)):
            yield Wait(f"triggers, rules and policies of {wanted.relation} wait until it is ready", wanted.relation)
        elif missing:
            yield Wait(f"{wanted.identity} waits for {missing[0]}", wanted.relation)
        else:
            yield self._action(f"create {wanted.identity}", wanted.relation, wanted.create())

    def _comment(self, comment: Comment) -> Iterator[Work]:
        found = self.target.find(comment.identity)
        if found is None:
            yield self._action(f"create {comment.identity}", comment.relation, comment.create())
        else:
            yield from (drift_finding(self.pair.name, each, comment.relation) for each in differences(comment, found))

    def _contents(self) -> Iterator[Work]:
        """Filled once every row is there, each after those it reads; what is not populated on the source stays so."""
        empty: set[str] = set()
        for wanted in self.source.materialized_views:
            found = self.target.find(wanted.identity)
            if wanted.state != POPULATED or not isinstance(found, Definition) or found.state == POPULATED:
                continue
            if not self._all_ready and self.source.leaves():
                yield Wait(f"the contents of {wanted.identity} wait until every relation is ready")
            elif empty and empty & Dependencies(self.source.dependencies).closure(wanted.key):
                yield Wait(f"the contents of {wanted.identity} wait for those of the ones it reads")
            else:
                statement = Statement(Side.DESTINATION, self.pair.target, refresh(wanted), transactional=False)
                yield Action(f"refresh {wanted.identity}", (statement,))
            empty.add(wanted.key)

    def _action(self, summary: str, relation: str | None, statements: Iterable[str]) -> Action:
        sentences = tuple(statements)
        made = tuple(Statement(Side.DESTINATION, self.pair.target, sql) for sql in sentences)
        return Action(summary, made, relation, quick=quick.beside(relation, sentences, self.source))


def refresh(view: Definition) -> str:
    """The statement that fills a materialized view anew."""
    return f"REFRESH MATERIALIZED VIEW {view.name}"
