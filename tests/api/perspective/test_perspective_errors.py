"""What the Perspective API refuses, in the words and shapes that its clients know."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
import structlog
from api_support import Desk
from perspective_support import ANALYZE, SUGGEST, Host, WordScorer, error_of, host, kind_of

from service.api.perspective import errors

GOOD = {"comment": {"text": "You idiot."}, "requestedAttributes": {"TOXICITY": {}}, "languages": ["en"]}


@pytest.fixture
def words(desk: Desk) -> Host:
    return host(desk, WordScorer())


@pytest.mark.parametrize("path", [ANALYZE, SUGGEST])
def test_without_a_key_nothing_is_looked_at(words: Host, path: str) -> None:
    error = error_of(words.post(b"{", path, key=""), 403, "PERMISSION_DENIED")
    assert error["details"][0]["reason"] == "API_KEY_MISSING"


@pytest.mark.parametrize("key", ["wrong", "tenthp_" + "x" * 43, "k" * 5_000, "é\0", "' OR 1=1 --"])
def test_a_key_that_is_none_is_refused(words: Host, key: str) -> None:
    error = error_of(words.post(GOOD, key=key), 400, "INVALID_ARGUMENT")
    assert error["message"] == "API key not valid. Please pass a valid API key."
    assert error["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"comment": NaN}', b"null", b"1e999"]
)
def test_what_is_not_a_json_object_is_refused(words: Host, raw: bytes) -> None:
    error = error_of(words.post(raw), 400, "INVALID_ARGUMENT")
    assert error["message"].startswith("Invalid JSON payload received.")


@pytest.mark.parametrize("comment", [{}, {"text": ""}, {"text": " \n "}, None, {"text": "<p> </p>", "type": "HTML"}])
def test_an_empty_comment_is_refused(words: Host, comment: Any) -> None:
    error = error_of(words.post(GOOD | {"comment": comment}), 400, "INVALID_ARGUMENT")
    assert error["message"] == "Comment must be non-empty."
    assert kind_of(error) == "COMMENT_EMPTY"


@pytest.mark.parametrize(("text", "refused"), [("x" * 20_480, False), ("x" * 20_481, True), ("é" * 10_241, True)])
def test_a_comment_may_have_20480_bytes(words: Host, text: str, refused: bool) -> None:
    answer = words.post(GOOD | {"comment": {"text": text}})
    if not refused:
        assert answer.status_code == 200
        return
    error = error_of(answer, 400, "INVALID_ARGUMENT")
    assert error["message"].startswith("Comment text too long.")
    assert kind_of(error) == "COMMENT_TOO_LONG"


@pytest.mark.parametrize(
    "name", ["", "toxicity", "SPAM", "FLIRTATION", "TOXICITY_EXPERIMENTAL_EXPERIMENTAL", "x" * 500]
)
def test_an_attribute_that_nobody_scores_is_refused(words: Host, name: str) -> None:
    error = error_of(words.post(GOOD | {"requestedAttributes": {"TOXICITY": {}, name: {}}}), 400, "INVALID_ARGUMENT")
    assert error["message"].startswith(f"Unknown requested attribute: {name[:80]}")
    assert kind_of(error) == "UNKNOWN_ATTRIBUTE"


def test_an_attribute_that_the_scorer_does_not_judge_gets_no_made_up_number(desk: Desk) -> None:
    class ToxicityOnly(WordScorer):
        def score(self, texts: Any) -> Any:
            return [replace(score, classes={}) for score in super().score(texts)]

    alone = host(desk, ToxicityOnly())
    error = error_of(alone.ask("You idiot", "TOXICITY", "INSULT"), 400, "INVALID_ARGUMENT")
    assert "INSULT" in error["message"]
    assert "does not judge" in error["message"]
    kept = alone.ask("You idiot", "TOXICITY", "INSULT", dropUnsupportedAttributes=True).get_json()
    assert list(kept["attributeScores"]) == ["TOXICITY"]


@pytest.mark.parametrize("path", [ANALYZE, SUGGEST])
def test_attributes_are_needed(words: Host, path: str) -> None:
    error = error_of(words.post({"comment": {"text": "hello"}}, path), 400, "INVALID_ARGUMENT")
    name = "requested_attributes" if path == ANALYZE else "attribute_scores"
    assert error["message"] == f"Missing {name}"
    assert error["details"][0]["fieldViolations"][0]["field"] == name


@pytest.mark.parametrize("languages", [["de"], ["en", "de"], ["zh-Hant"], ["xx-unknown"]])
def test_a_language_that_nobody_reads_is_refused_with_the_attribute(words: Host, languages: list[str]) -> None:
    error = error_of(words.post(GOOD | {"languages": languages}), 400, "INVALID_ARGUMENT")
    wanted = f"Attribute TOXICITY does not support request languages: {', '.join(languages)}"
    assert error["message"] == wanted
    assert kind_of(error) == "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"
    told = error["details"][0]["languageNotSupportedByAttributeError"]
    assert told == {"requestedLanguages": languages, "attribute": "TOXICITY"}


def test_a_language_that_was_found_is_refused_likewise(words: Host) -> None:
    error = error_of(words.ask("これは日本語です。"), 400, "INVALID_ARGUMENT")
    told = error["details"][0]["languageNotSupportedByAttributeError"]
    assert told == {"detectedLanguages": ["und"], "attribute": "TOXICITY"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"requestedAttribute": {}}, "requestedAttribute"),
        ({"comment": "You idiot"}, "comment"),
        ({"comment": {"text": 5}}, "comment.text"),
        ({"comment": {"text": "x", "type": "MARKDOWN"}}, "comment.type"),
        ({"comment": {"text": "x", "lang": "en"}}, "comment.lang"),
        ({"languages": "en"}, "languages"),
        ({"languages": [1]}, "languages"),
        ({"doNotStore": "yes"}, "doNotStore"),
        ({"spanAnnotations": 1}, "spanAnnotations"),
        ({"clientToken": 7}, "clientToken"),
        ({"sessionId": 7}, "sessionId"),
        ({"communityId": []}, "communityId"),
        ({"context": []}, None),
        ({"context": "above"}, "context"),
        ({"context": {"entries": [{}], "articleAndParentComment": {"article": {}}}}, "context"),
        ({"requestedAttributes": ["TOXICITY"]}, "requestedAttributes"),
        ({"requestedAttributes": {"TOXICITY": 1}}, "requestedAttributes.TOXICITY"),
        (
            {"requestedAttributes": {"TOXICITY": {"scoreThreshold": "0.5"}}},
            "requestedAttributes.TOXICITY.scoreThreshold",
        ),
        ({"requestedAttributes": {"TOXICITY": {"threshold": 0.5}}}, "requestedAttributes.TOXICITY.threshold"),
    ],
)
def test_a_field_that_is_wrong_is_named(words: Host, change: dict[str, Any], field: str | None) -> None:
    answer = words.post(GOOD | change)
    if field is None:
        assert answer.status_code == 200
        return
    error = error_of(answer, 400, "INVALID_ARGUMENT")
    assert error["details"][0]["fieldViolations"][0]["field"] == field


@pytest.mark.parametrize("kind", ["RAW", "PERCENTILE", "STD_DEV_SCORE", "anything"])
def test_only_probabilities_are_given(words: Host, kind: str) -> None:
    answer = words.post(GOOD | {"requestedAttributes": {"TOXICITY": {"scoreType": kind}}})
    error = error_of(answer, 400, "INVALID_ARGUMENT")
    assert error["message"] == f"Requested score type {kind} is not supported by attribute TOXICITY"


@pytest.mark.parametrize(
    "scores",
    [
        {"SPAM": {"summaryScore": {"value": 1}}},
        {"TOXICITY": {}},
        {"TOXICITY": {"summaryScore": {"value": 7}}},
        {"TOXICITY": {"summaryScore": {"value": "1"}}},
        {"TOXICITY": {"spanScores": []}},
        {"TOXICITY": "bad"},
    ],
)
def test_a_suggestion_that_says_nothing_is_refused(words: Host, scores: Any) -> None:
    error_of(words.post({"comment": {"text": "hello"}, "attributeScores": scores}, SUGGEST), 400, "INVALID_ARGUMENT")


def test_too_large_a_request_and_unknown_methods_are_refused_in_the_same_shape(make: Callable[..., Desk]) -> None:
    small = make(max_body_bytes=2_000)
    client = small.client
    key = host(small).key
    body = json.dumps(GOOD | {"context": {"entries": [{"text": "x" * 3_000}]}})
    error_of(client.post(f"{ANALYZE}?key={key}", data=body), 413, "INVALID_ARGUMENT")
    error_of(client.get(ANALYZE), 404, "NOT_FOUND")
    error_of(client.post("/v1alpha1/comments:delete"), 404, "NOT_FOUND")
    error_of(client.get("/$discovery/rest?version=v2"), 404, "NOT_FOUND")


def test_a_failure_inside_says_nothing_of_the_comment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(WordScorer):
        def score(self, texts: Any) -> Any:
            if any("secret words" in text.text for text in texts):
                raise ValueError(texts[0].text)
            return super().score(texts)

    written = StringIO()
    monkeypatch.setattr(errors, "log", structlog.wrap_logger(structlog.PrintLogger(written)))
    answer = host(desk, Broken()).ask("these are secret words")
    error_of(answer, 500, "INTERNAL")
    assert "perspective.failed" in written.getvalue()
    assert "ValueError" in written.getvalue()
    assert "secret words" not in written.getvalue() + answer.text


def test_too_much_at_once_is_503_with_the_time_to_wait(words: Host) -> None:
    with words.app.test_request_context(ANALYZE):
        answer = errors.from_exception(errors.busy())
    assert answer.status_code == 503
    assert answer.get_json()["error"]["status"] == "UNAVAILABLE"
    assert answer.headers["Retry-After"] == "1"


def test_switched_off_the_paths_are_not_there(make: Callable[..., Desk]) -> None:
    off = make(perspective=False)
    for path in (ANALYZE, "/$discovery/rest"):
        assert off.client.get(path).status_code == 404
        assert "Access-Control-Allow-Origin" not in off.client.get(path).headers
