"""The HTTP API: what was observed, as JSON; and the one thing that may be asked for."""

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from migrator.store import Document, Store
from web.guard import may_change

blueprint = Blueprint("api", __name__)


def current_store() -> Store:
    """The store of the application that serves this request."""
    store = current_app.extensions["store"]
    assert isinstance(store, Store)
    return store


def failed(status: int, error: str, **more: object) -> ResponseReturnValue:
    """An answer that says what is wrong."""
    return jsonify({"error": error, **more}), status


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """This process is alive."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Redis answers, so the pages have something to show."""
    current_store().ping()
    return jsonify({"status": "ok"})


@blueprint.get("/api/mappings")
def mappings() -> ResponseReturnValue:
    """All summaries."""
    store = current_store()
    found = (store.summary(name) for name in store.mapping_names())
    return jsonify({"mappings": [summary for summary in found if summary is not None]})


@blueprint.get("/api/mappings/<name>")
def mapping(name: str) -> ResponseReturnValue:
    """One summary."""
    summary = current_store().summary(name)
    return jsonify(summary) if summary is not None else missing(name)


@blueprint.get("/api/mappings/<name>/whole")
def whole(name: str) -> ResponseReturnValue:
    """One summary with nothing left out: every finding, database, group and step of the cutover."""
    summary = current_store().whole_summary(name)
    return jsonify(summary) if summary is not None else missing(name)


@blueprint.get("/api/mappings/<name>/relations")
def relations(name: str) -> ResponseReturnValue:
    """The relations of all databases of a mapping."""
    store = current_store()
    summary = store.whole_summary(name)
    if summary is None:
        return missing(name)
    return jsonify({"databases": {database: store.relations(name, database) for database in databases(summary)}})


@blueprint.post("/api/mappings/<name>/complete")
def complete(name: str) -> ResponseReturnValue:
    """Ask for completion. The worker judges again, live; what is plainly unsafe is refused here."""
    if not may_change(request):
        return failed(
            403, "Send JSON from this dashboard's own page, or with the header X-Requested-With: pg-migrator."
        )
    summary = current_store().summary(name)
    if summary is None:
        return missing(name)
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or body.get("name") != name:
        return failed(400, f"Type the mapping's name, {name}, to confirm.")
    reasons = reasons_against(summary)
    if reasons:
        return failed(409, "Completion is not safe now.", reasons=reasons)
    shown = summary.get("barrier")  # safe under this one: by the time the request is served another may have been taken
    lsn = shown.get("lsn") if isinstance(shown, dict) else None
    current_store().push_request(name, {"kind": "complete", "barrier": lsn})
    return jsonify({"queued": True}), 202


@blueprint.post("/api/mappings/<name>/retry")
def retry(name: str) -> ResponseReturnValue:
    """Ask that everything that failed is tried again at once. Nothing can be lost by it, so nothing is confirmed."""
    if not may_change(request):
        return failed(
            403, "Send JSON from this dashboard's own page, or with the header X-Requested-With: pg-migrator."
        )
    if current_store().summary(name) is None:
        return missing(name)
    current_store().push_request(name, {"kind": "retry"})
    return jsonify({"queued": True}), 202


def missing(name: str) -> ResponseReturnValue:
    """404 for a mapping nobody configured; 503 for one that was not observed yet."""
    public = current_store().public()
    configured = (public or {}).get("mappings")
    names = [item.get("name") for item in configured if isinstance(item, dict)] if isinstance(configured, list) else []
    if public is None or name in names:
        return failed(503, f"Mapping {name} was not observed yet. Check that beat and a worker run.")
    return failed(404, f"No mapping {name}.")


def databases(summary: Document) -> list[str]:
    """The names of a summary's databases."""
    found = summary.get("databases")
    return [str(database["name"]) for database in found] if isinstance(found, list) else []


def reasons_against(summary: Document) -> list[str]:
    """Why completion would be unsafe; a summary that does not say so plainly is not safe either."""
    completion = summary.get("completion")
    if not isinstance(completion, dict):
        return ["Whether it is safe was not observed yet."]
    if completion.get("safe") is True:
        return []
    return [str(reason) for reason in completion.get("reasons") or ()] or [
        "The last observation does not call it safe."
    ]
