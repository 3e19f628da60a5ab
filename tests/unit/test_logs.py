"""Logs: JSON, UTC, one line per event, ours and the libraries' alike, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from migrator import redaction
from migrator.config import Config, InstanceSpec, MappingSpec, Secret
from migrator.logs import configure, redact

PASSWORD = "pä'ss\\wörd/1"  # every character that some quoting changes


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    logging.captureWarnings(False)


def config() -> Config:
    old = InstanceSpec("old", "old", password=Secret(PASSWORD))
    new = InstanceSpec("new", "new", password=Secret("short"))
    mapping = MappingSpec("m", old, new, common_password=Secret("common-password"))
    return Config((mapping,), {"old": old, "new": new}, redis_url=Secret("redis://:queue-password@localhost/0"))


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_ours_and_foreign_records_are_json_lines() -> None:
    stream = io.StringIO()
    configure(config(), stream)
    structlog.get_logger("migrator.apply").info("created role", role="app", rows=3)
    logging.getLogger("celery.worker").warning("lost %s", "connection")
    ours, foreign = lines(stream)
    assert ours["event"] == "created role" and ours["role"] == "app" and ours["rows"] == 3
    assert (ours["level"], ours["logger"]) == ("info", "migrator.apply")
    assert str(ours["timestamp"]).endswith("Z")
    assert (foreign["event"], foreign["level"], foreign["logger"]) == ("lost connection", "warning", "celery.worker")


def test_no_secret_gets_out() -> None:
    stream = io.StringIO()
    configure(config(), stream)
    log = structlog.get_logger("migrator")
    doubled = PASSWORD.replace("'", "''")
    escaped = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    log.info(f"tried {PASSWORD}", values=[PASSWORD, {"x": f"a {PASSWORD} b"}], password="anything", secret=Secret("s"))
    log.info("x", sql=f"CREATE SUBSCRIPTION s CONNECTION 'password=''{escaped}'' host=h' {doubled}")
    logging.getLogger("x").error("failed %s", {"redis": "redis://:queue-password@localhost"})
    try:
        raise ValueError(f"bad {PASSWORD} and common-password")
    except ValueError:
        log.exception("oops")
    text = stream.getvalue()
    decoded = json.dumps(lines(stream), ensure_ascii=False)
    for secret in ("pä", "wörd", "p\\u00e4", "queue-password", "common-password", "anything"):
        assert secret not in text and secret not in decoded
    assert len(lines(stream)) == 4 and "ValueError" in text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("host=h password=abc dbname=d", "host=h password=*** dbname=d"),
        ("password='a b\\'c' host=h", "password=*** host=h"),
        ("password = 'it''s' x", "password = *** x"),
        ('{"Password": "abc", "port": 1}', '{"Password": ***, "port": 1}'),
        ("ALTER ROLE a PASSWORD 'abc' LOGIN", "ALTER ROLE a PASSWORD *** LOGIN"),
        ("postgresql://u:p@ss@host/db", "postgresql://u:***@host/db"),
        ("redis://:pw@h:6379/0", "redis://:***@h:6379/0"),
        ("PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy'", "PASSWORD ***"),
        ("hash SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy.", "hash ***."),
        ("md5a3556571e93b0d20722ba62be61e8c2d", "***"),
        ("password authentication failed for user", "password authentication failed for user"),
        ("http://host:5555/x", "http://host:5555/x"),
        ("ALTER ROLE a PASSWORD {password:app}", "ALTER ROLE a PASSWORD {password:app}"),
        ("role app has no password", "role app has no password"),
    ],
)
def test_what_looks_like_a_secret(text: str, clean: str) -> None:
    assert redact(text) == clean


@given(secret=st.text(min_size=4), before=st.text(), after=st.text())
def test_a_known_secret_never_survives(secret: str, before: str, after: str) -> None:
    redaction._known.clear()
    old = InstanceSpec("old", "old", password=Secret(secret))
    redaction.know(Config((), {"old": old}))
    if secret not in redaction.MASK:
        assert secret not in redact(before + secret + after) or secret in (before + redaction.MASK + after)


def test_short_secrets_do_not_mask_words() -> None:
    old = InstanceSpec("old", "old", password=Secret("a"))
    redaction.know(Config((), {"old": old}))
    assert redact("a table, key a") == "*** table, key ***"
