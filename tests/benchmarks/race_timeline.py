"""When what happened in one of our runs: from the logs of its processes and the times in its ledger."""

import json
from collections.abc import Iterator
from datetime import datetime

from tests.benchmarks.race_ways import DATABASE, Contest
from tests.machine_room import MachineRoom

LEDGER = """
SELECT extract(epoch FROM exported_at), 'keeper ' || keeper || ' holds the snapshot' FROM migrator.keepers
UNION ALL SELECT extract(epoch FROM copied_at), format('part %s of %s in', number, relation) FROM migrator.parts
UNION ALL SELECT extract(epoch FROM analyzed_at), 'analyzed ' || relation FROM migrator.relations
"""
EVENTS = ("action applied", "tick", "snapshot held", "part copied", "work put off")


def show(room: MachineRoom, contest: Contest, since: float) -> None:
    """One line per event, in seconds since then."""
    for at, what in sorted([*_logged(room), *contest.destination.execute(LEDGER, DATABASE)]):
        if at is not None and float(at) >= since:
            print(f"      {float(at) - since:7.2f}  {what}")


def _logged(room: MachineRoom) -> Iterator[tuple[float, str]]:
    for line in room.logs().splitlines():
        if not line.startswith("{"):
            continue
        seen = json.loads(line)
        if seen.get("event") in EVENTS:
            at = datetime.fromisoformat(seen["timestamp"]).timestamp()
            said = [
                f"{key}={seen[key]}"
                for key in ("action", "phase", "actions", "relation", "part", "seconds", "error")
                if key in seen
            ]
            yield at, " ".join((str(seen["event"]), *said))
