"""What the ledger notes of a piece that is carried at once: under which barrier, and what it was."""

from dataclasses import dataclass

from migrator.contents import Counted
from migrator.copying.copy_part import Copied
from migrator.model import Lsn
from migrator.quote import literal

_NOTED = ("barrier", "counted", "counted_since")
_KEYS = ", ".join(("mapping", "what", *_NOTED))


@dataclass(frozen=True)
class Entry:
    """A row of `migrator.carried` to be written. `barrier`: the one in force before anything was read, None before the first.

    `counted`: what the source had counted by then of `relations`.
    """

    mapping: str
    what: str
    barrier: Lsn | None
    relations: tuple[str, ...]
    counted: Counted

    def _keys(self) -> str:
        counted = self.counted.of(self.relations)
        return ", ".join(
            map(literal, (self.mapping, self.what, str(self.barrier or Lsn(0)), counted, self.counted.since))
        )

    def carried(self, at: str, copied: Copied, seconds: str = "NULL") -> str:
        """`at`, `seconds`: expressions of the destination; nothing was read on the source before `at`."""
        return (
            f"INSERT INTO migrator.carried ({_KEYS}, carried_at, rows, bytes, seconds)"
            f" VALUES ({self._keys()}, {at}, {copied.rows}, {copied.bytes}, {seconds}) ON CONFLICT (mapping, what)"
            f" {_overwritten('carried_at', 'rows', 'bytes', 'seconds')}"
        )

    def kept(self) -> str:
        """Nothing is copied; what it was when it last was stays noted."""
        return (
            f"INSERT INTO migrator.carried ({_KEYS}, carried_at, rows, bytes) VALUES ({self._keys()}, clock_timestamp(), 0, 0)"
            f" ON CONFLICT (mapping, what) {_overwritten('carried_at')}"
        )


def _overwritten(*columns: str) -> str:
    names = (*_NOTED, *columns)
    return f"DO UPDATE SET ({', '.join(names)}) = ({', '.join(f'excluded.{name}' for name in names)})"
