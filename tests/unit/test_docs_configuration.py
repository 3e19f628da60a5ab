"""docs/configuration.md names every key with its default: compared with the schemas and the dataclasses."""

import re
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from pathlib import Path

import pytest
import yaml
from marshmallow import Schema

from migrator.config import DatabaseSelection, InstanceSpec, MappingSpec, Replication, WebSpec, WorkerSpec
from migrator.config_file import load, schemas

DOCUMENT = (Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")

SECTIONS: list[tuple[str, type[Schema], type | None]] = [
    ("## `instances.NAME`", schemas.InstanceSchema, InstanceSpec),
    ("## `mappings`", schemas.MappingSchema, MappingSpec),
    ("### `mappings.N.databases`", schemas.DatabasesSchema, DatabaseSelection),
    ("## `replication`", schemas.ReplicationSchema, Replication),
    ("## `web`", schemas.WebSchema, WebSpec),
    ("## `workers`", schemas.WorkerSchema, WorkerSpec),
    ("## Top level", schemas.RootSchema, None),
]


def documented(heading: str) -> dict[str, str]:
    """Key -> default, from the tables below a heading."""
    text = re.split(r"\n#+ ", DOCUMENT.split(f"\n{heading}\n", 1)[1])[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    return {key: default for keys, default in rows for key in re.findall(r"`(\w+)`", keys)}


@pytest.mark.parametrize(("heading", "schema", "spec"), SECTIONS, ids=[heading for heading, _, _ in SECTIONS])
def test_every_key_with_its_default(heading: str, schema: type[Schema], spec: type | None) -> None:
    found = documented(heading)
    assert set(found) == set(schema().fields)
    if spec is None:
        return
    assert is_dataclass(spec)
    for field in fields(spec):
        default = field.default
        if field.name not in found or default is None or default is MISSING:
            continue
        assert found[field.name] == shown(default), field.name


def shown(default: object) -> str:
    if isinstance(default, StrEnum):
        return default.value
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default) or "none"
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_required_keys_are_said_to_be() -> None:
    for heading, schema, _ in SECTIONS:
        required = {name for name, field in schema().fields.items() if field.required}
        assert {name for name, default in documented(heading).items() if default == "required"} == required


def test_the_example_loads(tmp_path: Path) -> None:
    example = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)[0])
    for instance in example["instances"].values():
        secret = tmp_path / "secret"
        secret.write_text("x")
        instance["password_file"] = str(secret)
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(example))
    assert load(path, {}).mappings[0].name == "old-to-new"
