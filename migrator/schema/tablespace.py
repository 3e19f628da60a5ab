"""Where tables, indexes and materialized views are stored: by the source's names, and by the destination's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from migrator.schema.definition import Definition
from migrator.schema.index import Index
from migrator.schema.table import Table

Stored = TypeVar("Stored", Table, Index, Definition)

Places = Mapping[str, str]
"""The destination's tablespace for each of the source's that it has one for; "" is its database's own."""


@dataclass(frozen=True)
class Unplaced:
    """What lies in a tablespace of the source that the destination lacks: it goes to its database's own."""

    identity: str
    tablespace: str


def used(items: Iterable[Table | Index | Definition]) -> frozenset[str]:
    """The tablespaces that are named by any of these."""
    return frozenset(each.tablespace for each in items if each.tablespace is not None)


def placed(items: tuple[Stored, ...], places: Places) -> tuple[Stored, ...]:
    """The same objects where the destination stores them."""
    return tuple(
        each if each.tablespace is None else replace(each, tablespace=places.get(each.tablespace) or None)
        for each in items
    )


def unplaced(items: Iterable[Table | Index | Definition], places: Places) -> tuple[Unplaced, ...]:
    """Those among these that the destination has no tablespace for."""
    return tuple(
        Unplaced(each.identity, each.tablespace)
        for each in items
        if each.tablespace is not None and each.tablespace not in places
    )
