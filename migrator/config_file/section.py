"""One group of keys through its schema: known keys only, each fault with its path, secrets fetched from files."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from marshmallow import Schema, ValidationError, fields

from migrator.config import Secret
from migrator.config_file.environment import SECRETS
from migrator.config_file.fields import Names
from migrator.config_file.keys import Tree, canonical, join
from migrator.config_file.places import unknown
from migrator.errors import Fault


def section(schema: Schema, raw: object, path: str, faults: list[Fault]) -> Tree:
    """The valid values of `raw`; what is not valid goes to `faults` and is left out, so that checking can go on.

    A key without a value counts as not given, except where "none" means something.
    """
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        faults.append(Fault(path, f"must be a group of keys ({', '.join(sorted(schema.fields))})"))
        return {}
    given = canonical(raw, schema.fields, path, faults, unknown)
    given = {key: _none(value) if schema.fields[key].allow_none else value for key, value in given.items()}
    given = {key: value for key, value in given.items() if value is not None or schema.fields[key].allow_none}
    try:
        values: Tree = dict(schema.load(given))
    except ValidationError as error:
        messages = cast(dict[str, object], error.messages)
        faults.extend(_flat(messages, path, schema))
        assert isinstance(error.valid_data, dict)
        values = {key: value for key, value in error.valid_data.items() if key not in messages}
    values = {key: _frozen(value) if isinstance(schema.fields[key], Names) else value for key, value in values.items()}
    return _with_secrets(values, path, faults)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _none(value: object) -> object:
    """An environment variable writes null as `none`."""
    return None if isinstance(value, str) and value.strip().lower() in ("none", "null") else value


def _flat(messages: object, path: str, schema: Schema) -> Iterator[Fault]:
    """Faults from marshmallow's nested messages."""
    if isinstance(messages, list):
        yield from (Fault(path, str(message).rstrip(".")) for message in messages)
    elif isinstance(messages, dict):
        for key, below in messages.items():
            dictionary = isinstance(schema.fields.get(key), fields.Dict) and isinstance(below, dict)
            where = join(path, key)
            yield from _of_dictionary(below, where, schema) if dictionary else _flat(below, where, schema)


def _of_dictionary(entries: dict[str, dict[str, object]], path: str, schema: Schema) -> Iterator[Fault]:
    """marshmallow puts `key` or `value` between a dictionary's key and the messages for it."""
    for key, parts in entries.items():
        for messages in parts.values():
            yield from _flat(messages, join(path, key), schema)


def _with_secrets(values: Tree, path: str, faults: list[Fault]) -> Tree:
    """Replace each `<secret>_file` by the secret that the file holds."""
    for key in SECRETS:
        file = values.pop(f"{key}_file", None)
        if file is None:
            continue
        where = join(path, f"{key}_file")
        if key in values:
            faults.append(Fault(where, f"is given together with {key}; keep one"))
        elif secret := _read_secret(Path(str(file)), where, faults):
            values[key] = secret
    return values


def _read_secret(file: Path, where: str, faults: list[Fault]) -> Secret | None:
    try:
        secret = Secret(file.read_text(encoding="utf-8").rstrip("\r\n"))
    except OSError as error:
        faults.append(Fault(where, f"{file} cannot be read: {error.strerror}"))
        return None
    except UnicodeDecodeError:
        faults.append(Fault(where, f"{file} is not UTF-8 text"))
        return None
    if not secret:
        faults.append(Fault(where, f"{file} is empty"))
    return secret or None
