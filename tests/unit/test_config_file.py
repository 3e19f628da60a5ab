"""What loads, and as what."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from migrator.config import CopyMethod, RoleConflictStrategy, Secret, WalBudgetAction
from migrator.config_file import load

REQUIREMENT = """{"Instances": {"Source1": {"Server": "pg15-prod-1.example.com", "Port": 5432, "Username": "replication_user",
"Password": "s3cret"}, "Dest1": {"Server": "pg18-prod-1.example.com", "Port": 5432, "Username": "replication_user",
"Password": "0ther"}}, "Mappings": [{"SourceInstance": "Source1", "DestinationInstance": "Dest1",
"RoleConflictStrategy": "Merge"}], "Replication": {"RateLimitMBps": 100, "UIRefreshIntervalSeconds": 5,
"WalLagThresholdMB": 1024, "WalLagThresholdMinutes": 5}}"""

YAML = """
instances:
  old: {server: old.example.com, username: mover, replication_server: 10.0.0.5, replication_port: 6432, rate_limit_mbps: 80}
  new: {server: new.example.com, sslmode: verify-full, rate_limit_mbps: null}
mappings:
  - source_instance: old
    destination_instance: new
    databases:
      include: ["shop*", crm]
      exclude: [shop_test]
      rename: {shop: store}
    replication: {rate_limit_mbps: null, stable_seconds: 5}
replication: {rate_limit_mbps: 50, wal_budget_action: none}
redis_url: redis://:pw@queue:6379/0
"""


def write(folder: Path, text: str, name: str = "migrator.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_requirements_json_loads_as_it_stands(tmp_path: Path) -> None:
    config = load(write(tmp_path, REQUIREMENT, "migrator.json"), {})
    (mapping,) = config.mappings
    assert mapping.name == "Source1-to-Dest1"
    assert mapping.source.server == "pg15-prod-1.example.com"
    assert mapping.source.password is not None and mapping.source.password.reveal() == "s3cret"
    assert mapping.role_conflict_strategy is RoleConflictStrategy.MERGE
    assert mapping.copy_method is CopyMethod.SNAPSHOT
    assert mapping.replication == replace(config.replication, rate_limit_mbps=None)
    assert mapping.source.rate_limit_mbps == 100, "the general limit is each source's"
    assert config.replication.rate_limit_mbps == 100
    assert config.replication.ui_refresh_interval_seconds == 5
    assert (config.replication.wal_lag_threshold_mb, config.replication.wal_lag_threshold_minutes) == (1024, 5)


def test_the_requirements_json_with_a_third_instance_and_its_own_dots(tmp_path: Path) -> None:
    server = '{"Server": "pg18-prod-1.example.com", "Port": 5432, "Username": "replication_user", "Password": "..."}'
    third = server.replace("pg18-prod-1", "pg18-prod-2")
    text = (
        '{"Instances": {"Source1": {"Server": "pg15-prod-1.example.com", "Port": 5432, "Username": "replication_user",\n'
        f'"Password": "..."}}, "Dest1": {server}, "Dest2": {third}}}, "Mappings": [{{"SourceInstance": "Source1",\n'
        '"DestinationInstance": "Dest1", "RoleConflictStrategy": "Merge"}, {"SourceInstance": "Source1",\n'
        '"DestinationInstance": "Dest2"}], "Replication": {"RateLimitMBps": 100, "UIRefreshIntervalSeconds": 5,\n'
        '"WalLagThresholdMB": 1024, "WalLagThresholdMinutes": 5}}'
    )
    config = load(write(tmp_path, text, "migrator.json"), {"MIGRATOR__INSTANCES__DEST_2__PASSWORD": "own"})
    assert list(config.instances) == ["Source1", "Dest1", "Dest2"]
    assert [mapping.name for mapping in config.mappings] == ["Source1-to-Dest1", "Source1-to-Dest2"]
    password = config.instances["Dest2"].password
    assert password is not None and password.reveal() == "own"


def test_yaml_with_everything_a_mapping_may_have(tmp_path: Path) -> None:
    config = load(write(tmp_path, YAML), {})
    mapping = config.mapping("old-to-new")
    assert mapping is not None
    assert mapping.databases.include == ("shop*", "crm")
    assert mapping.target_name("shop") == "store"
    assert mapping.source.replication_port == 6432
    assert mapping.replication.rate_limit_mbps is None and mapping.replication.stable_seconds == 5
    assert config.replication.rate_limit_mbps == 50
    assert (mapping.source.rate_limit_mbps, mapping.destination.rate_limit_mbps) == (80, None)
    assert config.replication.wal_budget_action is WalBudgetAction.NONE
    assert isinstance(config.redis_url, Secret) and "pw" not in f"{config!r}{config}"


def test_databases_may_be_a_plain_list(tmp_path: Path) -> None:
    text = json.loads(REQUIREMENT)
    text["Mappings"][0]["Databases"] = ["shop", "analytics"]
    config = load(write(tmp_path, json.dumps(text), "c.json"), {})
    assert config.mappings[0].databases.include == ("shop", "analytics")


def test_toml(tmp_path: Path) -> None:
    text = """
[instances.a]
server = "a"
[instances.b]
server = "b"
port = 5433
[[mappings]]
source_instance = "a"
destination_instance = "b"
"""
    assert load(write(tmp_path, text, "c.toml"), {}).mappings[0].destination.port == 5433


def test_the_variable_names_the_file_and_the_argument_beats_it(tmp_path: Path) -> None:
    environ = {"MIGRATOR_CONFIG": str(write(tmp_path, YAML))}
    assert load(None, environ).mappings[0].name == "old-to-new"
    other = write(tmp_path, REQUIREMENT, "other.json")
    assert load(other, environ).mappings[0].name == "Source1-to-Dest1"


@pytest.mark.parametrize("spelling", ["RATE_LIMIT_MBPS", "RATELIMITMBPS", "rate_limit_mbps"])
def test_environment_over_file(tmp_path: Path, spelling: str) -> None:
    config = load(write(tmp_path, REQUIREMENT, "c.json"), {f"MIGRATOR__REPLICATION__{spelling}": "12.5"})
    assert config.replication.rate_limit_mbps == 12.5


def test_environment_reaches_lists_and_oddly_named_instances(tmp_path: Path) -> None:
    text = YAML.replace("old:", "pg15-prod-1:").replace("source_instance: old", "source_instance: PG15_PROD_1")
    environ = {
        "MIGRATOR__MAPPINGS__0__NAME": "shop",
        "MIGRATOR__MAPPINGS__0__DATABASES__INCLUDE__2": "extra",
        "MIGRATOR__INSTANCES__PG15_PROD_1__PORT": "6000",
        "MIGRATOR__REPLICATION__RATE_LIMIT_MBPS": "none",
        "MIGRATOR__WEB__PORT": "",
        "MIGRATOR_UNRELATED": "1",
    }
    config = load(write(tmp_path, text), environ)
    mapping = config.mapping("shop")
    assert mapping is not None
    assert (mapping.source.name, mapping.source.port) == ("pg15-prod-1", 6000)
    assert mapping.databases.include == ("shop*", "crm", "extra")
    assert config.replication.rate_limit_mbps is None
    assert config.web.port == 8080


def test_environment_alone_is_enough() -> None:
    environ = {
        "MIGRATOR__INSTANCES__A__SERVER": "a",
        "MIGRATOR__INSTANCES__B__SERVER": "b",
        "MIGRATOR__MAPPINGS__0__SOURCE_INSTANCE": "a",
        "MIGRATOR__MAPPINGS__0__DESTINATION_INSTANCE": "b",
        "MIGRATOR__MAPPINGS__0__DATABASES": "shop, crm",
    }
    assert load(None, environ).mappings[0].databases.include == ("shop", "crm")


def test_secrets_from_files(tmp_path: Path) -> None:
    secret = write(tmp_path, "from file \n", "secret")
    environ = {"MIGRATOR__INSTANCES__SOURCE1__PASSWORD_FILE": str(secret), "MIGRATOR__REDIS_URL_FILE": str(secret)}
    secret_url = write(tmp_path, "redis://r\n", "url")
    environ["MIGRATOR__REDIS_URL_FILE"] = str(secret_url)
    config = load(write(tmp_path, REQUIREMENT, "c.json"), environ)
    password = config.instances["Source1"].password
    assert password is not None and password.reveal() == "from file "
    assert config.redis_url is not None and config.redis_url.reveal() == "redis://r"


def test_a_password_in_the_environment_replaces_a_password_file_in_the_file(tmp_path: Path) -> None:
    text = YAML.replace("username: mover", "username: mover, password_file: /nowhere")
    config = load(write(tmp_path, text), {"MIGRATOR__INSTANCES__OLD__PASSWORD": "x"})
    password = config.instances["old"].password
    assert password is not None and password.reveal() == "x"
