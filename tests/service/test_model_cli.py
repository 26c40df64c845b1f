"""`tenth model`: from a checkpoint to a desk that scores without torch, by the commands that people type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from moderation.errors import ScorerError
from moderation.scoring.contract import Text
from moderation.scoring.detoxify import DetoxifyScorer
from service.bench import scoring
from service.bench.networks import missing
from service.bench.scoring import bench_scoring, told
from service.cli import cli
from service.config import load_settings
from service.scorers import build_scorer, scorer_named, scorer_settings
from tests.support.checkpoints import checkpoint, needs_extra


def test_an_export_needs_a_checkpoint_and_info_an_export(tmp_path: Path) -> None:
    refused = CliRunner().invoke(cli, ["model", "export"])
    assert isinstance(refused.exception, ScorerError)
    assert "needs the setting checkpoint" in str(refused.exception)
    empty = CliRunner().invoke(cli, ["model", "info", "--folder", str(tmp_path)])
    assert isinstance(empty.exception, ScorerError)
    assert "tenth model export" in str(empty.exception)


def test_a_folder_with_something_else_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    refused = CliRunner().invoke(cli, ["model", "export", "--checkpoint", "none.ckpt", "--to", str(tmp_path)])
    assert "something else than an export" in str(refused.exception)


@needs_extra
def test_a_checkpoint_is_exported_looked_at_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "base").mkdir()
    given = checkpoint(tmp_path / "base")
    monkeypatch.setenv("TENTH_DETOXIFY_MODEL", "original")
    monkeypatch.setenv("TENTH_DETOXIFY_CONFIG", given["config"])
    wrong = CliRunner().invoke(cli, ["model", "export", "--checkpoint", given["checkpoint"], "--digest", "0" * 64])
    assert "has sha256" in str(wrong.exception)
    made = CliRunner().invoke(cli, ["model", "export", "--checkpoint", given["checkpoint"]])
    assert made.exit_code == 0, made.stderr
    assert "int8: " in made.stderr and "fp32: " in made.stderr and "drift" in made.stderr
    assert made.stdout.startswith("Chosen: ")

    shown = CliRunner().invoke(cli, ["model", "info", "--json"])
    card = json.loads(shown.stdout)
    assert card["precision"] in made.stdout
    words = CliRunner().invoke(cli, ["model", "info"]).stdout
    assert card["scorer"] in words and "chosen" in words

    monkeypatch.setenv("TENTH_SCORER", "detoxify-onnx")
    monkeypatch.setenv("TENTH_DETOXIFY_EXPORT", str(tmp_path / "var" / "detoxify"))
    scorer = build_scorer(load_settings())
    assert isinstance(scorer, DetoxifyScorer)
    assert scorer.score([Text("You idiot")])[0].scorer == card["scorer"]


def test_a_cascade_gets_its_members_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENTH_CASCADE", "embedded, detoxify-onnx")
    monkeypatch.setenv("TENTH_CASCADE_BANDS", "toxicity 0.4-0.6")
    monkeypatch.setenv("TENTH_DETOXIFY_EXPORT", "/srv/detoxify")
    assert scorer_settings(load_settings(), "cascade") == {
        "members": "embedded, detoxify-onnx",
        "bands": "toxicity 0.4-0.6",
        "blend": "average",
        "detoxify-onnx.export": "/srv/detoxify",
        "detoxify-onnx.threads": "0",
    }


@pytest.mark.skipif(not missing(), reason="with all packages there it takes minutes")
def test_the_bench_measures_what_it_can_and_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a fifth of its texts, once."""
    monkeypatch.setattr(scoring, "LANGUAGES", ("en",))
    monkeypatch.setattr(scoring, "story_texts", lambda *_: ["It leaks and hisses.", "Merci, tout marche."])
    monkeypatch.setattr(scoring, "ROUNDS", 1)
    monkeypatch.setattr(scoring, "SINGLES", 20)
    lines: list[str] = []
    found = bench_scoring(("multilingual",), lines.append)
    assert found["ratio_to_detoxify"] is None
    assert found["embedded_per_core_s"] > 0
    assert any("not installed" in line for line in found["missing"])
    assert any("embedded_per_core_s" in line for line in told(found))


def test_a_scorer_asked_for_by_name_is_built_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = scorer_named("cascade").version
    monkeypatch.setenv("TENTH_CASCADE_BLEND", "replace")
    assert scorer_named("cascade").version != usual
    monkeypatch.setenv("TENTH_DETOXIFY_EXPORT", "/nowhere")
    with pytest.raises(ScorerError, match="/nowhere"):
        scorer_named("detoxify-onnx")
