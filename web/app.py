"""The Flask application, put together."""

from collections.abc import Iterable

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue

from migrator.errors import StoreUnavailableError
from migrator.store import Store
from web import api, live, pages
from web.guard import Guard

MOST_BROWSERS = 80


def create_app(
    store: Store,
    refresh_seconds: float | None = None,
    allowed_hosts: Iterable[str] = (),
    most_browsers: int = MOST_BROWSERS,
) -> Flask:
    """The dashboard on that store. `refresh_seconds` None: as the published configuration says.

    `allowed_hosts`: names with a dot that we are reached by; addresses and localhost always do.
    """
    application = Flask(__name__)
    application.json.sort_keys = False  # type: ignore[attr-defined]
    application.extensions["store"] = store
    application.register_blueprint(api.blueprint)
    application.register_blueprint(pages.blueprint)
    application.register_error_handler(StoreUnavailableError, _unavailable)
    live.attach(application, store, refresh_seconds, most_browsers)
    application.wsgi_app = Guard(application.wsgi_app, allowed_hosts)  # type: ignore[method-assign]
    return application


def _unavailable(error: StoreUnavailableError) -> ResponseReturnValue:
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return render_template("unavailable.html", error=error, state={}), 503
    return api.failed(503, str(error))
