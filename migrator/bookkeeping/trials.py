"""What came of trials of schemas, in the journal: a row per mapping and database."""

import json
from dataclasses import asdict

from migrator.connection import Session
from migrator.records import Refusal, SchemaTrial, TrialFailure

_READ = "SELECT database, digest, tried_at, seconds, failures, untried FROM migrator.trials WHERE mapping = %s ORDER BY database"

_WRITE = """
INSERT INTO migrator.trials (mapping, database, digest, tried_at, seconds, failures, untried)
VALUES (%(mapping)s, %(database)s, %(digest)s, %(tried_at)s, %(seconds)s, %(failures)s::jsonb, %(untried)s::jsonb)
ON CONFLICT (mapping, database) DO UPDATE SET digest = EXCLUDED.digest, tried_at = EXCLUDED.tried_at,
    seconds = EXCLUDED.seconds, failures = EXCLUDED.failures, untried = EXCLUDED.untried
"""

_FORGET = "DELETE FROM migrator.trials WHERE mapping = %s AND failures <> '[]'"


def read(session: Session, mapping: str) -> tuple[SchemaTrial, ...]:
    """The last trial of each of the mapping's databases."""
    return tuple(
        SchemaTrial(
            database=row["database"],
            digest=row["digest"],
            tried_at=row["tried_at"],
            seconds=row["seconds"],
            failures=tuple(TrialFailure(**{**each, "refusal": Refusal(each["refusal"])}) for each in row["failures"]),
            untried=tuple(row["untried"]),
        )
        for row in session.execute(_READ, (mapping,))
    )


def write(session: Session, mapping: str, trial: SchemaTrial) -> None:
    """Note what came of a trial, in the place of the database's last."""
    failures = json.dumps([asdict(each) for each in trial.failures])
    words = {**asdict(trial), "mapping": mapping, "failures": failures, "untried": json.dumps(trial.untried)}
    session.execute(_WRITE, words)


def forget_failed(session: Session, mapping: str) -> None:
    """Have those databases tried again at the next tick that did not go well."""
    row = session.execute("SELECT to_regclass('migrator.trials') IS NOT NULL AS present").fetchone()
    if row and row["present"]:
        session.execute(_FORGET, (mapping,))
