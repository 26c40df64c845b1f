"""comments:analyze, comments:suggestscore and the discovery document."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import Blueprint, Response, request

from moderation.scoring.contract import Score, Text
from service.api.perspective import discovery, errors, languages, shapes, spans
from service.api.perspective.batching import Batcher, Busy
from service.api.perspective.counters import Counters
from service.api.perspective.keeper import Keeper
from service.api.perspective.keys import KeyRing, key_of
from service.api.perspective.shapes import Analyze, Comment
from service.api.perspective.spans import Readable, Span

Body = dict[str, Any]


class Analyzer:
    """Answers the two methods."""

    def __init__(self, ring: KeyRing, batcher: Batcher, keeper: Keeper, counters: Counters) -> None:
        self._ring, self._batcher, self._keeper, self._counters = ring, batcher, keeper, counters

    def analyze(self, given_key: str, raw: bytes) -> Body:
        """Raises GoogleError."""
        self._ring.admit(given_key)
        asked = shapes.read_analyze(shapes.read_json(raw))
        said = asked.comment.languages
        if not languages.all_read(said) and not asked.drop:
            raise errors.unsupported_language(asked.wanted[0].name, said, ())
        readable = _readable(asked.comment)
        first, spoken = self._spoken(asked, readable)
        read = languages.all_read(said) if said else languages.found_read(first.language, readable.text)
        if not read and not asked.drop:
            raise errors.unsupported_language(asked.wanted[0].name, (), (first.language,))
        return _answer(asked, first, dict(self._attributes(asked, first, spoken)) if read else {})

    def suggest(self, given_key: str, raw: bytes) -> Body:
        """Raises GoogleError."""
        self._ring.admit(given_key)
        asked = shapes.read_suggest(shapes.read_json(raw))
        found = self._scores(asked.comment, [_readable(asked.comment).text])[0].language
        for name in asked.suggested:
            self._counters.attributes.labels(name, "suggested").inc()
        requested = {"requestedLanguages": list(asked.comment.languages)} if asked.comment.languages else {}
        return {"detectedLanguages": [found], **requested, **_token(asked.token)}

    def _spoken(self, asked: Analyze, readable: Readable) -> tuple[Score, list[tuple[Span, Score]]]:
        """The score of the whole comment, and those of its spans."""
        parts = spans.sentences(readable) if asked.spans else [spans.whole(readable)]
        several = [part.text for part in parts] if len(parts) > 1 else []
        first, *rest = self._scores(asked.comment, [readable.text, *several])
        return first, list(zip(parts, rest or [first], strict=True))

    def _scores(self, comment: Comment, texts: Sequence[str]) -> list[Score]:
        try:
            return self._batcher.score([Text(text, comment.language) for text in texts])
        except Busy:
            raise errors.busy() from None

    def _attributes(
        self, asked: Analyze, score: Score, parts: Sequence[tuple[Span, Score]]
    ) -> Iterator[tuple[str, Body]]:
        scale = self._keeper.scale
        for wanted in asked.wanted:
            value = scale.value(score, wanted.attribute)
            if value is None and not asked.drop:
                raise errors.unknown_attribute(wanted.name, "this server's scorer does not judge it")
            outcome = "dropped" if value is None else "scored" if value >= wanted.threshold else "below"
            self._counters.attributes.labels(wanted.name, outcome).inc()
            if value is not None and outcome == "scored":
                spoken = [_span(span, scale.value(one, wanted.attribute)) for span, one in parts]
                yield wanted.name, {"spanScores": spoken, "summaryScore": _score(value)}


def make_blueprint(analyzer: Analyzer, counters: Counters, public_url: str) -> Blueprint:
    """The routes."""
    blueprint = Blueprint("perspective", __name__)

    @blueprint.post("/v1alpha1/comments:analyze")
    def analyze() -> Response:
        return _counted(counters, "analyze", analyzer.analyze)

    @blueprint.post("/v1alpha1/comments:suggestscore")
    def suggestscore() -> Response:
        return _counted(counters, "suggestscore", analyzer.suggest)

    @blueprint.get("/$discovery/rest")
    @blueprint.get(f"/discovery/v1/apis/{discovery.NAME}/{discovery.VERSION}/rest")
    def describe() -> Response:
        if request.args.get("version", discovery.VERSION) != discovery.VERSION:
            raise errors.GoogleError(404, f"This server has the version {discovery.VERSION} only.", kind="not_found")
        return _json(discovery.document((public_url or request.host_url).rstrip("/") + "/"))

    return blueprint


def _counted(counters: Counters, method: str, answer: Callable[[str, bytes], Body]) -> Response:
    started, outcome = time.perf_counter(), "failed"
    try:
        body = answer(key_of(request), request.get_data(cache=False, parse_form_data=False))
        outcome = "ok"
        return _json(body)
    except errors.GoogleError as error:
        outcome = error.kind
        raise
    finally:
        counters.requests.labels(method, outcome).inc()
        counters.seconds.labels(method).observe(time.perf_counter() - started)


def _answer(asked: Analyze, score: Score, scores: Body) -> Body:
    return {
        **({"attributeScores": scores} if scores else {}),
        "languages": list(asked.comment.languages) or [score.language],
        "detectedLanguages": [score.language],
        **_token(asked.token),
    }


def _readable(comment: Comment) -> Readable:
    readable = spans.without_markup(comment.text) if comment.html else spans.plain(comment.text)
    if not readable.text.strip():
        raise errors.empty_comment()
    return readable


def _span(span: Span, value: float | None) -> Body:
    return {"begin": span.begin, "end": span.end, "score": _score(value or 0.0)}


def _score(value: float) -> Body:
    return {"value": round(value, 7), "type": "PROBABILITY"}


def _token(token: str) -> Body:
    return {"clientToken": token} if token else {}


def _json(body: Body) -> Response:
    return Response(json.dumps(body), content_type="application/json; charset=UTF-8")
