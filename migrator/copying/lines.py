"""The two sessions of a copy, with the settings that protect it and those that make text mean the same on both servers."""

from migrator.config import InstanceSpec
from migrator.connection import Session, connect

# Beside what every session of ours has (timeouts off, row_security = off, ISO dates, UTC).
_TEXT = {
    "client_encoding": "UTF8",
    "client_min_messages": "error",  # a destination that speaks in mid-copy has failed
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
    "array_nulls": "on",
}
_SOURCE = {
    "enable_tidscan": "on",
    "max_parallel_workers_per_gather": "0",  # they are the application's
    "synchronize_seqscans": "off",
}
_DESTINATION = {"synchronous_commit": "off"}  # rows and their ledger row are lost together, or not at all

_AS_REPLICA = """
SELECT set_config('session_replication_role', 'replica', false)
WHERE has_parameter_privilege('session_replication_role', 'SET')
"""


def source_session(
    instance: InstanceSpec, database: str, application_name: str, lock_timeout_seconds: float
) -> Session:
    """Where rows are read. Raises what `connect` raises."""
    return connect(instance, database, application_name, {**_TEXT, **_SOURCE, **_patience(lock_timeout_seconds)})


def destination_session(
    instance: InstanceSpec, database: str, application_name: str, lock_timeout_seconds: float
) -> Session:
    """Where rows are written: as a replica where our role may, so that ordinary triggers do not fire. Raises what `connect` raises."""
    settings = {**_TEXT, **_DESTINATION, **_patience(lock_timeout_seconds)}
    session = connect(instance, database, application_name, settings)
    session.execute(_AS_REPLICA)
    return session


def _patience(lock_timeout_seconds: float) -> dict[str, str]:
    return {"lock_timeout": str(int(lock_timeout_seconds * 1000))}
