"""What programs talk to: webhooks, probes, figures, and the versioned API."""

from __future__ import annotations

from apiflask import APIFlask

from service.api import acts, appeals, gate, helped, ops, perspective, replies, reports, spec, v1, webhooks
from service.api.metrics import Metrics
from service.config import Settings
from service.deps import Deps
from service.usecases.health import figures
from service.usecases.receive import Receiver


def install(app: APIFlask, settings: Settings) -> None:
    """Mounts everything on `app`, before the pages: the hook in `gate` must be the first."""
    deps = app.extensions["tenth"]
    assert isinstance(deps, Deps)
    metrics = Metrics(lambda: figures(deps))
    app.before_request(metrics.start)
    gate.install(app)
    app.after_request(metrics.finish)
    spec.install(app)
    app.register_blueprint(webhooks.make_blueprint(Receiver(deps), metrics))
    app.register_blueprint(ops.make_blueprint(lambda: figures(deps), metrics, settings.metrics_token))
    app.register_blueprint(v1.api)
    app.register_blueprint(helped.helped_api)
    app.register_blueprint(replies.replies_api)
    app.register_blueprint(reports.reports_api)
    app.register_blueprint(appeals.appeals_api)
    app.register_blueprint(acts.acts_api)
    if settings.perspective:
        perspective.install(app, deps, metrics)
