"""Reads what the destination's databases need once their source is gone. Afterwards nothing says any more which they were."""

from migrator.bookkeeping import journal
from migrator.catalog import sql
from migrator.config import MappingSpec
from migrator.connection import Session, session_of
from migrator.errors import UnreachableError
from migrator.names import application_name
from migrator.reports.standing_alone import Lone, script


def standing_alone(spec: MappingSpec) -> str:
    """A psql script for the destination of a mapping that has not ended; empty for one that has."""
    name = application_name(spec.name, "control")
    with session_of(spec.destination, None, name) as session:
        claims = journal.read_journal(session, spec.name).claims
    targets = [claim.target for claim in claims if claim.mapping == spec.name]
    return script({target: _read(spec, target, name) for target in targets})


def _read(spec: MappingSpec, target: str, name: str) -> Lone:
    try:
        with session_of(spec.destination, target, name) as session:
            return read(session)
    except UnreachableError as error:  # one that was dropped, for instance: the others are to be told
        return Lone(unread=error.message)


def read(session: Session) -> Lone:
    """Of one database."""
    rows = session.execute(sql("standing_alone", 0)).fetchall()
    sequences, standing, triggers = (
        tuple(row["sentence"] for row in rows if row["kind"] == kind) for kind in ("sequence", "standing", "trigger")
    )
    return Lone(sequences, standing, triggers)
