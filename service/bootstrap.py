"""The one place that wires: settings, storage, vault, scorer, connectors, doorbell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from flask import Flask
from flask_migrate import Migrate

from moderation.scoring.contract import Score, Scorer, Text
from plugins import registry as connectors
from plugins.contract import Io
from service.bell import make_bell
from service.config import MIGRATIONS, Settings
from service.db import tables as _tables  # noqa: F401  (the schema must be whole)
from service.db.base import db
from service.db.engine import Store, engine_options, prepare
from service.db.pacing import DbPacer
from service.deps import Deps, utc_now
from service.scorers import build_scorer
from service.vault import Vault


def wire(app: Flask, settings: Settings) -> Deps:
    """Builds everything a service needs onto `app`. Raises TenthError subclasses saying what to mend."""
    url = settings.database
    if url.startswith("sqlite:////"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    app.config.update(
        SECRET_KEY=settings.secrets[0],
        SECRET_KEY_FALLBACKS=list(settings.secrets[1:]),
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(url),
    )
    db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS), compare_type=True, render_as_batch=True)
    with app.app_context():
        engine = db.engine
    prepare(engine)
    store = Store(engine)
    deps = Deps(
        settings=settings,
        store=store,
        vault=Vault(settings.secrets),
        scorer=LazyScorer(lambda: build_scorer(settings)),
        connectors=connectors.load(),
        io_for=lambda site: Io(settings.private_hosts, DbPacer(store, site, utc_now), utc_now),
        ring=make_bell(settings.redis_url),
    )
    app.extensions["tenth"] = deps
    return deps


class LazyScorer:
    """Builds the real scorer at first use: a command that scores nothing need not wait for a model."""

    def __init__(self, factory: Callable[[], Scorer]) -> None:
        self._factory = factory
        self._scorer: Scorer | None = None

    @property
    def real(self) -> Scorer:
        if self._scorer is None:
            self._scorer = self._factory()
        return self._scorer

    @property
    def name(self) -> str:
        return self.real.name

    @property
    def version(self) -> str:
        return self.real.version

    def score(self, texts: Sequence[Text]) -> list[Score]:
        return self.real.score(texts)
