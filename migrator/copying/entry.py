"""What the ledger notes of a piece that is carried at once: under which barrier, and what it was."""

from dataclasses import dataclass

from migrator.copying.copy_part import Copied
from migrator.model import Lsn
from migrator.quote import literal

_KEYS = "mapping, what, barrier"


@dataclass(frozen=True)
class Entry:
    """A row of `migrator.carried` to be written. `barrier`: the one in force before anything was read, None before the first."""

    mapping: str
    what: str
    barrier: Lsn | None

    def _keys(self) -> str:
        return f"{literal(self.mapping)}, {literal(self.what)}, {literal(str(self.barrier or Lsn(0)))}"

    def carried(self, at: str, copied: Copied, seconds: str = "NULL") -> str:
        """`at`, `seconds`: expressions of the destination; nothing was read on the source before `at`."""
        return (
            f"INSERT INTO migrator.carried ({_KEYS}, carried_at, rows, bytes, seconds)"
            f" VALUES ({self._keys()}, {at}, {copied.rows}, {copied.bytes}, {seconds}) ON CONFLICT (mapping, what)"
            " DO UPDATE SET (barrier, carried_at, rows, bytes, seconds)"
            " = (excluded.barrier, excluded.carried_at, excluded.rows, excluded.bytes, excluded.seconds)"
        )

    def kept(self) -> str:
        """Nothing is copied; what it was when it last was stays noted."""
        return (
            f"INSERT INTO migrator.carried ({_KEYS}, carried_at, rows, bytes) VALUES ({self._keys()}, clock_timestamp(), 0, 0)"
            " ON CONFLICT (mapping, what) DO UPDATE SET (barrier, carried_at) = (excluded.barrier, excluded.carried_at)"
        )
