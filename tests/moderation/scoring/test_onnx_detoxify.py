"""Detoxify's network without torch: it says what Detoxify says, or it is not installed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from moderation.errors import ScorerError
from moderation.evaluation.functional import functional_suite
from moderation.scoring.batching import windows
from moderation.scoring.contract import CLASSES, Text
from moderation.scoring.onnx_detoxify import CARD, NETWORK, OVERLAP, TOKENIZER, OnnxReader, read_card
from moderation.scoring.registry import build
from tests.support.checkpoints import FAMILIES, checkpoint, needs_extra

SUITE = [case.text for language in ("en", "fr") for case in functional_suite(language)][::9]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def exported(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from moderation.scoring.export import export

    return export(settings, tmp_path_factory.mktemp("exports") / "detoxify").folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Iterator[Path]:
    """An export that a test may spoil."""
    (tmp_path / "copy").mkdir()
    for file in exported.iterdir():
        (tmp_path / "copy" / file.name).write_bytes(file.read_bytes())
    return tmp_path / "copy"


def test_without_an_export_it_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match="tenth model export"):
        build("detoxify-onnx")
    with pytest.raises(ScorerError, match="holds no export"):
        build("detoxify-onnx", {"export": str(tmp_path)})
    with pytest.raises(ScorerError, match="no setting colour"):
        build("detoxify-onnx", {"colour": "blue"})


@needs_extra
@pytest.mark.parametrize("name", [NETWORK, TOKENIZER])
def test_a_file_that_was_changed_is_refused(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ScorerError, match="is not the file"):
        build("detoxify-onnx", {"export": str(copy)})


@needs_extra
def test_a_card_that_tells_too_little_is_refused(copy: Path) -> None:
    (copy / CARD).write_text('{"model": "original"}')
    with pytest.raises(ScorerError, match="holds no export"):
        build("detoxify-onnx", {"export": str(copy)})
    with pytest.raises(ScorerError, match="threads is a number"):
        build("detoxify-onnx", {"export": str(copy), "threads": "many"})


@needs_extra
def test_a_network_that_scores_otherwise_is_not_installed(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moderation.scoring import export

    monkeypatch.setattr(export, "DRIFT", -1.0)
    told: list[str] = []
    with pytest.raises(ScorerError, match="nothing was installed"):
        export.export(settings, tmp_path / "out", told.append)
    assert list(tmp_path.iterdir()) == []
    assert all("refused" in line for line in told[1:])


@needs_extra
def test_when_int8_drifts_the_next_form_is_taken(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moderation.scoring import export, graph

    monkeypatch.setattr(graph, "LIMIT", 3)  # so few steps that scores must drift
    made = export.export(settings, tmp_path / "out")
    assert [form.alike for form in made.forms] == [form.precision != "int8" for form in made.forms]
    assert made.chosen.precision == read_card(made.folder).precision != "int8"


@needs_extra
def test_an_export_replaces_an_export_and_nothing_else(settings: dict[str, str], copy: Path, tmp_path: Path) -> None:
    from moderation.scoring.export import export

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    with pytest.raises(ScorerError, match="something else than an export"):
        export(settings, tmp_path / "mine")
    (copy / TOKENIZER).write_text("worn out")
    assert export(settings, copy).folder == copy
    assert build("detoxify-onnx", {"export": str(copy)}).name == "detoxify-onnx"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "mine"]


@needs_extra
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_scores_as_detoxify_does(family: str, tmp_path: Path) -> None:
    """Through Detoxify's own constructor and `predict`; full precision hardly differs, int8 little."""
    from moderation.scoring.detoxify import TorchReader, load
    from moderation.scoring.export import write_form
    from moderation.scoring.network import read_network

    loaded = load(checkpoint(tmp_path, family))
    network = read_network(loaded.predictor.model)
    names = loaded.predictor.class_names
    truth = np.array([[row[name] for name in names] for row in TorchReader(loaded.predictor).read(SUITE)])
    assert truth[:, 0].std() > 0.1, "training left it saying one thing of everything: it would prove nothing"
    for form, most in (("fp32", 1e-4), ("int8", 0.03)):
        found = write_form(loaded, network, form, tmp_path / form).chances(SUITE)
        assert np.abs(found - truth).max() < most


@needs_extra
@pytest.mark.parametrize("form", ["int8", "fp32"])
def test_a_score_does_not_depend_on_the_texts_beside_it(form: str, settings: dict[str, str], tmp_path: Path) -> None:
    from moderation.scoring.detoxify import load
    from moderation.scoring.export import write_form
    from moderation.scoring.network import read_network

    loaded = load(settings)
    reader = write_form(loaded, read_network(loaded.predictor.model), form, tmp_path / form)
    together = reader.chances(SUITE)
    assert np.abs(together - np.concatenate([reader.chances([text]) for text in SUITE])).max() < 1e-3


@needs_extra
def test_a_long_text_is_the_highest_of_its_windows_class_by_class(exported: Path) -> None:
    reader = OnnxReader(exported, read_card(exported), remembered=0)
    loudest = set()
    for text in (" ".join(SUITE[:60]), " ".join(reversed(SUITE[:60]))):
        tokens = reader._tokenizer.encode(text, add_special_tokens=False).ids
        pieces = windows(tokens, reader.card.window, int(reader.card.window * OVERLAP))
        assert not reader.fits(text) and len(pieces) > 2
        alone = np.concatenate([reader._run([piece]) for piece in pieces])
        loudest |= set(alone.argmax(axis=0))
        assert np.abs(reader.chances([SUITE[0], text])[1] - alone.max(axis=0)).max() < 1e-3
    assert loudest - {0}, "windows after the first count, too"


@needs_extra
def test_hostile_texts_get_a_score_and_no_text_none(exported: Path) -> None:
    scorer = build("detoxify-onnx", {"export": str(exported), "threads": "1"})
    texts = [Text(""), Text("\x00\u202e\ud800"), Text("a" * 1_000_000), Text("[SEP] </s> [PAD]"), Text("é" * 3000)]
    scores = scorer.score(texts)
    assert all(0 <= score.toxicity <= 1 and set(score.classes) == set(CLASSES) for score in scores)
    assert scorer.score([]) == []
    assert scores[0].scorer == f"detoxify-onnx@{scorer.version}"
    assert len(scores[0].scorer) <= 80


@needs_extra
def test_texts_that_are_alike_are_read_once(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = OnnxReader(exported, read_card(exported))
    read: list[str] = []
    part = reader._part
    monkeypatch.setattr(reader, "_part", lambda texts: (read.extend(texts), part(texts))[1])
    first = reader.read(["a", "b", "a", "a"])
    assert reader.read(["b", "a"]) == [first[1], first[0]]
    assert first[0] == first[2] == first[3]
    assert read == ["a", "b"]


@needs_extra
def test_many_threads_get_the_same_scores_as_one(exported: Path) -> None:
    scorer = build("detoxify-onnx", {"export": str(exported)})
    texts = [Text(text) for text in SUITE]
    expected = build("detoxify-onnx", {"export": str(exported), "threads": "1"}).score(texts)
    found: dict[int, object] = {}
    callers = [threading.Thread(target=lambda n=n: found.update({n: scorer.score(texts)})) for n in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert all([s.toxicity for s in found[n]] == pytest.approx([s.toxicity for s in expected], abs=1e-3) for n in found)
    assert len(found) == 6


@needs_extra
def test_scoring_needs_no_torch(exported: Path) -> None:
    """In a process of its own, where the packages of the extra cannot be imported."""
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'detoxify', 'onnx']))\n"
        "from moderation.scoring.contract import Text; from moderation.scoring.registry import build\n"
        f"print(build('detoxify-onnx', {{'export': {str(exported)!r}}}).score([Text('You idiot')])[0].toxicity)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 0 <= float(told.stdout) <= 1


@needs_extra
def test_what_was_measured_is_kept_beside_the_network(exported: Path) -> None:
    told = json.loads((exported / CARD).read_text())
    assert told["measured"]["probes"] >= 200
    assert {form["precision"] for form in told["measured"]["forms"]} >= {"int8", "fp32"}
    assert all(max(form["drift"].values()) <= 0.02 for form in told["measured"]["forms"])
