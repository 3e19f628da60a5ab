"""How numbers are written, for the first paint; static/js/format.js writes them the same way. MB = 1,048,576 bytes."""

NOTHING = "–"
LABELS = {
    "not_started": "Not started",
    "in_progress": "In progress",
    "synced": "Synced",
    "cutover_ready": "Cutover ready",
    "problematic": "Problematic",
    "paused": "Paused",
    "completing": "Completing",
    "completed": "Completed",
    "aborting": "Aborting",
    "aborted": "Aborted",
    "pre_data": "Pre-data",
    "post_data": "Post-data",
    "catchup": "Catch-up",
}


def label(status: object) -> str:
    """A status or phase in words."""
    text = str(status or "unknown")
    return LABELS.get(text, text.replace("_", " ").capitalize())


def size(value: float | None) -> str:
    """Bytes in the unit that leaves a readable number."""
    if value is None:
        return NOTHING
    number, unit = float(value), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(number) < 1024 or unit == "TB":
            break
        number /= 1024
    digits = 0 if unit in ("B", "kB") or abs(number) >= 100 else 1
    return f"{number:,.{digits}f} {unit}"


def lag(value: float | None) -> str:
    """A lag, always in MB, so that two of them compare at a glance."""
    if value is None:
        return NOTHING
    megabytes = value / 1_048_576
    return f"{megabytes:,.2f} MB" if megabytes < 10 else f"{megabytes:,.0f} MB"


def duration(value: float | None) -> str:
    """Seconds, minutes, hours: the two largest units."""
    if value is None:
        return NOTHING
    if value < 10:
        return f"{value:,.1f} s"
    seconds = round(value)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def number(value: float | None) -> str:
    """A count with separators; a minus sign, not a hyphen."""
    return NOTHING if value is None else f"{value:,.0f}".replace("-", "\N{MINUS SIGN}")


def percent(part: float | None, whole: float | None) -> str:
    """Rounded down, so that 100 % means all."""
    if part is None or not whole:
        return NOTHING
    return f"{min(100, int(100 * part / whole))} %"


def age(seconds: float | None) -> str:
    """How long ago."""
    if seconds is None:
        return NOTHING
    return "just now" if seconds < 2 else f"{duration(float(int(seconds))).replace('.0 s', ' s')} ago"
