"""The application factory."""

from __future__ import annotations

from apiflask import APIFlask
from flask import Flask

from service.bootstrap import wire
from service.config import Settings, load_settings


def create_app(settings: Settings | None = None, *, web: bool = True) -> Flask:
    """The service; with `web=False` only what jobs and commands need."""
    settings = settings or load_settings()
    if not web:
        app = Flask("service")
        wire(app, settings)
        return app
    return _web_app(settings)


def _web_app(settings: Settings) -> Flask:
    from service import api, web  # pages and API are not loaded for a command or a worker

    app = APIFlask("service", title="Tenth", version="1", docs_path=None, spec_path="/api/v1/openapi.json")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    wire(app, settings)
    api.install(app, settings)
    web.install(app, settings)
    return app
