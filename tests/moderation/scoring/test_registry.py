"""Building scorers: by name, from files that may be missing or wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from moderation.errors import ScorerError
from moderation.scoring.features import length_scale, vector_of
from moderation.scoring.linear import MODEL, LinearReader, load_model
from moderation.scoring.registry import build, names, register


def test_known_names_are_built() -> None:
    assert {"embedded", "detoxify"} <= set(names())
    assert build("embedded").version == f"2-{hashlib.sha256(MODEL.read_bytes()).hexdigest()[:8]}"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ScorerError, match=r"detoxify, .*embedded"):
        build("oracle", {})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ScorerError, match="colour"):
        build("embedded", {"colour": "red"})


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ScorerError, match="already"):
        register("embedded", lambda settings: build("embedded"))


def test_the_model_is_small() -> None:
    assert MODEL.stat().st_size < 5_000_000


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"hello", MODEL.read_bytes()[:5000]])
def test_a_broken_model_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "embedded.npz"
    path.write_bytes(content)
    with pytest.raises(ScorerError, match=r"embedded\.npz"):
        load_model(path)


def test_a_missing_model_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match="reinstall"):
        load_model(tmp_path / "none.npz")


@pytest.mark.parametrize("change", [{"format": np.array(9)}, {"weights": np.zeros((4, 3), np.int8)}])
def test_a_model_of_another_shape_is_refused(tmp_path: Path, change: dict[str, np.ndarray]) -> None:
    with np.load(MODEL) as arrays:
        np.savez(tmp_path / "other.npz", **{**{name: arrays[name] for name in arrays.files}, **change})
    with pytest.raises(ScorerError, match=r"other\.npz"):
        load_model(tmp_path / "other.npz")


@pytest.mark.parametrize(
    "text", ["hello", "You are an 1d10t, you idiot!! Twice. Really twice I say.", "J'ai reçu l’appareil 😡 <url>"]
)
def test_the_fast_sums_are_those_of_training(text: str) -> None:
    reader = LinearReader(load_model())
    model = reader.model
    whole, _ = reader.logits([text])
    weights = model.weights.rows * model.weights.scale
    slow = model.bias + sum(value * weights[index] for index, value in vector_of(text).items())
    np.testing.assert_allclose(whole[0], slow, rtol=1e-3, atol=1e-3)
    assert length_scale(4, 0) == pytest.approx(0.5)
