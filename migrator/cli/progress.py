"""What `run` shows while it runs: a live table on a terminal, a line per change of note elsewhere."""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.table import Table

from migrator.cli.report import console, document, documents, duration, plain, size, styled

Summary = Mapping[str, object]
_COLUMNS = ("mapping", "status", "phase", "relations", "copied", "rate", "lag", "light")
_QUIET_SECONDS = 10.0
"""Without a terminal, mere progress is told this often; a change of status or phase at once."""


class Progress:
    """Shows summaries; `say` prints a sentence that stays; `caption` stands below the table, or at the end of each line."""

    def __init__(self) -> None:
        self.caption = ""
        self._console = console()
        self._live = Live(console=self._console, auto_refresh=False) if sys.stdout.isatty() else None
        self._told: dict[str, tuple[object, ...]] = {}
        self._told_at: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """A sentence, or several lines, above the table."""
        self._console.print(plain(text), soft_wrap=True)
        sys.stdout.flush()

    def show(self, summaries: Sequence[Summary]) -> None:
        """The state of every mapping, as last published."""
        if self._live:
            self._live.update(_table(summaries, self.caption), refresh=True)
            return
        for summary in summaries:
            self._tell(summary)

    def _tell(self, summary: Summary) -> None:
        name = str(summary["name"])
        turn = (summary["status"], summary["phase"], _blockers(summary))
        key, now = (*turn, *_cells(summary)), time.monotonic()
        last = self._told.get(name, ())
        if key != last and (turn != last[:3] or now - self._told_at[name] > _QUIET_SECONDS):
            self._told[name], self._told_at[name] = key, now
            self.say(f"{datetime.now():%H:%M:%S} {_line(summary, self.caption)}")


def _cells(summary: Summary) -> tuple[str, ...]:
    progress = document(summary["progress"])
    relations = document(document(summary["totals"])["relations"])
    rate, lag = progress.get("bytes_per_second"), summary["lag_bytes"]
    return (
        f"{relations['ready']} of {relations['total']}",
        f"{size(progress.get('bytes_copied'))} of {size(progress.get('bytes_total'))}",
        f"{size(rate)}/s" if rate else "-",
        "-" if lag is None else f"{size(lag)}, {duration(summary['lag_seconds'])}",
    )


def _line(summary: Summary, caption: str) -> str:
    relations, copied, rate, lag = _cells(summary)
    head = f"{summary['name']}: {summary['status']}" + (f", {summary['phase']}" if summary["phase"] else "")
    line = f"{head} - relations {relations}, {copied}, {rate}, lag {lag}" + (f" - {caption}" if caption else "")
    for finding in documents(summary["findings"]):
        if finding["blocking"]:
            line += f"\n         {finding['code']}: {finding['message']}"
    return line


def _table(summaries: Sequence[Summary], caption: str) -> Table:
    table = Table(*_COLUMNS, header_style="bold", caption=caption or None)
    for summary in summaries:
        light = documents(document(summary["light"]).get("conditions"))
        met = f"{sum(bool(condition['met']) for condition in light)} of {len(light)}"
        status = styled(summary["status"]), str(summary["phase"] or "-")
        table.add_row(plain(summary["name"]), *status, *_cells(summary), met)
    return table


def _blockers(summary: Summary) -> tuple[str, ...]:
    return tuple(sorted(str(finding["code"]) for finding in documents(summary["findings"]) if finding["blocking"]))
