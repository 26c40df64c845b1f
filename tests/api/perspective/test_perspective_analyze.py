"""What the Perspective API answers: fields, thresholds, spans, languages; and what it never does with a comment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from api_support import Desk
from hypothesis import given
from hypothesis import strategies as st
from perspective_support import ANALYZE, SUGGEST, Host, WordScorer, host
from sqlalchemy import inspect, text

from moderation.scoring.contract import Score, Scorer, Text
from moderation.scoring.registry import build
from service.api.perspective import spans
from service.usecases.perspective_scale import FIGURES, SAME, Scale, shipped_scale

TWO = "What kind of idiot name is foo? Sorry, I like your name."


@pytest.fixture
def words(desk: Desk) -> Host:
    return host(desk, WordScorer())


@cache
def embedded() -> tuple[Scorer, Scale]:
    scorer = build("embedded")
    return scorer, shipped_scale(scorer)


def test_a_threshold_that_no_attribute_reaches_leaves_the_scores_out(words: Host) -> None:
    asked = {"TOXICITY": {"scoreThreshold": 0.99}, "INSULT": {"scoreThreshold": 0.5}}
    hostile = words.post({"comment": {"text": "You idiot."}, "requestedAttributes": asked}).get_json()
    assert list(hostile["attributeScores"]) == ["INSULT"]
    calm = words.post({"comment": {"text": "Hello there."}, "requestedAttributes": asked}).get_json()
    assert calm == {"languages": ["en"], "detectedLanguages": ["en"]}


def test_every_attribute_and_its_experimental_twin_has_one_score(words: Host) -> None:
    names = [*FIGURES, *(f"{name}_EXPERIMENTAL" for name in FIGURES)]
    scores = words.ask("I will kill you, you idiot.", *names).get_json()["attributeScores"]
    assert list(scores) == names
    for name in FIGURES:
        assert scores[name] == scores[f"{name}_EXPERIMENTAL"]
        assert scores[name]["summaryScore"]["type"] == "PROBABILITY"
    high = {name for name in FIGURES if scores[name]["summaryScore"]["value"] > 0.8}
    assert high == {"TOXICITY", "INSULT", "THREAT"}


def test_the_answer_has_the_fields_of_perspectives(words: Host) -> None:
    answer = words.ask(
        TWO, languages=["en-GB"], clientToken="c 1", sessionId="s", communityId="/forum", doNotStore=True
    )
    found = answer.get_json()
    (span,) = found["attributeScores"]["TOXICITY"]["spanScores"]
    assert span == {"begin": 0, "end": 56, "score": found["attributeScores"]["TOXICITY"]["summaryScore"]}
    assert found["languages"] == ["en-GB"]
    assert found["detectedLanguages"] == ["en"]
    assert found["clientToken"] == "c 1"


def test_spans_are_sentences_with_scores_of_their_own(words: Host) -> None:
    found = words.ask(TWO, spanAnnotations=True).get_json()["attributeScores"]["TOXICITY"]
    first, second = found["spanScores"]
    assert (first["begin"], first["end"]) == (0, 31)
    assert (second["begin"], second["end"]) == (32, 56)
    assert first["score"]["value"] > 0.8 > 0.2 > second["score"]["value"]
    assert found["summaryScore"]["value"] > 0.8


def test_spans_count_utf16_units(words: Host) -> None:
    found = words.ask("😀 Hi. You idiot.", spanAnnotations=True).get_json()
    spoken = found["attributeScores"]["TOXICITY"]["spanScores"]
    assert [(one["begin"], one["end"]) for one in spoken] == [(0, 6), (7, 17)]


def test_html_is_read_without_its_tags_and_spans_point_into_it(words: Host) -> None:
    sent = "<p>Tom &amp; I say <b>hi</b>.</p><script>you idiot</script><p>You i<i>di</i>ot &lt;3</p>"
    comment = {
        "comment": {"text": sent, "type": "HTML"},
        "requestedAttributes": {"INSULT": {}},
        "spanAnnotations": True,
    }
    first, second = words.post(comment).get_json()["attributeScores"]["INSULT"]["spanScores"]
    assert sent[first["begin"] : first["end"]] == "Tom &amp; I say <b>hi</b>."
    assert sent[second["begin"] : second["end"]] == "You i<i>di</i>ot &lt;3"
    assert second["score"]["value"] > 0.8 > first["score"]["value"]
    plain = words.post(comment | {"comment": {"text": "You i<i>di</i>ot"}}).get_json()
    assert plain["attributeScores"]["INSULT"]["summaryScore"]["value"] < 0.2


def test_names_may_be_written_as_the_protocol_writes_them(words: Host) -> None:
    body = {"comment": {"text": "You idiot."}, "requested_attributes": {"TOXICITY": {"score_threshold": 0.1}}}
    found = words.post(body | {"do_not_store": True, "client_token": "t", "span_annotations": False}).get_json()
    assert found["clientToken"] == "t"
    assert "TOXICITY" in found["attributeScores"]


def test_the_language_is_found_when_none_is_said(words: Host) -> None:
    assert words.ask("Merci, je vous souhaite une bonne journée.").get_json()["languages"] == ["fr"]


def test_what_is_not_supported_is_dropped_when_asked_for(words: Host) -> None:
    found = words.ask("これは日本語です。", dropUnsupportedAttributes=True).get_json()
    assert found == {"languages": ["und"], "detectedLanguages": ["und"]}


def test_a_text_too_short_to_be_of_a_language_is_scored_all_the_same(desk: Desk) -> None:
    class Unsure(WordScorer):
        def score(self, texts: Sequence[Text]) -> list[Score]:
            return [replace(score, language="und") for score in super().score(texts)]

    unsure = host(desk, Unsure())
    found = unsure.ask("stfu idiot").get_json()
    assert found["attributeScores"]["TOXICITY"]["summaryScore"]["value"] > 0.8
    assert found["languages"] == found["detectedLanguages"] == ["und"]
    for refused in ("これは何", "Ты идиот", "Das hier ist ein langer Satz, du Idiot"):
        assert unsure.ask(refused).status_code == 400


def test_the_key_may_come_in_a_header(words: Host) -> None:
    body = json.dumps({"comment": {"text": "hello"}, "requestedAttributes": {"TOXICITY": {}}})
    client = words.app.test_client()
    assert client.post(ANALYZE, data=body, headers={"X-Goog-Api-Key": words.key}).status_code == 200


def test_a_suggestion_is_answered_as_coral_sends_it(words: Host) -> None:
    body = {
        "comment": {"text": "I guess it comes down to a simple choice."},
        "context": {"entries": [{"text": '{"url": "https://example.org/1"}'}]},
        "attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}},
        "languages": ["en"],
        "communityId": "Coral:https://example.org",
        "clientToken": "comment:7",
    }
    found = words.post(body, SUGGEST).get_json()
    assert found == {"detectedLanguages": ["en"], "requestedLanguages": ["en"], "clientToken": "comment:7"}


def test_browsers_of_any_origin_may_call_and_no_cookie_is_set(make: Callable[..., Desk]) -> None:
    desk = make()
    asked = {"Origin": "https://forum.example.org", "Access-Control-Request-Method": "POST"}
    first = desk.client.options(ANALYZE, headers=asked)
    assert first.status_code == 200
    body = json.dumps({"comment": {"text": "Thanks!"}, "requestedAttributes": {"TOXICITY": {}}, "languages": ["en"]})
    headers = asked | {"Cookie": "tenth=forged", "Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    then = desk.client.post(f"{ANALYZE}?key={host(desk).key}", data=body, headers=headers)
    assert then.status_code == 200
    for answer in (first, then, desk.client.get("/$discovery/rest")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers


def test_a_comment_is_neither_stored_nor_logged(make: Callable[..., Desk], capfd: pytest.CaptureFixture[str]) -> None:
    desk = make(log_level="DEBUG")
    kept = host(desk, WordScorer())
    secret = "xyzzy-plugh is what I said"
    assert kept.ask(secret, clientToken="xyzzy-plugh", communityId="xyzzy-plugh").status_code == 200
    kept.keeper.look()
    assert "xyzzy" not in "".join(capfd.readouterr())
    assert "xyzzy" not in kept.figures()
    with desk.deps.store.read() as session:
        for table in inspect(desk.deps.store.engine).get_table_names():
            assert "xyzzy" not in str(session.execute(text(f'SELECT * FROM "{table}"')).all())


def test_metrics_tell_outcomes_and_batches(words: Host) -> None:
    words.ask("You idiot.", "TOXICITY", "INSULT")
    words.ask("")
    told = words.figures()
    assert 'tenth_perspective_requests_total{method="analyze",outcome="ok"} 1.0' in told
    assert 'tenth_perspective_requests_total{method="analyze",outcome="comment_empty"} 1.0' in told
    assert 'tenth_perspective_attributes_total{attribute="INSULT",outcome="scored"} 1.0' in told
    assert "tenth_perspective_batch_texts_count 1.0" in told


def test_the_discovery_document_tells_of_this_server(make: Callable[..., Desk]) -> None:
    desk = make(public_url="https://desk.example.org/")
    found = desk.client.get("/$discovery/rest?version=v1alpha1").get_json()
    assert found == desk.client.get("/discovery/v1/apis/commentanalyzer/v1alpha1/rest").get_json()
    assert found["rootUrl"] == "https://desk.example.org/"
    methods = found["resources"]["comments"]["methods"]
    assert {m["path"] for m in methods.values()} == {ANALYZE[1:], SUGGEST[1:]}
    named = set(_refs(found))
    assert named == set(found["schemas"])
    local = host(desk).app.test_client().get("/$discovery/rest").get_json()
    assert local["rootUrl"] == "https://desk.example.org/"


def _refs(node: Any) -> list[str]:
    if isinstance(node, dict):
        return ([node["$ref"]] if "$ref" in node else []) + [r for v in node.values() for r in _refs(v)]
    return [r for v in node for r in _refs(v)] if isinstance(node, list) else []


@pytest.mark.parametrize(
    ("said", "high"),
    [
        ("You are an idiot.", True),
        ("you are such a stupid moron", True),
        ("Tu es un connard.", True),
        ("Thanks!", False),
        ("Thank you very much for your help.", False),
        ("Merci beaucoup pour votre aide !", False),
    ],
)
def test_a_plain_insult_is_high_and_plain_thanks_are_low(said: str, high: bool) -> None:
    scorer, scale = embedded()
    value = scale.value(scorer.score([Text(said)])[0], "TOXICITY")
    assert value is not None
    assert value > 0.8 if high else value < 0.2


@given(st.text(max_size=300), st.booleans())
def test_any_text_has_scores_in_range_and_spans_that_cover_it(said: str, markup: bool) -> None:
    readable = spans.without_markup(said) if markup else spans.plain(said)
    found = spans.sentences(readable)
    units = said.encode("utf-16-le", "surrogatepass")
    at = 0
    for span in found:
        assert at <= span.begin < span.end <= len(units) // 2
        between = units[2 * at : 2 * span.begin].decode("utf-16-le", "surrogatepass")
        assert markup or not between.strip()
        at = span.end
    assert markup or not units[2 * at :].decode("utf-16-le", "surrogatepass").strip()
    assert bool(found) == bool(readable.text.strip())
    assert "".join("".join(s.text.split()) for s in found) == "".join(readable.text.split())
    scorer, scale = embedded()
    for score in scorer.score([Text(said), *(Text(span.text) for span in found)]):
        for attribute in FIGURES:
            value = scale.value(score, attribute)
            assert value is None or 0.0 <= value <= 1.0


@pytest.mark.parametrize(
    "said", ["." * 20_000, "a. " * 6_000, "<" * 20_000, "<!--" * 5_000, "<script" * 2_900, "&a" * 9_000]
)
@pytest.mark.parametrize("markup", [False, True])
def test_hostile_texts_have_few_spans(said: str, markup: bool) -> None:
    readable = spans.without_markup(said) if markup else spans.plain(said)
    assert len(spans.sentences(readable)) <= spans.MOST


def test_a_scale_without_maps_is_the_scorers_own_where_it_needs_none() -> None:
    scale = shipped_scale(WordScorer())
    assert scale.curves == dict.fromkeys(FIGURES, (SAME,))
    assert replace(scale, curves={}).value(WordScorer().score([Text("You idiot")])[0], "INSULT") is None
