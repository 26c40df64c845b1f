"""The Perspective API, self-hosted: its two methods, its discovery document, its errors.

Nothing of a request is stored or logged. Keys, not cookies, say who calls; so browsers of any origin may call, too.
"""

from __future__ import annotations

from flask import Flask, Response, request

from service.api import gate
from service.api.metrics import Metrics
from service.api.perspective import errors
from service.api.perspective.batching import Batcher
from service.api.perspective.counters import Counters
from service.api.perspective.discovery import NAME
from service.api.perspective.keeper import Keeper
from service.api.perspective.keys import KeyRing
from service.api.perspective.views import Analyzer, make_blueprint
from service.deps import Deps

PATHS = ("/v1alpha1", "/$discovery", f"/discovery/v1/apis/{NAME}")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Expose-Headers": "Retry-After",
    "Access-Control-Max-Age": "3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "no-store",
}


def install(app: Flask, deps: Deps, metrics: Metrics) -> None:
    """Mounts it, before the pages."""
    ring, counters = KeyRing(deps), Counters(metrics.registry)
    keeper = Keeper(deps, ring)
    batcher = Batcher(deps.scorer.score, counters.batch)
    gate.install(app, PATHS, errors.from_exception)
    app.after_request(_open_to_browsers)
    analyzer = Analyzer(ring, batcher, keeper, counters)
    app.register_blueprint(make_blueprint(analyzer, counters, deps.settings.public_url))
    app.extensions["tenth.perspective"] = keeper


def _open_to_browsers(response: Response) -> Response:
    if gate.is_under(request.path, PATHS):
        response.headers.update(_CORS)
    return response
