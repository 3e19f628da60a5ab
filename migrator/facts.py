"""Reads what preflight asks of one source database beyond its schema."""

from collections.abc import Sequence

import psycopg
from psycopg.rows import DictRow

from migrator.model import DatabaseFacts, RelationTrouble
from migrator.reading import Reader


def read_facts(connection: psycopg.Connection[DictRow], relations: Sequence[int] | None = None) -> DatabaseFacts:
    """The facts of the database behind `connection`; `relations` (oids) narrows the look, None is all."""
    reader = Reader(connection)
    parameters = {"relations": None if relations is None else list(relations)}
    return DatabaseFacts(
        extensions=reader.pairs("extensions"),
        troubles=reader.rows("relation_troubles", RelationTrouble, parameters),
    )
