"""Where a key belongs that stands at a place which does not know it."""

import re
from collections.abc import Iterable, Iterator

from marshmallow import Schema

from migrator.config_file.keys import join, nearest, normalise, renamed
from migrator.config_file.schemas import (
    NOT_PER_MAPPING,
    DatabasesSchema,
    InstanceSchema,
    MappingSchema,
    NotificationSchema,
    ReplicationSchema,
    RootSchema,
    WebSchema,
    WorkerSchema,
)

_PLACES: dict[str, Schema] = {
    "": RootSchema(),
    "replication": ReplicationSchema(),
    "instances.NAME": InstanceSchema(),
    "mappings.N": MappingSchema(),
    "mappings.N.databases": DatabasesSchema(),
    "mappings.N.replication": ReplicationSchema(exclude=NOT_PER_MAPPING),
    "web": WebSchema(),
    "workers": WorkerSchema(),
    "notifications.N": NotificationSchema(),
}
"""Every group of keys by its path, the nearest to the whole first."""


def unknown(key: str, known: Iterable[str], path: str) -> str:
    """What is wrong with a key that the group at `path`, of the `known` keys, does not have; and what was probably meant."""
    names = tuple(known)
    if meant := renamed(key, names):
        return f"unknown key; did you mean {meant}?"
    if places := tuple(_elsewhere(key, path)):
        return f"is not a key of this group; it belongs at {' or '.join(places)}"
    if meant := nearest(key, names):
        return f"unknown key; did you mean {meant}?"
    return f"unknown key; known here: {', '.join(sorted(names))}"


def _elsewhere(key: str, path: str) -> Iterator[str]:
    """The places that have the key: those of the same mapping, else all."""
    names = {place: _named(group, key) for place, group in _PLACES.items()}
    found = [join(place, name) for place, name in names.items() if name is not None]
    own = re.match(r"mappings\.\d+", path)
    near = [each.replace("mappings.N", own[0], 1) for each in found if each.startswith("mappings.N")] if own else []
    yield from near or found


def _named(group: Schema, key: str) -> str | None:
    return next((name for name in group.fields if normalise(name) == normalise(key)), None)
