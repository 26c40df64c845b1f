"""Detoxify: clear refusals without it, and its real loading code on a tiny checkpoint made on the spot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from moderation.errors import ScorerError
from moderation.scoring.contract import Text
from moderation.scoring.detoxify import DetoxifyScorer
from moderation.scoring.embedded import EmbeddedScorer
from moderation.scoring.registry import build

HERE = find_spec("detoxify") is not None and find_spec("torch") is not None
needs_extra = pytest.mark.skipif(not HERE, reason="the extra tenth[detoxify] is not installed")
CLASSES = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]


class Fixed:
    """A predictor with Detoxify's shapes: bare numbers for one text, lists for more."""

    class_names: Sequence[str] = ("toxicity", "insult")

    def predict(self, text: list[str]) -> dict[str, float | list[float]]:
        found = [0.9 if "bad" in one else 0.1 for one in text]
        return (
            {"toxicity": 0.2, "insult": found[0]}
            if len(text) == 1
            else {"toxicity": [0.2] * len(text), "insult": found}
        )


def test_toxicity_is_detoxifys_and_the_rest_is_embedded() -> None:
    embedded = EmbeddedScorer()
    scorer = DetoxifyScorer(Fixed(), "fixed-1", embedded)
    texts = [Text("bad"), *[Text("The charger caught fire")] * 40, Text("I will kill you")]
    scores = scorer.score(texts)
    assert [score.toxicity for score in scores] == [0.9, *[0.2] * 40, 0.7]
    assert scores[0].reasons[0].code == "detoxify.insult"
    assert scores[1].urgency == embedded.score(texts[1:2])[0].urgency
    assert scores[1].scorer == f"detoxify@fixed-1+{embedded.version}"
    assert [scorer.score([text])[0] for text in texts] == scores
    assert scorer.score([]) == []


def test_a_checkpoint_must_be_named_and_there(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match="checkpoint"):
        build("detoxify", {})
    with pytest.raises(ScorerError, match=r"none\.ckpt is not there"):
        build("detoxify", {"checkpoint": str(tmp_path / "none.ckpt")})
    with pytest.raises(ScorerError, match="multilingual"):
        build("detoxify", {"checkpoint": str(tmp_path), "model": "gigantic"})


def test_another_file_than_expected_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(ScorerError, match="sha256"):
        build("detoxify", {"checkpoint": str(tmp_path / "a.ckpt"), "sha256": "0" * 64})
    with pytest.raises(ScorerError, match=r"config\.json"):
        build("detoxify", {"checkpoint": str(tmp_path / "a.ckpt"), "config": str(tmp_path)})


@pytest.mark.skipif(HERE, reason="the extra is installed")
def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"whatever")
    with pytest.raises(ScorerError, match=r'pip install "tenth\[detoxify\]"'):
        build("detoxify", {"checkpoint": str(tmp_path / "a.ckpt")})


def tiny_checkpoint(folder: Path, drop: str = "") -> dict[str, str]:
    """A random BERT of one small layer, its letters-only vocabulary, and a checkpoint in Detoxify's format."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    config.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    config.num_labels = len(CLASSES)
    torch.manual_seed(1)
    state = BertForSequenceClassification(config).state_dict()
    arch = {
        "num_classes": len(CLASSES),
        "model_type": "bert-base-uncased",
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
    }
    kept = {name: weight for name, weight in state.items() if not drop or drop not in name}
    content: dict[str, Any] = {
        "state_dict": kept,
        "config": {"dataset": {"args": {"classes": CLASSES}}, "arch": {"args": arch}},
    }
    torch.save(content, folder / "tiny.ckpt")
    return {"checkpoint": str(folder / "tiny.ckpt"), "config": str(folder), "model": "original"}


@needs_extra
def test_the_real_loading_code_scores_a_tiny_checkpoint(tmp_path: Path) -> None:
    scorer = build("detoxify", tiny_checkpoint(tmp_path))
    texts = [Text("you idiot"), Text(""), Text("a long one " * 500), Text("\x00\u202e")]
    scores = scorer.score(texts)
    assert all(0 <= score.toxicity <= 1 for score in scores)
    assert len({score.toxicity for score in scores}) > 1
    assert scores[0].toxicity == pytest.approx(scorer.score(texts[:1])[0].toxicity, abs=2e-4)
    assert scorer.version.startswith("original-")


@needs_extra
@pytest.mark.parametrize("drop", ["classifier", "word_embeddings"])
def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path: Path, drop: str) -> None:
    with pytest.raises(ScorerError, match=r"cannot load .*tiny\.ckpt"):
        build("detoxify", tiny_checkpoint(tmp_path, drop))


@needs_extra
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(ScorerError, match="cannot load"):
        build("detoxify", {"checkpoint": str(tmp_path / "a.ckpt")})
