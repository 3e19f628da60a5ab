"""A row as a reading statement returned it, read column by column with its type checked."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class Row:
    """Typed access to one row. A column of another type is a fault in our SQL: TypeError, with the column's name."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def text(self, column: str) -> str:
        return self._checked(column, str)

    def number(self, column: str) -> int:
        return self._checked(column, int)

    def flag(self, column: str) -> bool:
        return self._checked(column, bool)

    def text_or_none(self, column: str) -> str | None:
        return None if self._values[column] is None else self.text(column)

    def number_or_none(self, column: str) -> int | None:
        return None if self._values[column] is None else self.number(column)

    def texts(self, column: str) -> tuple[str, ...]:
        """An array of text; NULL reads as empty."""
        return tuple(str(value) for value in self._items(column))

    def numbers(self, column: str) -> tuple[int, ...]:
        return tuple(int(str(value)) for value in self._items(column))

    def _items(self, column: str) -> list[object]:
        return [] if self._values[column] is None else self._checked(column, list)

    def _checked(self, column: str, kind: type[T]) -> T:
        value = self._values[column]
        if not isinstance(value, kind):
            raise TypeError(f"column {column}: {type(value).__name__} where {kind.__name__} was expected")
        return value
