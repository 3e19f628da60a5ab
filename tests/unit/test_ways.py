"""Which way was chosen for which table: patterns in the order of the file, in names without quotes."""

from pathlib import Path

import pytest

from migrator.config import WithoutIdentity
from migrator.config_file import load
from migrator.errors import ConfigError

FILE = """
instances:
  old: {server: old.example.com}
  new: {server: new.example.com}
mappings:
  - {source_instance: old, destination_instance: new, %s}
"""


@pytest.mark.parametrize(
    ("keys", "database", "schema", "table", "chosen"),
    [
        ("without_identity: refuse", "shop", "public", "log", "refuse"),
        ("withoutIdentity: CopyAtCutover", "shop", "public", "log", "copy_at_cutover"),
        ("without_identity: insertOnly", "shop", "public", "log", "insert_only"),
        ("without_identity_tables: {public.log: copy_at_cutover}", "shop", "public", "log", "copy_at_cutover"),
        ("without_identity_tables: {public.log: copy_at_cutover}", "shop", "public", "logs", "refuse"),
        ("without_identity_tables: {shop.public.*: copy_at_cutover}", "shop", "public", "log", "copy_at_cutover"),
        ("without_identity_tables: {shop.public.*: copy_at_cutover}", "crm", "public", "log", "refuse"),
        ("without_identity_tables: {public.Log: copy_at_cutover}", "shop", "public", "log", "refuse"),
        (
            "without_identity: copy_at_cutover, without_identity_tables: {audit.*: copy_at_cutover, '*.keep': refuse}",
            "shop", "audit", "keep", "copy_at_cutover",
        ),
        (
            "without_identity: copy_at_cutover, without_identity_tables: {'*.keep': refuse, audit.*: copy_at_cutover}",
            "shop", "audit", "keep", "refuse",
        ),
    ],
)  # fmt: skip
def test_the_first_pattern_that_matches(
    tmp_path: Path, keys: str, database: str, schema: str, table: str, chosen: str
) -> None:
    (tmp_path / "c.yaml").write_text(FILE % keys)
    (mapping,) = load(tmp_path / "c.yaml", {}).mappings
    assert mapping.without_identity_of(database, schema, table) is WithoutIdentity(chosen)


def test_faults(tmp_path: Path) -> None:
    keys = "without_identity: ignore, without_identity_tables: {log: refuse, public.log: perhaps}"
    (tmp_path / "c.yaml").write_text(FILE % keys)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "c.yaml", {})
    found = {fault.path: fault.message for fault in caught.value.faults}
    assert found.keys() == {
        "mappings.0.without_identity",
        "mappings.0.without_identity_tables.log",
        "mappings.0.without_identity_tables.public.log",
    }
    assert "not 'ignore'" in found["mappings.0.without_identity"]
    assert "must be SCHEMA.TABLE or DATABASE.SCHEMA.TABLE" in found["mappings.0.without_identity_tables.log"]
    (tmp_path / "c.yaml").write_text(FILE % "without_identity_tables: copy_at_cutover")
    with pytest.raises(ConfigError, match="must be pairs of table pattern: choice"):
        load(tmp_path / "c.yaml", {})
