"""The kinds of values a configuration holds, with messages that say what would be right."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validate

from migrator.config import Secret
from migrator.config_file.keys import normalise

_Data = Mapping[str, object] | None


class Text(fields.String):
    """Text that is not empty. A number where text is wanted is a password or a name that lost its quotes."""

    def __init__(self, required: bool = False, check: Callable[[str], None] | None = None) -> None:
        super().__init__(
            required=required,
            validate=check,
            error_messages={
                "invalid": "must be text; put it in quotes",
                "required": "is missing",
                "null": "is missing",
            },
        )

    def _deserialize(self, value: object, attr: str | None, data: _Data, **kwargs: object) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not text.strip() or "\0" in text:
            raise ValidationError("must not be empty")
        return text


class SecretText(Text):
    """Text that never prints itself."""

    def _deserialize(self, value: object, attr: str | None, data: _Data, **kwargs: object) -> str:
        return Secret(super()._deserialize(value, attr, data, **kwargs))


class Whole(fields.Integer):
    """A whole number within bounds."""

    def __init__(self, low: int, high: int | None = None) -> None:
        bounds = f"must be between {low} and {high}" if high is not None else f"must be {low} or more"
        check = validate.Range(min=low, max=high, error=bounds)
        super().__init__(
            strict=True, validate=check, error_messages={"invalid": "must be a whole number", "null": "is missing"}
        )

    def _deserialize(self, value: object, attr: str | None, data: _Data, **kwargs: object) -> int:
        if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
            value = int(value)
        number: int = super()._deserialize(value, attr, data, **kwargs)
        return number


class Amount(fields.Float):
    """A number that is not negative; above zero where `positive`; may be none where `optional`."""

    def __init__(self, positive: bool = False, optional: bool = False) -> None:
        bound = "must be more than 0" if positive else "must be 0 or more"
        check = validate.Range(min=0, min_inclusive=not positive, error=bound)
        super().__init__(
            allow_none=optional,
            validate=check,
            error_messages={"invalid": "must be a number", "null": "is missing", "special": "must be a number"},
        )


class Flag(fields.Boolean):
    """True or false, also as the text that an environment variable is."""

    def __init__(self) -> None:
        super().__init__(error_messages={"invalid": "must be true or false", "null": "is missing"})


class Choice(fields.Field[StrEnum]):
    """One of an enumeration's values, in any case: `Merge`."""

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__()
        self.choices = choices

    def _deserialize(self, value: object, attr: str | None, data: _Data, **kwargs: object) -> StrEnum:
        chosen = {normalise(choice.value): choice for choice in self.choices}.get(normalise(str(value)))
        if chosen is None:
            raise ValidationError(f"must be one of {', '.join(self.choices)}, not {str(value)!r}")
        return chosen


class Names(fields.List[str]):
    """A list of names or patterns; one string with commas will do, as an environment variable has no lists."""

    def __init__(self, each: fields.Field[Any] | None = None) -> None:
        super().__init__(each or Text())

    def _deserialize(self, value: object, attr: str | None, data: _Data, **kwargs: object) -> list[str | None]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list):
            raise ValidationError("must be a list of names or patterns")
        return super()._deserialize(value, attr, data, **kwargs)
