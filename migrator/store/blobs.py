"""What stands in Redis: the names of its keys, and JSON."""

import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

SCHEMA_VERSION = 1
Document = dict[str, object]
"""What a JSON blob decodes to. Its shape is written down in migrator.reports.snapshot."""


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def document(value: bytes | str | None) -> Document | None:
    return None if value is None else dict(json.loads(value))


def documents(values: Iterable[bytes | str]) -> list[Document]:
    return [dict(json.loads(value)) for value in values]


def dump(document: Mapping[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def stamped(document: Mapping[str, object]) -> str:
    return dump({"schema_version": SCHEMA_VERSION, **document})


def key(*parts: str) -> str:
    """Names are percent-encoded, so that no name can reach into another one's keys or be a glob."""
    return ":".join(("migrator", *(quote(part, safe="") for part in parts)))


def bucket_key(bucket: str) -> str:
    return f"migrator:{{rate}}:{quote(bucket, safe=':')}"
