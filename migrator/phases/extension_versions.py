"""Which extensions does the destination offer in an older version than a database of the source has? A newer one is as it should be."""

import re
from collections.abc import Iterator

from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.steps import Finding

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
"""What most versions begin with. PostgreSQL itself knows no order of them; what cannot be ordered so is not judged."""


def findings(view: View) -> Iterator[Finding]:
    """All extensions in one, each once for all databases: CREATE EXTENSION takes the destination's default version."""
    older = tuple(_older(view)) if view.observation.scope.database is None else ()
    if older:
        names = [identifier(name) for name, *_ in older]
        listed = [
            f"{name} {ours} in {some(places)} (the destination: {theirs})" for name, ours, theirs, places in older
        ]
        updates = " ".join(f"ALTER EXTENSION {name} UPDATE;" for name in names)
        yield Finding(
            "extension_older",
            f"The destination offers extensions in an older version than the source has: {some(listed)}. What a newer version has "
            "added is not there.",
            "Bring their packages on the destination to these versions or newer; a database that is made there already takes them by: "
            f"{updates} Where nothing uses what is new in them there is nothing to do.",
            blocking=False,
        )


def _older(view: View) -> Iterator[tuple[str, str, str, list[str]]]:
    """Name, the source's newest version, the destination's, and the databases that have a newer one."""
    places: dict[str, dict[str, str]] = {}
    for pair in view.observation.databases:
        for name, version in pair.facts.extensions.items():
            offered = view.destination.available_extensions.get(name)
            if offered is not None and _is_older(offered, version):
                places.setdefault(name, {})[pair.name] = version
    for name, versions in sorted(places.items()):
        newest = max(versions.values(), key=_numbers)
        yield name, newest, view.destination.available_extensions[name], sorted(versions)


def _is_older(version: str, than: str) -> bool:
    one, other = _numbers(version), _numbers(than)
    return bool(one) and bool(other) and one < other


def _numbers(version: str) -> tuple[int, ...]:
    """Without zeros at its end: 1.5 and 1.5.0 are one."""
    match = _NUMBERS.match(version)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
