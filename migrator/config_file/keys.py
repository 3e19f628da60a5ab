"""Which key a key is: spelling, case, underscores and dashes do not matter, two spellings of one key at once do."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches

from migrator.errors import Fault

Tree = dict[str, object]
"""What a file or the environment holds, before it is checked."""

Unknown = Callable[[str, Iterable[str], str], str]
"""Says what is wrong with a key that a group does not have: the key, the keys it has, its path."""

_MEANT = {
    "host": "server",
    "hostname": "server",
    "user": "username",
    "database": "maintenance_database",
    "dbname": "maintenance_database",
    "source": "source_instance",
    "destination": "destination_instance",
    "target": "destination_instance",
    "redis": "redis_url",
    "broker_url": "redis_url",
}
"""What other tools call our keys."""


def normalise(key: str) -> str:
    """`RateLimitMBps`, `rate_limit_mbps` and `RATE_LIMIT_MBPS` are one key: letters and digits, in lower case."""
    return re.sub(r"[^a-z0-9]", "", key.lower())


def renamed(wrong: str, known: Iterable[str]) -> str | None:
    """Our name for what other tools call so, where it is known."""
    meant = _MEANT.get(wrong.lower())
    return meant if meant is not None and meant in known else None


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """The known spelling that was probably meant."""
    names = {normalise(name): name for name in known}
    close = get_close_matches(normalise(wrong), names, n=1, cutoff=0.6)
    return names[close[0]] if close else None


def join(path: str, key: object) -> str:
    """The path of `key` below `path`."""
    return f"{path}.{key}" if path else str(key)


def canonical(
    raw: Mapping[str, object], known: Iterable[str], path: str, faults: list[Fault], unknown: Unknown
) -> Tree:
    """`raw` under our own spelling of its keys; unknown and doubled keys go to `faults` and are left out."""
    names = {normalise(name): name for name in known}
    found: Tree = {}
    spelled: dict[str, str] = {}
    for key, value in raw.items():
        name = names.get(normalise(str(key)))
        if name is None:
            faults.append(Fault(join(path, key), unknown(str(key), names.values(), path)))
        elif name in spelled:
            faults.append(Fault(join(path, name), f"is given twice, as {spelled[name]} and as {key}; keep one"))
            found.pop(name, None)
        else:
            spelled[name] = str(key)
            found[name] = value
    return found
