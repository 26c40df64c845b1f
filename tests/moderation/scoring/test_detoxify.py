"""Detoxify: clear refusals without it, and its real loading code on a small checkpoint trained on the spot."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from moderation.errors import ScorerError
from moderation.scoring.contract import CLASSES, Text
from moderation.scoring.detoxify import DetoxifyScorer, TorchReader
from moderation.scoring.embedded import EmbeddedScorer
from moderation.scoring.registry import build
from tests.support.checkpoints import MISSING, checkpoint, needs_extra

NAMES = ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")


class Fixed:
    """A predictor with Detoxify's habits: bare numbers for one text, lists for more, an error for none."""

    class_names: Sequence[str] = ("toxicity", "insult")
    model: Any = None
    tokenizer: Any = None

    def predict(self, text: list[str]) -> dict[str, float | list[float]]:
        found = [0.9 if "bad" in one else 0.1 for one in text]
        if len(text) == 1:
            return {"toxicity": 0.2, "insult": found[0]}
        return {"toxicity": [0.2] * len(text), "insult": found} if text else {}["no text"]


class FixedReader:
    def read(self, texts: Sequence[str]) -> list[dict[str, float]]:
        return [{name: 0.1 + place / 10 for place, name in enumerate(NAMES)} for _ in texts]


def test_a_checkpoint_must_be_named_and_there(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match="checkpoint"):
        build("detoxify", {})
    with pytest.raises(ScorerError, match=r"none\.ckpt is not there"):
        build("detoxify", {"checkpoint": str(tmp_path / "none.ckpt")})
    with pytest.raises(ScorerError, match="multilingual"):
        build("detoxify", {"checkpoint": str(tmp_path), "model": "gigantic"})


class Bomb:
    """Unpickling this would leave a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_another_file_than_expected_is_refused_before_it_is_unpickled(tmp_path: Path) -> None:
    mark = tmp_path / "unpickled"
    (tmp_path / "a.ckpt").write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(ScorerError, match="sha256"):
        build("detoxify", {"checkpoint": str(tmp_path / "a.ckpt"), "sha256": "0" * 64})
    with pytest.raises(ScorerError, match=r"config\.json"):
        build("detoxify", {"checkpoint": str(tmp_path / "a.ckpt"), "config": str(tmp_path)})
    assert not mark.exists()


@pytest.mark.skipif(not MISSING, reason="the extra is installed")
def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"whatever")
    with pytest.raises(ScorerError, match=r'pip install "tenth\[detoxify\]"'):
        build("detoxify", {"checkpoint": str(tmp_path / "a.ckpt")})


def test_toxicity_is_detoxifys_and_the_rest_is_embedded() -> None:
    embedded = EmbeddedScorer()
    scorer = DetoxifyScorer("detoxify", "fixed-1", TorchReader(Fixed()), embedded)
    texts = [Text("bad"), *[Text("The charger caught fire")] * 40, Text("I will kill you")]
    scores = scorer.score(texts)
    assert [score.toxicity for score in scores] == [0.9, *[0.2] * 40, 0.7]
    assert scores[0].reasons[0].code == "detoxify.insult"
    assert scores[1].urgency == embedded.score(texts[1:2])[0].urgency
    assert scores[1].scorer == f"detoxify@fixed-1+{embedded.version}"
    assert [scorer.score([text])[0] for text in texts] == scores
    assert scorer.score([]) == []
    assert scores[0].classes == {}, "a network that lacks classes says nothing of any"


def test_detoxifys_classes_become_the_contracts() -> None:
    (score,) = DetoxifyScorer("detoxify", "fixed-1", FixedReader(), EmbeddedScorer()).score([Text("hello")])
    assert tuple(score.classes) == CLASSES
    assert score.classes == {
        "severe": 0.2,
        "insult": 0.5,
        "threat": 0.4,
        "profanity": 0.3,
        "identity_attack": 0.6,
    }
    assert score.toxicity == 0.6


@needs_extra
def test_the_real_loading_code_scores_a_checkpoint_that_names_a_hub_model(tmp_path: Path) -> None:
    scorer = build("detoxify", checkpoint(tmp_path))
    texts = [Text("You're an idiot."), Text(""), Text("a long one " * 500), Text("\x00\u202e\ud800")]
    scores = scorer.score(texts)
    assert all(0 <= score.toxicity <= 1 for score in scores)
    assert len({score.toxicity for score in scores}) > 1
    assert set(scores[0].classes) == set(CLASSES)
    assert scores[0].toxicity == pytest.approx(scorer.score(texts[:1])[0].toxicity, abs=2e-4)
    assert scorer.version.startswith("original-")


@needs_extra
@pytest.mark.parametrize("drop", ["classifier", "word_embeddings"])
def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path: Path, drop: str) -> None:
    import torch

    settings = checkpoint(tmp_path, steps=0)
    content = torch.load(settings["checkpoint"], weights_only=False)
    content["state_dict"] = {name: one for name, one in content["state_dict"].items() if drop not in name}
    torch.save(content, settings["checkpoint"])
    with pytest.raises(ScorerError, match=r"cannot load .*small\.ckpt"):
        build("detoxify", settings)


@needs_extra
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(ScorerError, match="cannot load"):
        build("detoxify", {"checkpoint": str(tmp_path / "a.ckpt")})
