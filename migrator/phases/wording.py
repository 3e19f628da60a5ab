"""How phases put lists, numbers and times into sentences."""

from collections.abc import Sequence

MOST_NAMED = 10


def some(names: Sequence[str]) -> str:
    """The first names, and how many there are besides."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def counted(number: int, noun: str) -> str:
    """`1 relation`, `2 relations`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def release(version: int) -> str:
    """server_version_num as people say it: `15.13`."""
    return f"{version // 10000}.{version % 10000}"


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`, `2.1 days`."""
    for limit, unit, name, digits in ((120, 1, "s", 0), (7_200, 60, "min", 0), (172_800, 3_600, "h", 1)):
        if seconds < limit:
            return f"{seconds / unit:.{digits}f} {name}"
    return f"{seconds / 86_400:.1f} days"


def begin_anew(mapping: str, drop: str = "", *, source_gone: bool = False) -> str:
    """How a mapping is given up and begun again; `drop`: what goes in between. A beat that runs would begin it at once."""
    gone = " --source-gone" if source_gone else ""
    dropped = f"drop {drop} on the destination; " if drop else ""
    return f"pg-migrator abort {mapping}{gone}; stop pg-migrator; {dropped}pg-migrator forget {mapping}; start again."
