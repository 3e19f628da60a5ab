"""What several commands print: findings with their remedies, sizes, durations, statuses in colour."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from migrator.redaction import redact

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

STYLES = {
    "cutover_ready": "bold green",
    "completed": "green",
    "synced": "green",
    "problematic": "bold red",
    "paused": "yellow",
    "aborting": "yellow",
    "aborted": "yellow",
}


def console() -> Console:
    """stdout as it is now; without colours and narrow columns where it is not a terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def plain(value: object) -> str:
    """A server's text: neither markup nor secret, nor anything a terminal would obey."""
    return escape(_CONTROL.sub(lambda found: ascii(found[0])[1:-1], redact(str(value))))


def size(value: object) -> str:
    """Bytes for people; MB = 1,048,576 bytes."""
    if not isinstance(value, int | float):
        return "-"
    number, units = float(value), ["B", "kB", "MB", "GB", "TB"]
    while abs(number) >= 1024 and len(units) > 1:
        number, _ = number / 1024, units.pop(0)
    return f"{number:.0f} {units[0]}" if units[0] == "B" else f"{number:.1f} {units[0]}"


def duration(value: object) -> str:
    """Seconds for people."""
    if not isinstance(value, int | float):
        return "-"
    minutes, seconds = divmod(float(value), 60)
    return f"{minutes:.0f} min {seconds:.0f} s" if minutes else f"{seconds:.1f} s"


def styled(status: object) -> str:
    """A status in its colour."""
    style = STYLES.get(str(status))
    return f"[{style}]{status}[/]" if style else str(status)


def print_findings(screen: Console, findings: Iterable[Mapping[str, object]]) -> None:
    """Blocking ones first; unwrapped, so that a remedy can be copied."""
    for finding in sorted(findings, key=lambda finding: not finding["blocking"]):
        mark = "[bold red]blocks[/]" if finding["blocking"] else "[yellow]note[/]  "
        where = " ".join(plain(finding[key]) for key in ("database", "relation") if finding[key])
        screen.print(f"  {mark} [bold]{plain(finding['code'])}[/] {where}".rstrip(), soft_wrap=True)
        for key in ("message", "remedy"):
            for line in str(finding[key]).splitlines():
                screen.print(f"         {'-> ' if key == 'remedy' else ''}{plain(line)}", soft_wrap=True)


def documents(value: object) -> Sequence[Mapping[str, object]]:
    """A list of objects inside a summary."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list | tuple) else []


def document(value: object) -> Mapping[str, object]:
    """An object inside a summary."""
    return value if isinstance(value, dict) else {}
