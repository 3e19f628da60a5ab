"""Every fault at once, each with the path of its key and what would be right."""

from pathlib import Path

import pytest

from migrator.config_file import load
from migrator.errors import ConfigError

GOOD = """
instances:
  old: {server: old.example.com}
  new: {server: new.example.com}
mappings:
  - {source_instance: old, destination_instance: new}
"""


def faults(folder: Path, text: str, environ: dict[str, str] | None = None, name: str = "c.yaml") -> dict[str, str]:
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(folder / name, environ or {})
    assert len({fault.path for fault in caught.value.faults}) == len(caught.value.faults), caught.value
    return {fault.path: fault.message for fault in caught.value.faults}


def test_faults_of_notifications(tmp_path: Path) -> None:
    hooks = """
notifications:
  - {kind: slack}
  - {url: "ftp://x/s3cret"}
  - {url: "https:///s3cret"}
  - {url: "https://me:s3cret@x/", kind: pager, events: [ready, redy], timeout_seconds: 0}
  - {url: "https://x/s3cret", url_file: /nowhere}
  - {url: "https://x/s3cret", mappings: [old-*, nobody-*], sslrootcert: /nowhere}
  - https://x/s3cret
"""
    found = faults(tmp_path, GOOD + hooks)
    assert "s3cret" not in str(found)
    last = found.pop("notifications.6")
    assert last.startswith("must be a group of keys")
    assert found == {
        "notifications.0.url": "is missing; give url or url_file",
        "notifications.1.url": "must begin with http:// or https://",
        "notifications.2.url": "is not a complete web address",
        "notifications.3.url": "must be without username and password, which are not sent; put a token into path or query",
        "notifications.3.kind": "must be one of json, slack, teams, not 'pager'",
        "notifications.3.events.1": found["notifications.3.events.1"],
        "notifications.3.timeout_seconds": "must be more than 0",
        "notifications.4.url_file": "is given together with url; keep one",
        "notifications.5.sslrootcert": "/nowhere: no such file",
        "notifications.5.mappings": "nobody-* matches no mapping; there are old-to-new",
    }
    assert found["notifications.3.events.1"].endswith("not 'redy'")


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = """
    instances:
      old: {server: old:5432, prot: 1, password: 12345}
      new: {port: 70000, sslmode: maybe, sslrootcert: /nowhere/ca.pem, host: x}
    mappings:
      - {source_instance: odl, destination_instance: new, role_conflict_strategy: marge, copy_method: snapshoot}
      - {destination_instance: new, name: a/b, databases: {rename: [x]}, replication: {stable_seconds: -1}}
      - nonsense
    replication: {RateLimitMBps: -5, rate_limit_mbps: 7, max_copies: 1.5, stable_seconds: soon}
    web: {port: true}
    workers: []
    redis_url: http://user:hidden@x
    """
    found = faults(tmp_path, text)
    assert found == {
        "instances.old.server": "must be without the port, which has a key of its own",
        "instances.old.prot": "unknown key; did you mean port?",
        "instances.old.password": "must be text; put it in quotes",
        "instances.new.server": "is missing",
        "instances.new.host": "unknown key; did you mean server?",
        "instances.new.port": "must be between 1 and 65535",
        "instances.new.sslmode": "must be one of disable, allow, prefer, require, verify-ca, verify-full",
        "instances.new.sslrootcert": "/nowhere/ca.pem: no such file",
        "mappings.0.source_instance": "no instance is called 'odl'; did you mean old?",
        "mappings.0.role_conflict_strategy": "must be one of merge, skip, fail, not 'marge'",
        "mappings.0.copy_method": "must be one of subscription, snapshot, not 'snapshoot'",
        "mappings.1.source_instance": "is missing",
        "mappings.1.name": "must be 1 to 63 letters, digits, dots, dashes or underscores: it stands in web addresses",
        "mappings.1.databases.rename": "must be pairs of source name: destination name",
        "mappings.1.replication.stable_seconds": "must be 0 or more",
        "mappings.2": found["mappings.2"],
        "replication.rate_limit_mbps": "is given twice, as RateLimitMBps and as rate_limit_mbps; keep one",
        "replication.max_copies": "must be a whole number",
        "replication.stable_seconds": "must be a number",
        "web.port": "must be a whole number",
        "workers": "must be a group of keys (concurrency, grace_seconds)",
        "redis_url": "must begin with redis://, rediss:// or unix://",
    }
    assert "must be a group of keys" in found["mappings.2"]


def test_secrets_are_never_in_a_fault(tmp_path: Path) -> None:
    text = GOOD.replace("old.example.com", "old, password: [hunter2]") + "\nredis_url: http://u:hunter2@x"
    assert "hunter2" not in str(faults(tmp_path, text, {"MIGRATOR__WEB__PORT__X": "hunter2"}))


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (("destination_instance: new", "destination_instance: OLD"), "mappings.0.destination_instance", "same server"),
        (("new.example.com", "OLD.example.com"), "mappings.0.destination_instance", "same server"),
        (("  new:", "  Old_: {server: x}\n  new:"), "instances.Old_", "differs from old only in case"),
        (("mappings:", "mapings:"), "mapings", "did you mean mappings?"),
        (("  old:", "  'a b':"), "mappings.0.source_instance", "no instance is called 'old'"),
        (("old.example.com", "h, sslkey: /etc/hostname"), "instances.old.sslkey", "needs sslcert too"),
        (("instance: new}", "instance: new, databases: []}"), "mappings.0.databases.include", "must not be empty"),
    ],
)
def test_rules(tmp_path: Path, change: tuple[str, str], path: str, message: str) -> None:
    assert message in faults(tmp_path, GOOD.replace(*change))[path]


STREAMS = "replication: {streams_per_database: 4}"
BY_SUBSCRIPTION = "instance: new, copy_method: subscription"


def test_streams_that_nothing_would_come_of(tmp_path: Path) -> None:
    """Under `subscription` a database has one group; what is said for all mappings may be meant for another."""
    said = "is of copy_method: snapshot; under subscription a database has one stream: remove it, or change copy_method"
    own = GOOD.replace("instance: new", f"{BY_SUBSCRIPTION}, {STREAMS}")
    assert faults(tmp_path, own) == {"mappings.0.replication.streams_per_database": said}
    general = f"{GOOD.replace('instance: new', BY_SUBSCRIPTION)}\n{STREAMS}"
    assert faults(tmp_path, general) == {"replication.streams_per_database": said}
    another = "  - {source_instance: old, destination_instance: new, name: other, databases: [x]}\nreplication:"
    fine = general.replace("new, copy", "new, databases: [y], copy").replace("\nreplication:", another)
    for good in (fine, own.replace(": 4", ": 1"), own.replace("copy_method: subscription", "copy_method: snapshot")):
        (tmp_path / "good.yaml").write_text(good)
        load(tmp_path / "good.yaml", {})


MAPPING, REPLICATION = "mappings.0", "mappings.0.replication"


@pytest.mark.parametrize(
    ("place", "key", "right"),
    [
        (REPLICATION, "ui_refresh_interval_seconds", "replication.ui_refresh_interval_seconds"),
        (MAPPING, "ui_refresh_interval_seconds", "replication.ui_refresh_interval_seconds"),
        (MAPPING, "stable_seconds", "mappings.0.replication.stable_seconds"),
        (MAPPING, "include", "mappings.0.databases.include"),
        (MAPPING, "sslmode", "instances.NAME.sslmode"),
        ("", "stable_seconds", "replication.stable_seconds or mappings.N.replication.stable_seconds"),
        ("", "copy_method", "mappings.N.copy_method"),
        ("replication", "copy_method", "mappings.N.copy_method"),
        ("replication", "concurrency", "workers.concurrency"),
        ("instances.old", "allowed_hosts", "web.allowed_hosts"),
        ("web", "redis_url", "redis_url"),
        ("workers", "timeout_seconds", "notifications.N.timeout_seconds"),
    ],
)
def test_a_key_at_the_wrong_place_is_told_where_it_belongs(tmp_path: Path, place: str, key: str, right: str) -> None:
    variable = "__".join(("MIGRATOR", *filter(None, place.upper().split(".")), key.upper()))
    found = faults(tmp_path, GOOD, {variable: "1"})
    assert list(found.values()) == [f"is not a key of this group; it belongs at {right}"], found
    assert [path.rpartition(".")[0] for path in found] == [place]


def test_two_mappings_of_one_name(tmp_path: Path) -> None:
    second = "  - {source_instance: old, destination_instance: new, name: OLD_TO_NEW, databases: [x]}\n"
    found = faults(tmp_path, GOOD.replace("new}\n", "new, databases: [y]}\n") + second)
    assert found == {"mappings.1.name": "OLD_TO_NEW is the name of mappings.0 too; give each a name of its own"}


@pytest.mark.parametrize(
    ("first", "second", "source", "taken"),
    [
        ("[shop]", "[crm, shop]", "other", "shop"),
        ("[shop]", "{include: [crm], rename: {crm: shop}}", "other", "shop"),
        ("['s*']", "[shop]", "old", "shop"),
        ("['*']", "['*']", "old", "every database"),
        ("[shop]", "[crm]", "old", None),
        ("[shop]", "{include: [shop], rename: {shop: shop2}}", "other", None),
        ("['*']", "['*']", "other", None),
        ("{exclude: [shop]}", "[shop]", "old", None),
    ],
)
def test_two_mappings_on_one_database(tmp_path: Path, first: str, second: str, source: str, taken: str | None) -> None:
    text = f"""
    instances: {{old: {{server: a}}, other: {{server: b}}, new: {{server: c}}}}
    mappings:
      - {{source_instance: old, destination_instance: new, databases: {first}}}
      - {{source_instance: {source}, destination_instance: new, name: second, databases: {second}}}
    """
    if taken:
        assert faults(tmp_path, text) == {"mappings.1.databases": f"{taken} on new is taken by mappings.0 too"}
    else:
        (tmp_path / "c.yaml").write_text(text)
        assert len(load(tmp_path / "c.yaml", {}).mappings) == 2


@pytest.mark.parametrize(
    ("databases", "path", "message"),
    [
        ("{include: [a], rename: {b: c}}", "rename.b", "not selected"),
        ("{include: [a, b], rename: {a: b}}", "rename", "a and b would both become b"),
        ("{include: [a], rename: {a: " + "x" * 64 + "}}", "rename.a", "63 bytes"),
        ("{include: [a], rename: {a: 5}}", "rename.a", "must be text"),
    ],
)
def test_databases(tmp_path: Path, databases: str, path: str, message: str) -> None:
    text = GOOD.replace("instance: new}", f"instance: new, databases: {databases}}}")
    assert message in faults(tmp_path, text)[f"mappings.0.databases.{path}"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.yaml", "a: [1\nb: {", "line 2, column 2"),
        ("c.yaml", "a: 1\nb: 2\na: 3", "a is given twice (again in line 3)"),
        ("c.json", '{"a": 1,\n"b"}', "line 2"),
        ("c.json", '{"a": 1, "a": 2}', "a is given twice"),
        ("c.toml", "a = \nb = 1", "line 1"),
        ("c.ini", "", "must end in .yaml, .yml, .json or .toml"),
        ("c.yaml", "- 1", "must hold keys and values"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, text: str, message: str) -> None:
    assert message in faults(tmp_path, text, name=name)[str(tmp_path / name)]


def test_yaml_errors_do_not_quote_the_line(tmp_path: Path) -> None:
    assert "hunter2" not in str(faults(tmp_path, "password: hunter2: x"))


@pytest.mark.parametrize("written", ["*Hunter2", "!Hunter2 x", "!it's-Hunter2 x", "!!Hunter2 x", "!Hunter2!x y"])
def test_yaml_errors_do_not_quote_the_value(tmp_path: Path, written: str) -> None:
    (fault,) = faults(tmp_path, f"a: 1\npassword: {written}").values()
    assert "Hunter2" not in fault
    assert "line 2, column 11" in fault and "***" in fault and "is a value without its quotes?" in fault


def test_yaml_errors_name_signs(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "password: @hunter2").values()
    assert "character '@' that cannot start any token" in fault and "is a value without its quotes?" in fault
    (fault,) = faults(tmp_path, "web: {port: 1").values()
    assert "expected ',' or '}', but got '<stream end>'" in fault and "quotes?" not in fault


def test_two_variables_for_one_key(tmp_path: Path) -> None:
    environ = {"MIGRATOR__REPLICATION__RATELIMITMBPS": "1", "MIGRATOR__REPLICATION__RATE_LIMIT_MBPS": "2"}
    assert faults(tmp_path, GOOD, environ) == {
        "MIGRATOR__REPLICATION__RATE_LIMIT_MBPS": "and MIGRATOR__REPLICATION__RATELIMITMBPS name the same key; keep one"
    }


def test_no_file() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load("/nowhere/c.yaml", {})
    with pytest.raises(ConfigError, match="MIGRATOR_CONFIG"):
        load(None, {})


def test_empty_file(tmp_path: Path) -> None:
    assert set(faults(tmp_path, "")) == {"instances", "mappings"}


def test_environment(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    environ = {
        "MIGRATOR__REPLICATION__RATE_LIMIT_MBPZ": "1",
        "MIGRATOR__MAPPINGS__5__NAME": "x",
        "MIGRATOR__MAPPINGS__FIRST__NAME": "x",
        "MIGRATOR__INSTANCES__OLD__SERVER__X": "x",
        "MIGRATOR__INSTANCES__OLD__PASSWORD_FILE": "/nowhere",
        "MIGRATOR__INSTANCES__NEW__PASSWORD_FILE": str(empty),
        "MIGRATOR__REDIS_URL": "redis://x",
        "MIGRATOR__REDIS_URL_FILE": "/nowhere",
    }
    assert faults(tmp_path, GOOD, environ) == {
        "replication.rate_limit_mbpz": "unknown key; did you mean rate_limit_mbps?",
        "MIGRATOR__MAPPINGS__5__NAME": "names item 5 of a list that has 1; the next one is 1",
        "MIGRATOR__MAPPINGS__FIRST__NAME": "names item FIRST of a list that has 1; the next one is 1",
        "MIGRATOR__INSTANCES__OLD__SERVER__X": "leads into a plain value; it has no keys below it",
        "instances.old.password_file": "/nowhere cannot be read: No such file or directory",
        "instances.new.password_file": f"{empty} is empty",
        "MIGRATOR__REDIS_URL": "and MIGRATOR__REDIS_URL_FILE are both set; keep one",
        "redis_url_file": "/nowhere cannot be read: No such file or directory",
    }


def test_one_destination_has_one_journal(tmp_path: Path) -> None:
    text = """
    instances: {old: {server: a}, other: {server: b}, new: {server: c}, again: {server: c, maintenance_database: admin}}
    mappings:
      - {source_instance: old, destination_instance: new}
      - {source_instance: other, destination_instance: again}
    """
    found = faults(tmp_path, text)
    assert found == {
        "mappings.1.destination_instance": "is the server of mappings.0, with another maintenance_database; both need the same "
        "journal"
    }


def test_tablespaces_are_pairs(tmp_path: Path) -> None:
    text = """
    instances: {old: {server: a}, new: {server: c}}
    mappings: [{source_instance: old, destination_instance: new, tablespaces: [fast]}]
    """
    assert faults(tmp_path, text) == {"mappings.0.tablespaces": "must be pairs of source name: destination name"}
