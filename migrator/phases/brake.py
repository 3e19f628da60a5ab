"""The adaptive brake: a copy slows down while commits on the source take too long, or a standby of it falls behind.

Each sample of the lag measures both and asks `adjusted` what holds until the next: half as fast while a bound is exceeded,
a quarter faster once everything is well below its bound, and nothing at all beyond a rate that no longer limits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrator.config import Replication
from migrator.phases.view import View
from migrator.records import Brake
from migrator.steps import Finding, Gates, Step

NAME = "initial_copy"

FIRST_MBPS = 128.0
"""What is halved first where no limit is in force. Too high, the next samples find out within seconds."""
LEAST_MBPS = 1.0
"""A copy that stood still would end nothing: its slot would keep WAL for ever."""
LIFTED_MBPS = 512.0
CALM_SHARE = 0.7
"""Of a bound. Between this and the bound the rate stays, so that it does not swing."""
FASTER = 1.25


@dataclass(frozen=True)
class Vitals:
    """How the source is: one commit of ours, beyond a round trip; and the standby whose replay is furthest behind, if there is one."""

    commit_milliseconds: float
    standby: str | None = None
    standby_seconds: float = 0.0


def adjusted(replication: Replication, limit: float | None, brake: Brake | None, vitals: Vitals) -> Brake | None:
    """The brake until the next sample; None: none. `limit`: MB/s that hold without it, None: no limit."""
    if excess := _excess(replication, vitals):
        rates = [rate for rate in (brake.mbps if brake else None, limit) if rate]
        return Brake(max(LEAST_MBPS, min(rates, default=FIRST_MBPS) / 2), excess)
    if brake is None or not replication.brakes:
        return None
    if not _is_calm(replication, vitals):
        return brake
    faster = replace(brake, mbps=brake.mbps * FASTER)
    return faster if faster.mbps < (limit or LIFTED_MBPS) else None


def _excess(replication: Replication, vitals: Vitals) -> str:
    commit, standby = replication.brake_commit_milliseconds, replication.brake_standby_seconds
    if commit is not None and vitals.commit_milliseconds > commit:
        return f"a commit on the source took {vitals.commit_milliseconds:.0f} ms; brake_commit_milliseconds allows {commit:g}"
    if standby is not None and vitals.standby_seconds > standby:
        return (
            f"the source's standby {vitals.standby} replays {vitals.standby_seconds:.0f} s behind; brake_standby_seconds "
            f"allows {standby:g}"
        )
    return ""


def _is_calm(replication: Replication, vitals: Vitals) -> bool:
    measured = (
        (vitals.commit_milliseconds, replication.brake_commit_milliseconds),
        (vitals.standby_seconds, replication.brake_standby_seconds),
    )
    return all(bound is None or value <= bound * CALM_SHARE for value, bound in measured)


def examine(view: View) -> Step:
    """Says that the brake is on. Holds back nothing."""
    return Step(NAME, None, Gates.NOTHING, findings=tuple(_findings(view)))


def _findings(view: View) -> Iterator[Finding]:
    brake = view.journal.brake
    if brake is not None and view.spec.replication.brakes:
        yield Finding(
            "copy_braked",
            f"Copying is slowed down to {brake.mbps:.3g} MB/s: {brake.reason}.",
            "Nothing has to be done: it is raised again as the source recovers. To copy faster all the same, raise the bound.",
            blocking=False,
        )
