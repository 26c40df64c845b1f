"""A Detoxify checkpoint -> a folder that servers without torch score with, in the fastest form that scores alike."""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from moderation.errors import ScorerError
from moderation.evaluation.functional import LANGUAGES, functional_suite
from moderation.scoring.cores import cores
from moderation.scoring.detoxify import INSTALL, Loaded, Predictor, TorchReader, load
from moderation.scoring.network import Network, read_network
from moderation.scoring.onnx_detoxify import CARD, NETWORK, TOKENIZER, Card, Floats, OnnxReader, read_card, sha256

Say = Callable[[str], None]
FORMS = ("int8", "bf16", "fp32") if platform.machine() in ("aarch64", "arm64") else ("int8", "fp32")
#: The most that any class of any probe may differ from Detoxify's own score.
DRIFT = 0.02
#: For each language: how many probes, of how many of the suite's texts one after the other.
PROBES = ((100, 1), (30, 4), (10, 12), (4, 30))
FEWEST_PROBES = 100
STRIDE = 7


@dataclass(frozen=True, slots=True)
class Measured:
    """One form of a network. `drift` is the most that each class differed; speed with all cores available."""

    precision: str
    megabytes: float
    texts_per_second: float
    drift: Mapping[str, float]

    @property
    def alike(self) -> bool:
        return max(self.drift.values()) <= DRIFT


@dataclass(frozen=True, slots=True)
class Exported:
    """`chosen` is one of `forms`, the fastest that scores alike."""

    folder: Path
    chosen: Measured
    forms: tuple[Measured, ...]
    probes: int


def export(settings: Mapping[str, str], folder: Path, say: Say = lambda _: None) -> Exported:
    """Settings as for `detoxify`. Raises ScorerError, leaving `folder` as it was, when no form scores alike."""
    refuse_other_content(folder)
    loaded = load(settings)
    texts = probes()
    say(f"{loaded.model}: scoring {len(texts)} probe texts with Detoxify itself …")
    reference = _reference(loaded.predictor, texts)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as made:
        return _best(loaded, Path(made), folder, texts, reference, say)


def probes() -> list[str]:
    """A few hundred texts of the functional suite, English and French, of ten to about 450 tokens."""
    return [text for language in LANGUAGES for text in _probes([case.text for case in functional_suite(language)])]


def refuse_other_content(folder: Path) -> None:
    """An export replaces an export, and nothing else. Raises ScorerError."""
    if folder.exists() and not (folder / CARD).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ScorerError(f"{folder} holds something else than an export; name a new folder")


def _probes(texts: Sequence[str]) -> list[str]:
    """Texts from all over the suite: it is ordered by kind."""
    found = []
    for count, length in PROBES:
        step = max(1, len(texts) // count)
        starts = range(0, len(texts), step)[:count]
        found += [" ".join(texts[(start + STRIDE * part) % len(texts)] for part in range(length)) for start in starts]
    return found


def _reference(predictor: Predictor, texts: Sequence[str]) -> Floats:
    """[texts, classes], worked out in order of length, so that little is padded."""
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    rows = TorchReader(predictor).read([texts[place] for place in order])
    found = np.zeros((len(texts), len(predictor.class_names)), np.float32)
    found[order] = [[row[name] for name in predictor.class_names] for row in rows]
    return found


def _best(loaded: Loaded, made: Path, folder: Path, texts: Sequence[str], reference: Floats, say: Say) -> Exported:
    network = read_network(loaded.predictor.model)
    forms = []
    for precision in FORMS:
        reader = write_form(loaded, network, precision, made / precision)
        forms.append(_measured(reader, made / precision, texts, reference))
        say(_told(forms[-1]))
    alike = [form for form in forms if form.alike]
    if not alike:
        raise ScorerError(f"no form scores within {DRIFT} of Detoxify; nothing was installed in {folder}")
    chosen = max(alike, key=lambda form: form.texts_per_second)
    found = Exported(folder, chosen, tuple(forms), len(texts))
    _install(found, made)
    return found


def write_form(loaded: Loaded, network: Network, precision: str, folder: Path) -> OnnxReader:
    """One form in a folder of its own, ready to read. Its reader remembers nothing: it is timed."""
    try:
        from moderation.scoring.graph import write_graph
    except ImportError as error:
        raise ScorerError(f"onnx is missing ({error}); {INSTALL}") from error
    folder.mkdir()
    (folder / NETWORK).write_bytes(write_graph(network, precision == "int8").SerializeToString())
    tokenizer = loaded.predictor.tokenizer
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise ScorerError("this version of transformers has no fast tokenizer for the model; version 5 has")
    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    card = Card(
        model=loaded.model,
        checkpoint=loaded.digest,
        precision=precision,
        classes=tuple(loaded.predictor.class_names),
        window=tokenizer.model_max_length - 2,
        begin=tokenizer.cls_token_id,
        end=tokenizer.sep_token_id,
        padding=tokenizer.pad_token_id,
        network=sha256(folder / NETWORK),
        tokenizer=sha256(folder / TOKENIZER),
    )
    _write_card(folder, asdict(card))
    return OnnxReader(folder, card, remembered=0)


def _measured(reader: OnnxReader, folder: Path, texts: Sequence[str], reference: Floats) -> Measured:
    """Texts that Detoxify would cut off are not compared: there the windows are meant to differ."""
    held = [place for place, text in enumerate(texts) if reader.fits(text)]
    if len(held) < FEWEST_PROBES:
        raise ScorerError(f"only {len(held)} probes fit into the model's window of {reader.card.window} tokens")
    reader.chances(texts[: cores()])
    started = time.perf_counter()
    found = reader.chances(texts)
    seconds = time.perf_counter() - started
    drift = np.abs(found[held] - reference[held]).max(axis=0)
    return Measured(
        precision=reader.card.precision,
        megabytes=round((folder / NETWORK).stat().st_size / 1e6, 1),
        texts_per_second=round(len(texts) / seconds, 1),
        drift={name: round(float(most), 5) for name, most in zip(reader.card.classes, drift, strict=True)},
    )


def _told(form: Measured) -> str:
    worst = max(form.drift, key=lambda name: form.drift[name])
    verdict = "alike" if form.alike else f"refused: more than {DRIFT}"
    speed = f"{form.texts_per_second:,.1f} texts/s on {cores()} cores"
    return f"{form.precision}: {form.megabytes:,.1f} MB, {speed}, drift {form.drift[worst]:.4f} ({worst}), {verdict}"


def _install(found: Exported, made: Path) -> None:
    """Figures beside the card, then the folder in the old one's place."""
    chosen = made / found.chosen.precision
    figures = {
        "probes": found.probes,
        "forms": [asdict(form) for form in found.forms],
        "processor": platform.processor() or platform.machine(),
        "cores": cores(),
        "onnxruntime": onnxruntime.__version__,
    }
    _write_card(chosen, asdict(read_card(chosen)) | {"measured": figures})
    if found.folder.exists():
        found.folder.rename(made / "before")
    chosen.rename(found.folder)


def _write_card(folder: Path, content: Mapping[str, object]) -> None:
    (folder / CARD).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
