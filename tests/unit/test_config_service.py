"""libpq's connection service file: it gives what the configuration does not."""

from pathlib import Path

import pytest

from migrator.config import InstanceSpec
from migrator.config_file import load
from migrator.errors import ConfigError

TEXT = """
instances:
  old: {{service: prod, servicefile: {file}{more}}}
  new: {{server: new.example.com}}
mappings:
  - {{source_instance: old, destination_instance: new}}
"""
SERVICES = """
# a comment
[other]
host=other.example.com

[prod]
host=old.example.com
port=6432
user=mover
password=p%40ss=1#2
dbname=admin
sslmode=require
connect_timeout=3
channel_binding=require
application_name=somebody
options=-c search_path=x
"""


def instance(
    folder: Path, services: str = SERVICES, more: str = "", environ: dict[str, str] | None = None
) -> InstanceSpec:
    (folder / "services").write_text(services)
    (folder / "c.yaml").write_text(TEXT.format(file=folder / "services", more=more))
    return load(folder / "c.yaml", environ or {}).instances["old"]


def test_everything_from_the_service(tmp_path: Path) -> None:
    old = instance(tmp_path)
    assert (old.server, old.port, old.username) == ("old.example.com", 6432, "mover")
    assert old.password is not None and old.password.reveal() == "p%40ss=1#2"
    assert (old.maintenance_database, old.sslmode, old.connect_timeout_seconds) == ("admin", "require", 3)
    assert old.parameters == {"channel_binding": "require"}
    assert "p%40ss" not in repr(old)


def test_the_configuration_wins(tmp_path: Path) -> None:
    old = instance(
        tmp_path, more=", Port: 7000, user_name: other", environ={"MIGRATOR__INSTANCES__OLD__PASSWORD": "own"}
    )
    assert (old.server, old.port, old.username) == ("old.example.com", 7000, "other")
    assert old.password is not None and old.password.reveal() == "own"
    (tmp_path / "secret").write_text("from-file")
    old = instance(tmp_path, more=f", password_file: {tmp_path / 'secret'}")
    assert old.password is not None and old.password.reveal() == "from-file"


def test_where_libpq_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "c.yaml").write_text(TEXT.format(file="X", more="").replace(", servicefile: X", ""))

    def server(**environ: str) -> str:
        return load(tmp_path / "c.yaml", environ).instances["old"].server

    (tmp_path / "system").mkdir()
    (tmp_path / "system/pg_service.conf").write_text("[prod]\nhost=system\n")
    assert server(PGSYSCONFDIR=str(tmp_path / "system")) == "system"
    (tmp_path / ".pg_service.conf").write_text("[prod]\nhost=home\n")
    assert server(PGSYSCONFDIR=str(tmp_path / "system")) == "home"
    (tmp_path / "mine").write_text("[prod]\nhost=mine\n")
    assert server(PGSERVICEFILE=str(tmp_path / "mine")) == "mine"


@pytest.mark.parametrize(
    ("services", "path", "message"),
    [
        ("[other]\nhost=x\n", "instances.old.service", "no service is called prod in "),
        ("[prod]\nhost=x\nprot=1\n", "instances.old.service.prot", "a keyword that is not known here"),
        ("[prod]\nhost=x,y\n", "instances.old.service.host", "several hosts"),
        ("[prod]\nport=70000\nhost=x\n", "instances.old.port", "must be between 1 and 65535"),
        ("[prod]\nport=5432\n", "instances.old.server", "is missing"),
        ("password=hunter2\n[prod]\n", "instances.old.service", "is not a service file: see line 1"),
        ("[prod]\nhost=x\n[prod]\npassword=hunter2\n", "instances.old.service", "is not a service file: see line 3"),
    ],
    ids=["unknown", "keyword", "hosts", "port", "no host", "no section", "twice"],
)
def test_faults(tmp_path: Path, services: str, path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        instance(tmp_path, services)
    found = {fault.path: fault.message for fault in caught.value.faults}
    assert message in found[path] and "hunter2" not in str(caught.value)


def test_a_missing_file_and_a_lonely_one(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(TEXT.format(file="/nowhere", more=""))
    with pytest.raises(ConfigError, match="/nowhere cannot be read"):
        load(tmp_path / "c.yaml", {})
    (tmp_path / "c.yaml").write_text(TEXT.format(file="/nowhere", more=", server: x").replace("service: prod, ", ""))
    with pytest.raises(ConfigError, match=r"servicefile: needs service too"):
        load(tmp_path / "c.yaml", {})


def test_files_that_libpq_would_ignore_or_not_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    passfile, root = tmp_path / "pass", tmp_path / "root.crt"
    passfile.write_text("*:*:*:*:x")
    root.write_text("x")
    passfile.chmod(0o600)
    old = instance(tmp_path, more=", passfile: ~/pass, sslrootcert: ~/root.crt")
    assert (old.passfile, old.sslrootcert) == (str(passfile), str(root))
    passfile.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 0600"):
        instance(tmp_path, more=", passfile: ~/pass")
    with pytest.raises(ConfigError, match=r"sslrootcert: needs sslmode: verify-full"):
        instance(tmp_path, more=f", sslrootcert: {root}, sslmode: prefer")
    with pytest.raises(ConfigError, match=r"replication_sslcert: needs replication_sslkey too"):
        instance(tmp_path, more=", replication_sslcert: /there/x.crt")
