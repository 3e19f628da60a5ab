"""What the adaptive brake measures with each sample of the lag: how long a commit takes on the source, how far its standbys are behind."""

import time
from dataclasses import replace

from migrator.bookkeeping import journal
from migrator.config import MappingSpec
from migrator.connection import Session, session_of
from migrator.names import application_name
from migrator.phases.brake import Vitals, adjusted
from migrator.phases.pacing import rate_limit
from migrator.phases.source_statements import MARKER

# A walsender without a database feeds a standby. While nothing is to be replayed its lag is NULL.
_STANDBYS = (
    "SELECT r.application_name AS name, extract(epoch FROM r.replay_lag)::float AS seconds FROM pg_stat_replication r"
    " JOIN pg_stat_activity a ON a.pid = r.pid WHERE a.datname IS NULL AND r.replay_lag IS NOT NULL"
    " ORDER BY r.replay_lag DESC LIMIT 1"
)


def adjust_brake(session: Session, spec: MappingSpec) -> None:
    """Measure, and write into the journal (`session`) how fast the mapping may copy until the next sample."""
    known = journal.read_wishes(session, spec.name)
    limit = rate_limit(spec, replace(known, brake=None))
    brake = adjusted(spec.replication, limit, known.brake, measure(spec))
    if brake != known.brake:
        journal.set_brake(session, spec.name, brake)


def measure(spec: MappingSpec) -> Vitals:
    """One commit on the source, flushed there and not waiting for a standby, less a round trip; and its standbys."""
    with session_of(spec.source, None, application_name(spec.name, "brake")) as session:
        began = time.perf_counter()
        session.execute("SET synchronous_commit = local")
        sent = time.perf_counter()
        session.execute(MARKER, (spec.name,))
        seconds = (time.perf_counter() - sent) - (sent - began)
        standby = session.execute(_STANDBYS).fetchone() if spec.replication.brake_standby_seconds is not None else None
    name, behind = (standby["name"], standby["seconds"]) if standby else (None, 0.0)
    return Vitals(max(0.0, seconds) * 1000, name, behind)
