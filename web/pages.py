"""The pages: the first paint comes from here, complete and readable without JavaScript; the rest draws itself live."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from migrator.store import Document, Store
from web import formats
from web.ages import Ages
from web.api import current_store
from web.summaries import by_urgency, counts_by_status, overview_row, refresh_seconds, relation_counts, stale_seconds

blueprint = Blueprint("pages", __name__)


@blueprint.app_context_processor
def words() -> dict[str, object]:
    """How numbers are written, for the templates."""
    return {"format": formats}


@blueprint.get("/")
def overview() -> ResponseReturnValue:
    """All mappings."""
    store = current_store()
    found = (store.summary(name) for name in store.mapping_names())
    rows = sorted((overview_row(summary) for summary in found if summary is not None), key=by_urgency)
    ages = _ages(rows)
    state = _state(store, mappings=rows, ages=ages)
    return render_template("overview.html", rows=rows, counts=counts_by_status(rows), state=state, ages=ages)


@blueprint.get("/mappings/<name>")
def mapping(name: str) -> ResponseReturnValue:
    """One mapping. Known by its configuration, the page stands before anything was observed, and fills."""
    store = current_store()
    summary = store.summary(name)
    if summary is None and name not in _configured(store):
        return render_template("missing.html", name=name, state=_state(store)), 404
    ages = _ages([] if summary is None else [summary])
    return render_template(
        "mapping.html",
        name=name,
        summary=summary,
        counts=relation_counts(summary or {}),
        state=_state(store, name=name, summary=summary, ages=ages),
        ages=ages,
    )


@blueprint.get("/config")
def config() -> ResponseReturnValue:
    """The configuration, as reconcile published it: without secrets."""
    store = current_store()
    return render_template("config.html", public=store.public(), state=_state(store))


def _state(store: Store, **more: object) -> Document:
    public = store.public() or {}
    refresh = refresh_seconds(public)
    return {
        "flower_url": public.get("flower_url"),
        "replication": public.get("replication"),
        "refresh_seconds": refresh,
        "stale_seconds": stale_seconds(public, refresh),
        **more,
    }


def _ages(rows: list[Document]) -> dict[str, float]:
    ages = Ages()
    for row in rows:
        ages.note(str(row["name"]), row.get("observed_at"))
    return ages.all()


def _configured(store: Store) -> list[str]:
    mappings = (store.public() or {}).get("mappings")
    return [str(item.get("name")) for item in mappings] if isinstance(mappings, list) else []
