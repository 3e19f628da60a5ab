"""A real database made many times as large, in memory: making 10,000 real tables takes minutes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from itertools import chain
from typing import Any, TypeVar

from migrator.observation import DatabasePair
from migrator.schema import Schema
from migrator.schema.table import Table

T = TypeVar("T")

OIDS_APART = 10_000_000
_PUBLIC = re.compile(r"\bpublic\b")
_CLASS = re.compile(r"(class|index):(\d+)\Z")


def multiplied(pair: DatabasePair, times: int) -> DatabasePair:
    """`pair` with everything of its schema public once more for each copy, in schemas copy_0, copy_1, ..."""
    copies = [_copy(pair, number) for number in range(times)]
    return replace(
        pair,
        source_schema=_joined([copy.source_schema for copy in copies]),
        target_schema=_joined([copy.target_schema for copy in copies]),
        sizes=_merged([copy.sizes for copy in copies]),
        target_sizes=_merged([copy.target_sizes for copy in copies]),
        sequences=_merged([copy.sequences for copy in copies]),
        target_sequences=_merged([copy.target_sequences for copy in copies]),
        filled=frozenset(chain.from_iterable(copy.filled for copy in copies)),
    )


def _copy(pair: DatabasePair, number: int) -> DatabasePair:
    def name(text: str) -> str:
        text = _PUBLIC.sub(f"copy_{number}", text)
        found = _CLASS.match(text)
        return f"{found[1]}:{int(found[2]) + number * OIDS_APART}" if found else text

    return _mapped(pair, name, number * OIDS_APART)


def _mapped(value: T, name: Callable[[str], str], oids: int) -> T:
    """`value` with every text in it renamed, and every oid moved."""
    if isinstance(value, str):
        return type(value)(name(value))
    if is_dataclass(value) and not isinstance(value, type):
        made = {field: _mapped(getattr(value, field), name, oids) for field in _fields(type(value))}
        if isinstance(made.get("oid"), int):
            made["oid"] += oids
        return type(value)(**made)
    if isinstance(value, Mapping):
        pairs = value.items()
        return {_mapped(key, name, oids): _mapped(item, name, oids) for key, item in pairs}  # type: ignore[return-value]
    if isinstance(value, frozenset):
        return _shared(frozenset(_mapped(item, name, oids) for item in value))  # type: ignore[return-value]
    if isinstance(value, tuple):
        return type(value)(_mapped(item, name, oids) for item in value)
    return value


@cache
def _shared(value: frozenset[object]) -> frozenset[object]:
    """Equal ACLs are one object, as when they are read."""
    return value


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _joined(schemas: list[Schema | None]) -> Schema:
    parts: dict[str, list[object]] = {}
    for schema in schemas:
        for field in _fields(Schema):
            parts.setdefault(field, []).append(getattr(schema, field))
    return Schema(**{field: _together(values) for field, values in parts.items()})


def _together(values: list[object]) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        return _merged([value for value in values if isinstance(value, Mapping)])
    assert isinstance(first, tuple | frozenset)
    # Extensions and the like, which are in no schema, are the same in every copy.
    items = [item for value in values for item in value]  # type: ignore[attr-defined]
    # A table's layout has no hash; its oid is its own.
    return type(first)({item.oid if isinstance(item, Table) else item: item for item in items}.values())


def _merged(mappings: list[Mapping[str, T]]) -> dict[str, T]:
    return dict(chain.from_iterable(mapping.items() for mapping in mappings))
