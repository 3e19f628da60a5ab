"""What is not the same on both sides of a mapping, object by object, with what would make it so. Pure: it reads an observation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from migrator.comparison import large_objects, servers, user_mappings
from migrator.comparison.discrepancy import Discrepancy, What
from migrator.comparison.large_objects import Unlike
from migrator.comparison.schemas import discrepancies
from migrator.config import MappingSpec
from migrator.observation import Hints, Observation
from migrator.phases.carry import LARGE_OBJECTS
from migrator.phases.view import View
from migrator.records import Intent

__all__ = ["Comparison", "Discrepancy", "What", "compare"]


@dataclass(frozen=True)
class Comparison:
    """All that differs, and apart from it what is to differ until the cutover."""

    mapping: str
    differences: tuple[Discrepancy, ...]
    expected: tuple[Discrepancy, ...]
    unread: tuple[str, ...]
    """What could not be compared, one sentence each: then nothing is said to be equal."""

    @property
    def equal(self) -> bool:
        return not self.differences and not self.unread

    def document(self) -> dict[str, object]:
        """As `--json` shows it."""
        return {
            "name": self.mapping,
            "equal": self.equal,
            "differences": [each.document() for each in self.differences],
            "expected": [each.document() for each in self.expected],
            "unread": list(self.unread),
        }


def compare(spec: MappingSpec, observation: Observation, unlike: Mapping[str, Unlike] | None = None) -> Comparison:
    """Both sides as they were seen. `unlike`: of each database the large objects that differ, where these were read."""
    journal = observation.journal
    over = journal is None or journal.source is None or journal.intent in (Intent.COMPLETED, Intent.ABORTED)
    to_come = not over and journal is not None and journal.barrier is None
    view = View(spec, observation, Hints(), observation.observed_at)
    views = [replace(view, pair=pair) for pair in observation.databases]
    found = [
        *servers.discrepancies(spec, observation),
        *(each for one in views for each in discrepancies(one, cutover_to_come=to_come)),
        *(each for pair in observation.databases for each in user_mappings.discrepancies(pair)),
        *_large_objects(observation, unlike or {}, spec.name if to_come else None),
        *(each for pair in observation.databases for each in servers.privileges(spec, observation, pair)),
    ]
    differences = tuple(each for each in found if each.expected is None)
    expected = tuple(each for each in found if each.expected is not None)
    unread = (
        *servers.unread(observation),
        *(each for pair in observation.databases for each in user_mappings.unread(pair)),
    )
    return Comparison(spec.name, differences, (*expected, *servers.ours(observation)), unread)


def _large_objects(
    observation: Observation, unlike: Mapping[str, Unlike], to_carry: str | None
) -> Iterator[Discrepancy]:
    """`to_carry`: the mapping, while its cutover is to come; what was carried once is then carried anew."""
    for pair in observation.databases:
        again = to_carry is not None and LARGE_OBJECTS in pair.ledger.carried
        expected = f"made anew after the barrier: pg-migrator carry {to_carry}" if again else None
        yield from large_objects.discrepancies(pair, unlike.get(pair.name, Unlike()), expected)
