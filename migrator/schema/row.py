"""A row as a reading statement returned it, read column by column with its type checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from migrator.schema.spelling import with_later_quotes

T = TypeVar("T")


class Row:
    """Typed access to one row. A column of another type is a fault in our SQL: TypeError, with the column's name.

    Made and asked by the hundred thousand: the values stay the driver's tuple, and each question is one call.
    """

    __slots__ = ("_places", "values")

    def __init__(self, values: Sequence[object], places: Mapping[str, int]) -> None:
        self.values = values
        self._places = places

    def text(self, column: str) -> str:
        value = self.values[self._places[column]]
        return value if isinstance(value, str) else self._fault(column, str)

    def number(self, column: str) -> int:
        value = self.values[self._places[column]]
        return value if isinstance(value, int) else self._fault(column, int)

    def flag(self, column: str) -> bool:
        value = self.values[self._places[column]]
        return value if isinstance(value, bool) else self._fault(column, bool)

    def text_or_none(self, column: str) -> str | None:
        value = self.values[self._places[column]]
        return value if value is None or isinstance(value, str) else self._fault(column, str)

    def spelled(self, column: str) -> str:
        """What the server deparsed: see `spelling.with_later_quotes`."""
        return with_later_quotes(self.text(column))

    def spelled_or_none(self, column: str) -> str | None:
        value = self.text_or_none(column)
        return None if value is None else with_later_quotes(value)

    def spelled_all(self, column: str) -> tuple[str, ...]:
        return tuple(map(with_later_quotes, self.texts(column)))

    def number_or_none(self, column: str) -> int | None:
        value = self.values[self._places[column]]
        return value if value is None or isinstance(value, int) else self._fault(column, int)

    def text_if_any(self, column: str) -> str | None:
        """None also where the statement has no such column."""
        return self.text_or_none(column) if column in self._places else None

    def texts_if_any(self, column: str) -> tuple[str, ...]:
        return self.texts(column) if column in self._places else ()

    def texts(self, column: str) -> tuple[str, ...]:
        """An array of text; NULL reads as empty."""
        value = self.values[self._places[column]]
        return tuple(map(str, value)) if isinstance(value, list) else self._nothing(column, value)

    def numbers(self, column: str) -> tuple[int, ...]:
        value = self.values[self._places[column]]
        return tuple(map(int, value)) if isinstance(value, list) else self._nothing(column, value)

    def _nothing(self, column: str, value: object) -> tuple[()]:
        return () if value is None else self._fault(column, tuple)

    def _fault(self, column: str, kind: type[T]) -> T:
        value = self.values[self._places[column]]
        raise TypeError(f"column {column}: {type(value).__name__} where {kind.__name__} was expected")


@dataclass(frozen=True)
class Answer:
    """What one reading statement returned: the columns' names, and a tuple per row."""

    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[object]] = ()

    def __iter__(self) -> Iterator[Row]:
        places = {name: place for place, name in enumerate(self.columns)}
        return (Row(values, places) for values in self.rows)
