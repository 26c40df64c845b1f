"""An app with the Perspective API and a scorer of our choice, its keys, and requests to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from api_support import Desk
from flask import Flask

from moderation.scoring.contract import CLASSES, Score, Scorer, Text
from service.api import perspective
from service.api.metrics import Metrics
from service.api.perspective.keeper import Keeper
from service.deps import Deps
from service.usecases.health import figures
from service.usecases.perspective import create_key

ANALYZE = "/v1alpha1/comments:analyze"
SUGGEST = "/v1alpha1/comments:suggestscore"
HOSTILE = {
    "insult": ("idiot", "moron", "connard", "crétin", "imbécile", "loser", "fool"),
    "threat": ("kill", "break your legs", "hurt you", "tuer", "casser", "faire du mal"),
    "profanity": ("fuck", "merde", "putain", "foutre"),
    "identity_attack": ("muslim", "gay", "jew", "black people", "homosexuel", "juif", "arabe"),
    "severe": ("piece of shit", "die", "kill yourself", "crev", "crève"),
}


class WordScorer:
    """A small scorer that judges every class: a chance rises with each telling word, from `least` to `most`."""

    name = "words"
    version = "1"

    def __init__(self, least: float = 0.02, most: float = 0.95) -> None:
        self._least, self._most = least, most
        self.batches: list[int] = []

    def score(self, texts: Sequence[Text]) -> list[Score]:
        self.batches.append(len(texts))
        return [self._one(text) for text in texts]

    def _one(self, text: Text) -> Score:
        said = text.text.lower()
        classes = {c: self._most if any(w in said for w in HOSTILE[c]) else self._least for c in CLASSES}
        language = "fr" if any(w in said for w in ("merci", "tu ", " le ", "je ")) else "en"
        known = any(c.isascii() and c.isalpha() for c in said)
        return Score(
            toxicity=max(classes.values()),
            urgency=0.1,
            sentiment=0.0,
            language=language if known else (text.language or "und"),
            reasons=(),
            scorer="words@1",
            classes=classes,
        )


@dataclass(frozen=True)
class Host:
    """One app with the API, and a key for it."""

    app: Flask
    deps: Deps
    key: str

    @property
    def keeper(self) -> Keeper:
        keeper = self.app.extensions["tenth.perspective"]
        assert isinstance(keeper, Keeper)
        return keeper

    def post(self, body: Any, path: str = ANALYZE, key: str | None = None, **more: Any) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        query = {"key": self.key if key is None else key}
        return self.app.test_client().post(path, data=data, query_string=query, **more)

    def ask(self, text: str, *attributes: str, **more: Any) -> Any:
        wanted: dict[str, Any] = {name: {} for name in attributes or ("TOXICITY",)}
        return self.post({"comment": {"text": text}, "requestedAttributes": wanted, **more})

    def figures(self) -> str:
        return self.app.extensions["metrics"].text().decode()


def host(desk: Desk, scorer: Scorer | None = None, **limits: int | None) -> Host:
    """An app of its own on the desk's database, with the scorer in place of the desk's."""
    deps = replace(desk.deps, scorer=scorer) if scorer is not None else desk.deps
    app = Flask("perspective")
    metrics = Metrics(lambda: figures(deps))
    perspective.install(app, deps, metrics)
    app.extensions["metrics"] = metrics
    name = f"forum {len(limits)} {id(app)}"
    return Host(app, deps, create_key(deps, name, limits.get("per_second"), limits.get("per_day")))


def error_of(answer: Any, code: int, status: str) -> dict[str, Any]:
    """It is an error as Google's clients read it."""
    assert answer.status_code == code, answer.text
    assert answer.content_type == "application/json; charset=UTF-8"
    error = answer.get_json()["error"]
    assert error["code"] == code
    assert error["status"] == status
    assert error["errors"][0]["message"] == error["message"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return dict(error)


def kind_of(error: dict[str, Any]) -> str:
    """The errorType of the API's own detail."""
    (detail,) = error["details"]
    assert detail["@type"] == "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
    return str(detail["errorType"])
