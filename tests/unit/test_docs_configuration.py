"""docs/configuration.md names every key with its default: compared with the schemas and the dataclasses."""

import re
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from pathlib import Path

import pytest
import yaml
from marshmallow import Schema

from migrator.config import (
    DatabaseSelection,
    InstanceSpec,
    MappingSpec,
    NotificationSpec,
    Replication,
    WebSpec,
    WorkerSpec,
)
from migrator.config_file import load, schemas

DOCUMENT = (Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")

SECTIONS: list[tuple[str, type[Schema], type | None]] = [
    ("## `instances.NAME`", schemas.InstanceSchema, InstanceSpec),
    ("## `mappings`", schemas.MappingSchema, MappingSpec),
    ("### `mappings.N.databases`", schemas.DatabasesSchema, DatabaseSelection),
    ("## `replication`", schemas.ReplicationSchema, Replication),
    ("## `web`", schemas.WebSchema, WebSpec),
    ("## `workers`", schemas.WorkerSchema, WorkerSpec),
    ("## `notifications`", schemas.NotificationSchema, NotificationSpec),
    ("## Top level", schemas.RootSchema, None),
]


# What stands for None: nothing, what libpq does, another key or file, or a rule in words. Never a value.
NOTHING = re.compile(r"none|libpq's|required|SOURCE-to-DESTINATION|all but templates|those below|(?:`~?\w.*`)")
ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\bMIGRATOR_[A-Z]\w*")


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
        if field.name not in found or default is MISSING:
            continue
        if default is None:
            assert NOTHING.fullmatch(found[field.name]), f"{field.name}: {found[field.name]}"
        else:
            assert found[field.name] == shown(default), field.name


def shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
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


def variables_of_the_source() -> set[str]:
    """MIGRATOR_... wherever it is read: in our code, our tests, the Makefile, the image and the compose file."""
    files = [path for folder in ("migrator", "workers", "web", "deploy") for path in (ROOT / folder).rglob("*")]
    named = ("Dockerfile", "docker-compose.yml", "Makefile", ".ci/run", "beat_schedule.py", "tests/conftest.py")
    files += [ROOT / name for name in named] + list((ROOT / "tests").rglob("test_existing_source.py"))
    texts = (
        path.read_text() for path in files if path.suffix in (".py", ".yml", ".yaml", ".sh", "") and path.is_file()
    )
    return {name for text in texts for name in VARIABLE.findall(text) if not name.startswith("MIGRATOR__")}


def test_every_variable() -> None:
    written = set(re.findall(r"`(MIGRATOR_[A-Z]\w*)`", DOCUMENT)) - {
        "MIGRATOR__SECTION__KEY",
        "MIGRATOR__SECTION__KEY_FILE",
    }
    majors = {f"MIGRATOR_PG{major}_BIN" for major in (15, 16, 17, 18)}
    assert written - majors == variables_of_the_source() - majors - {"MIGRATOR_PG"}
