"""The reading statements of a schema, in the order they are asked; each says what `migrator.schema.build` gets under its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from migrator.catalog import sql


@dataclass(frozen=True)
class Reader:
    """One reading statement: its rows go to `build` under `name`. `sql` takes the server's version number."""

    name: str
    sql: Callable[[int], str]
    narrow: bool
    """Whether a look at some relations asks it too; the others say nothing of single relations."""


ROOMS: Mapping[str, bool] = {
    "language": False,
    "access_method": False,
    "collation": False,
    "base_type": False,
    "routine": False,
    "cast": False,
    "operator": False,
    "operator_family": False,
    "conversion": False,
    "text_search": False,
    "transform": False,
    "foreign": False,
    "view": False,
    "rule": True,
    "trigger": True,
    "policy": True,
    "statistics": True,
    "clustering": True,
    "publication": True,
    "event_trigger": True,
    "security_label": True,
}
"""The rooms of definitions, by the name of their .sql: whether they are made after the rows."""


_WHOLE = frozenset(
    {
        *(name for name, late in ROOMS.items() if not late),
        "publication",
        "event_trigger",
        "security_label",
        "extension_comment",
        "user_mapping",
        "built_in",
        "untouched",
        "uncarried",
        "dependency",
    }
)


def _reader(name: str) -> Reader:
    return Reader(name, partial(sql, name, package="migrator.schema"), name not in _WHOLE)


# What takes long to turn into values comes first: that is done while the server works at the rest.
READERS: tuple[Reader, ...] = tuple(
    _reader(name)
    for name in (
        "namespace",
        "extension",
        "extension_comment",
        "enum",
        "composite",
        "domain",
        "range",
        "sequence",
        "table",
        "column",
        "index",
        "constraint",
        "privilege",
        *ROOMS,
        "comment",
        "definition_comment",
        "user_mapping",
        "built_in",
        "untouched",
        "uncarried",
        "dependency",
    )
)


def scope_sql(version: int) -> str:
    """For a narrow look, on the source: takes `%(relations)s`, gives a row (oid, relation) for each relation to read."""
    return sql("scope", version, package="migrator.schema")
