"""The HTTP API and who may use it, by Flask's own client; Redis is fakeredis."""

import hashlib
from pathlib import Path

import fakeredis
import pytest
from flask import Flask
from flask.testing import FlaskClient

import web
from migrator.store import Store
from tests.browser.seeding import seed, summary
from web.app import create_app
from web.guard import host_allowed

ASK = {"X-Requested-With": "pg-migrator"}
SAFE = {"safe": True, "reasons": []}


@pytest.fixture
def store() -> Store:
    return Store(fakeredis.FakeRedis(decode_responses=True))


@pytest.fixture
def client(store: Store) -> FlaskClient:
    seed(store)
    return create_app(store).test_client()


def test_mappings_and_one_of_them(client: FlaskClient) -> None:
    names = [entry["name"] for entry in client.get("/api/mappings").json["mappings"]]  # type: ignore[index]
    assert names == ["archive", "billing", "crm", "reports", "shop"]
    answer = client.get("/api/mappings/shop").json
    assert answer is not None and answer["lag_bytes"] == 3 * 1_048_576


def test_relations_by_database(client: FlaskClient) -> None:
    answer = client.get("/api/mappings/shop/relations").json
    assert answer is not None
    assert {database: len(rows) for database, rows in answer["databases"].items()} == {"shop": 48, "analytics": 12}


def test_completion_unsafe_is_409_with_reasons(client: FlaskClient, store: Store) -> None:
    answer = client.post("/api/mappings/shop/complete", json={"name": "shop"}, headers=ASK)
    assert answer.status_code == 409
    assert answer.json is not None and "No barrier" in answer.json["reasons"][0]
    assert store.take_requests("shop") == []


@pytest.mark.parametrize("silent", [{}, {"completion": None}, {"completion": {"safe": False, "reasons": []}}])
def test_a_summary_that_does_not_call_it_safe_is_not_safe(store: Store, silent: dict[str, object]) -> None:
    store.publish_summary("m", {"name": "m", **silent})
    answer = create_app(store).test_client().post("/api/mappings/m/complete", json={"name": "m"}, headers=ASK)
    assert answer.status_code == 409
    assert answer.json is not None and answer.json["reasons"]


def test_completion_safe_and_confirmed_is_queued(client: FlaskClient, store: Store) -> None:
    store.publish_summary("shop", summary("shop", completion=SAFE, barrier={"lsn": "0/10"}))
    wrongs: tuple[object, ...] = ({"name": "Shop"}, {"name": None}, {}, [], "shop")
    for wrong in wrongs:
        assert client.post("/api/mappings/shop/complete", json=wrong, headers=ASK).status_code == 400
    answer = client.post("/api/mappings/shop/complete", json={"name": "shop"}, headers=ASK)
    assert (answer.status_code, answer.json) == (202, {"queued": True})
    assert store.take_requests("shop") == [{"kind": "complete", "barrier": "0/10"}], (
        "the one that it was shown to be safe under"
    )


def test_unknown_is_404_and_not_yet_observed_is_503(client: FlaskClient, store: Store) -> None:
    store.publish_public({"mappings": [{"name": "later"}]})
    for name, status in (("nobody", 404), ("later", 503)):
        assert client.get(f"/api/mappings/{name}").status_code == status
        assert client.get(f"/api/mappings/{name}/relations").status_code == status
        assert client.post(f"/api/mappings/{name}/complete", json={"name": name}, headers=ASK).status_code == status
    assert client.get("/mappings/nobody").status_code == 404
    assert b"Nothing was observed yet" in client.get("/mappings/later").data


def test_before_anything_was_published_all_is_503() -> None:
    client = create_app(Store(fakeredis.FakeRedis(decode_responses=True))).test_client()
    assert client.post("/api/mappings/shop/complete", json={"name": "shop"}, headers=ASK).status_code == 503
    assert client.get("/").status_code == client.get("/config").status_code == 200


def test_redis_away_is_503_but_the_process_is_alive() -> None:
    client = create_app(Store.connect("redis://:s3cret@127.0.0.1:1")).test_client()
    assert client.get("/healthz").status_code == 200
    for path in ("/readyz", "/api/mappings", "/", "/mappings/shop"):
        answer = client.get(path, headers={"Accept": "text/html" if not path.startswith("/api") else "*/*"})
        assert answer.status_code == 503
        assert b"s3cret" not in answer.data
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert client.post("/api/mappings/shop/complete", json={"name": "shop"}, headers=ASK).status_code == 503


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-Requested-With": "pg-migrator"}, 202),
        ({"Origin": "http://localhost"}, 202),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://evil.example", "X-Requested-With": "pg-migrator"}, 403),
        ({"Origin": "null", "X-Requested-With": "pg-migrator"}, 403),
    ],
)
def test_a_change_comes_from_our_page_or_from_a_program(store: Store, headers: dict[str, str], status: int) -> None:
    store.publish_summary("shop", summary("shop", completion=SAFE))
    client = create_app(store).test_client()
    assert client.post("/api/mappings/shop/complete", json={"name": "shop"}, headers=headers).status_code == status


def test_a_form_from_elsewhere_changes_nothing(store: Store) -> None:
    store.publish_summary("shop", summary("shop", completion=SAFE))
    client = create_app(store).test_client()
    answer = client.post("/api/mappings/shop/complete", data='{"name":"shop"}', content_type="text/plain", headers=ASK)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:8080", True),
        ("127.0.0.1:8080", True),
        ("[::1]:8080", True),
        ("10.0.0.7", True),
        ("web:8080", True),
        ("dash.example.org", True),
        ("DASH.example.org.:443", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_only_our_own_hosts(host: str, allowed: bool) -> None:
    assert host_allowed(host, {"dash.example.org"}) is allowed


@pytest.mark.parametrize("path", ["/", "/api/mappings", "/socket.io/?EIO=4&transport=websocket", "/static/favicon.svg"])
def test_a_foreign_host_gets_nothing_anywhere(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert b"shop" not in answer.data


def test_every_answer_carries_the_strict_headers(client: FlaskClient) -> None:
    for path in ("/", "/api/mappings", "/static/js/main.js", "/nowhere"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


def test_a_servers_text_is_never_html(store: Store) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    finding = {"code": "c", "message": evil, "remedy": evil, "database": evil, "relation": evil, "blocking": True}
    store.publish_summary("m", summary("m", findings=[finding], phase=evil, source=evil))
    client = create_app(store).test_client()
    for path in ("/", "/mappings/m"):
        text = client.get(path).get_data(as_text=True)
        assert "<img src=x" not in text and "<script>alert" not in text


def test_create_app_makes_independent_applications(store: Store) -> None:
    one, other = create_app(store), create_app(store)
    assert isinstance(one, Flask) and one is not other


def test_vendored_files_are_those_that_were_written_down() -> None:
    folder = Path(web.__file__).parent / "static" / "vendor"
    rows = [line.split("|") for line in (folder / "VENDOR.md").read_text().splitlines() if line.count("`") == 2]
    noted = {row[1].strip(): row[-2].strip(" `") for row in rows if len(row) > 5}
    found = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.suffix in (".js", ".css")
    }
    assert noted == found


def test_retry_is_asked_for_from_our_own_page_only(client: FlaskClient, store: Store) -> None:
    assert client.post("/api/mappings/shop/retry", json={}, headers=ASK).status_code == 202
    assert store.take_requests("shop") == [{"kind": "retry"}]
    assert client.post("/api/mappings/shop/retry", json={}).status_code == 403
    assert client.post("/api/mappings/shop/retry", data="{}", headers=ASK).status_code == 403
    foreign = {**ASK, "Origin": "http://evil.example.com"}
    assert client.post("/api/mappings/shop/retry", json={}, headers=foreign).status_code == 403
    assert client.post("/api/mappings/nobody/retry", json={}, headers=ASK).status_code in (404, 503)
    assert store.take_requests("shop") == []
