"""Perspective's scale: monotone curves, plain examples where callers expect them, and samples that link thresholds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from api_support import Desk
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from perspective_support import WordScorer, host

from moderation.errors import BadInput
from moderation.scoring.contract import Text
from service.cli import cli
from service.usecases.perspective import install_maps, installed_maps, remove_maps
from service.usecases.perspective_sample import Sampled, calibrate, link, read_sample
from service.usecases.perspective_scale import APART, FIGURES, HIGH, LOW, SAME, Curve, anchored, shipped_scale

CHANCE = st.floats(0, 1)
INSULT, THANKS = Text("You are an idiot."), Text("Thanks!")


def rising(curve: Curve) -> None:
    assert (curve.xs[0], curve.xs[-1]) == (0.0, 1.0)
    assert all(a < b for a, b in zip(curve.xs, curve.xs[1:], strict=False))
    assert all(a <= b for a, b in zip(curve.ys, curve.ys[1:], strict=False))


@given(st.lists(st.tuples(CHANCE, CHANCE)), CHANCE, CHANCE)
def test_every_curve_stays_in_range_and_moves_no_ranking(points: list[Any], one: float, other: float) -> None:
    curve = Curve.through(points)
    rising(curve)
    low, high = sorted((one, other))
    assert 0.0 <= curve(low) <= curve(high) <= 1.0
    assert 0.0 <= curve.back(low) <= curve.back(high) <= 1.0


@given(CHANCE, CHANCE)
def test_anchors_stand_where_callers_expect_them(low: float, high: float) -> None:
    curve = anchored(low, high)
    rising(curve)
    if high - low < APART:
        assert curve is SAME
    elif low > 0 and high < 1:
        assert curve(high) >= HIGH - 1e-6
        assert curve(low) <= LOW + 1e-6


def test_a_squeezed_scorer_is_stretched_and_a_wide_one_left_alone() -> None:
    squeezed, wide = WordScorer(0.1, 0.45), WordScorer(0.02, 0.95)
    for attribute in FIGURES:
        assert shipped_scale(wide).curves[attribute] == (SAME,)
    scale = shipped_scale(squeezed)
    for attribute in ("TOXICITY", "INSULT"):
        high, low = (scale.value(squeezed.score([t])[0], attribute) for t in (INSULT, THANKS))
        assert high is not None and high > 0.8
        assert low is not None and low < 0.2


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("a.csv", "", "holds no texts"),
        ("a.csv", "comment,score\nhi,0.5\n", "no text"),
        ("a.csv", "text,score\nhi,high\n", "from 0 to 1"),
        ("a.csv", "text,score\nhi,1.5\n", "from 0 to 1"),
        ("a.csv", "text,score,label\nhi,0.5,maybe\n", "label"),
        ("a.jsonl", "{\n", "not JSON"),
        ("a.jsonl", "[]\n", "not a JSON object"),
        ("a.jsonl", '{"text": "hi", "attributeScores": {"TOXICITY": 1}}\n', "attributeScores"),
    ],
)
def test_a_sample_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: str, wrong: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(BadInput, match=wrong):
        read_sample(path)


def test_too_small_a_sample_is_refused() -> None:
    with pytest.raises(BadInput, match="too few"):
        calibrate(WordScorer(), [Sampled("hi", "", {"TOXICITY": 0.1}, None)] * 10)


def test_samples_are_read_in_every_form(tmp_path: Path) -> None:
    table, lines = tmp_path / "a.csv", tmp_path / "a.jsonl"
    table.write_text('text,score,INSULT,label,lang\n"hi, you",0.25,0.5,1,en\n')
    answer = {"TOXICITY": {"summaryScore": {"value": 0.25}}, "SPAM": {"summaryScore": {"value": 1}}}
    lines.write_text(json.dumps({"text": "hi, you", "attributeScores": answer, "INSULT": 0.5, "label": True}) + "\n\n")
    assert read_sample(table) == [Sampled("hi, you", "en", {"TOXICITY": 0.25, "INSULT": 0.5}, True)]
    assert read_sample(lines) == [Sampled("hi, you", "", {"TOXICITY": 0.25, "INSULT": 0.5}, True)]


@given(st.lists(st.tuples(CHANCE, CHANCE), min_size=2, max_size=80))
def test_a_link_is_a_rising_curve(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = (np.array(side) for side in zip(*pairs, strict=True))
    rising(link(ours, theirs))


def test_linked_thresholds_flag_the_same_share() -> None:
    generator = np.random.default_rng(1)
    theirs = generator.random(4_000)
    ours = theirs**2
    curve = link(ours, theirs)
    for at in (0.5, 0.7, 0.9):
        assert curve.back(at) == pytest.approx(at**2, abs=0.03)
        assert (ours >= curve.back(at)).mean() == pytest.approx((theirs >= at).mean(), abs=0.02)


def sample(count: int = 300) -> list[dict[str, Any]]:
    """Texts of which every fifth is hostile, and what a stricter Perspective might have said of them."""
    hostile = ("You idiot, number", "I will kill you, number")
    rows = []
    for n in range(count):
        bad = n % 5 == 0
        words = f"{hostile[n // 5 % 2] if bad else 'Hello, number'} {n}"
        rows.append({"text": words, "score": 0.6 + n / 1_000 if bad else 0.2 * n / count, "label": int(bad)})
    return rows


def test_the_command_says_the_thresholds_and_installs_and_takes_back(tmp_path: Path) -> None:
    path = tmp_path / "sample.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in sample()))
    run = CliRunner()
    assert run.invoke(cli, ["perspective", "uncalibrate"]).stdout == "No map is installed.\n"
    told = run.invoke(cli, ["perspective", "calibrate", str(path)], catch_exceptions=False)
    assert "TOXICITY: 300 texts" in told.stdout
    assert "old 0.7 is" in told.stdout
    assert "AUC against 300 labels" in told.stdout
    assert "Nothing was changed" in told.stdout
    found = json.loads(run.invoke(cli, ["perspective", "calibrate", str(path), "--json", "--install"]).stdout)
    assert [t["theirs"] for t in found[0]["thresholds"]] == [0.5, 0.7, 0.9]
    assert found[0]["thresholds"][0]["flagged_by_theirs"] == 60
    assert "Taken back: TOXICITY." in run.invoke(cli, ["perspective", "uncalibrate"]).stdout


def test_an_installed_map_changes_the_answers_and_is_taken_back(desk: Desk) -> None:
    asked = host(desk, WordScorer())
    half = Curve.through([(0.95, 0.4)])

    def value() -> float:
        asked.keeper.look()
        return float(asked.ask("You idiot").get_json()["attributeScores"]["TOXICITY"]["summaryScore"]["value"])

    before = value()
    install_maps(desk.deps, "words@1", {"TOXICITY": half}, 300)
    assert value() == pytest.approx(0.4)
    install_maps(desk.deps, "words@1", {"TOXICITY": Curve.through([(0.95, 0.6)])}, 300)
    install_maps(desk.deps, "words@2", {"TOXICITY": Curve.through([(0.95, 0.1)])}, 300)
    assert value() == pytest.approx(0.6)
    assert remove_maps(desk.deps) == ["TOXICITY"]
    assert remove_maps(desk.deps) == ["TOXICITY"]
    assert value() == pytest.approx(0.4)
    assert remove_maps(desk.deps) == ["TOXICITY"]
    assert value() == before
    assert remove_maps(desk.deps) == []
    assert installed_maps(desk.deps, "words@1") == {}
