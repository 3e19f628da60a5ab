"""Which tablespace of the destination stands for one of the source's, and which has none."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from migrator.config import MappingSpec
from migrator.model import Instance
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.schema.tablespace import Places
from migrator.steps import Finding


def places(spec: MappingSpec, destination: Instance, target: str, names: Iterable[str]) -> Places:
    """For those of the source's tablespaces `names` that the destination has: what they are called there."""
    database = destination.database(target)
    own = database.tablespace if database is not None else None
    called = {name: spec.tablespaces.get(name, name) for name in names}
    return {name: "" if there == own else there for name, there in called.items() if there in destination.tablespaces}


def missing(view: View) -> Iterator[Finding]:
    """One note for each tablespace that the destination lacks: what lies in it goes to the database's own."""
    schema = view.database.source_schema
    unplaced = sorted(schema.unplaced, key=lambda each: (each.tablespace, each.identity)) if schema is not None else []
    for name, group in groupby(unplaced, key=lambda each: each.tablespace):
        there = view.spec.tablespaces.get(name, name)
        yield Finding(
            "tablespace_missing",
            f"Tablespace {name} of the source holds, in database {view.database.name}: "
            f"{some([each.identity for each in group])}. The destination has no tablespace {there}: they go to the "
            "database's own.",
            f"Where it is wanted there, before they are made: CREATE TABLESPACE {identifier(there)} LOCATION '...'; "
            f"or name another under mapping {view.spec.name}, tablespaces.",
            blocking=False,
            database=view.database.name,
        )
