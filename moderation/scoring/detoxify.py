"""Detoxify for toxicity, behind the extra `detoxify`; urgency, sentiment, language and rules stay with `embedded`.

The checkpoint is loaded by Detoxify's own code from a local file, never downloaded. It is a pickle: only load one
whose origin you trust, or give its `sha256`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from moderation.errors import ScorerError
from moderation.scoring.contract import Reason, Score, Text
from moderation.scoring.embedded import RULE_TOXICITY, EmbeddedScorer
from moderation.scoring.normalise import clip

SETTINGS = ("checkpoint", "config", "model", "sha256")
MODELS = ("original", "unbiased", "multilingual", "original-small", "unbiased-small")
CLASSES = frozenset({"toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack"})
#: The contract's classes by Detoxify's names for them.
KINDS = {
    "severe": "severe_toxicity",
    "insult": "insult",
    "threat": "threat",
    "profanity": "obscene",
    "identity_attack": "identity_attack",
}
INSTALL = 'install it with `pip install "tenth[detoxify]"`'
BATCH = 32
FLOOR = 0.4
_loading = threading.Lock()


class Predictor(Protocol):
    """What we use of `detoxify.Detoxify`."""

    class_names: Sequence[str]
    model: Any
    tokenizer: Any

    def predict(self, text: list[str]) -> dict[str, float | list[float]]: ...


class Reader(Protocol):
    """A network of Detoxify's, however it is run."""

    def read(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """For each text the chance in [0, 1] of each class, by Detoxify's names."""
        ...


class TorchReader:
    """Detoxify's own `predict`, which answers a batch of one with bare numbers and fails on none."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def read(self, texts: Sequence[str]) -> list[dict[str, float]]:
        return [row for start in range(0, len(texts), BATCH) for row in self._batch(texts[start : start + BATCH])]

    def _batch(self, texts: Sequence[str]) -> list[dict[str, float]]:
        found = self._predictor.predict(list(texts))
        columns = {name: value if isinstance(value, list) else [value] for name, value in found.items()}
        return [{name: column[row] for name, column in columns.items()} for row in range(len(texts))]


class DetoxifyScorer:
    """See `contract.Scorer`. Toxicity is the highest of the classes that mean harm."""

    def __init__(self, name: str, version: str, reader: Reader, embedded: EmbeddedScorer) -> None:
        self.name = name
        self.version = f"{version}+{embedded.version}"
        self._reader = reader
        self._embedded = embedded

    def score(self, texts: Sequence[Text]) -> list[Score]:
        base = self._embedded.score(texts)
        classes = self._reader.read([as_utf8(text.text) for text in texts])
        return [self._merge(*pair) for pair in zip(base, classes, strict=True)]

    def _merge(self, base: Score, classes: dict[str, float]) -> Score:
        worst = max(CLASSES & classes.keys(), key=lambda name: (classes[name], name))
        toxicity = round(classes[worst], 4)
        reasons = tuple(reason for reason in base.reasons if reason.code not in ("toxic", "rough"))
        if toxicity >= FLOOR:
            reasons = (Reason(f"detoxify.{worst}", weight=toxicity), *reasons)
        if "threat" in base.rules:
            toxicity = max(toxicity, RULE_TOXICITY)
        signature = f"{self.name}@{self.version}"
        return replace(base, toxicity=toxicity, reasons=reasons, scorer=signature, classes=_kinds(classes))


def as_utf8(text: str) -> str:
    """At most 5,000 characters, and only such as can be written in UTF-8: tokenizers refuse half surrogates."""
    return clip(text).encode("utf-8", "replace").decode()


def _kinds(classes: Mapping[str, float]) -> dict[str, float]:
    """All of the contract's classes, or none where the network lacks one."""
    complete = set(KINDS.values()) <= classes.keys()
    return {kind: round(classes[name], 4) for kind, name in KINDS.items()} if complete else {}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint as Detoxify built it. `digest` is the SHA-256 of its file."""

    model: str
    digest: str
    predictor: Predictor


def build_detoxify(settings: Mapping[str, str]) -> DetoxifyScorer:
    loaded = load(settings)
    version = f"{loaded.model}-{loaded.digest[:8]}"
    return DetoxifyScorer("detoxify", version, TorchReader(loaded.predictor), EmbeddedScorer())


def load(settings: Mapping[str, str]) -> Loaded:
    """Settings as in `SETTINGS`. Raises ScorerError; a file with another `sha256` is refused before it is unpickled."""
    model = settings.get("model", "multilingual")
    if model not in MODELS:
        raise ScorerError(f"detoxify has no model {model!r}; known: {', '.join(MODELS)}")
    checkpoint = _checkpoint(settings)
    digest = _digest(checkpoint, settings.get("sha256", ""))
    predictor = _load(model, checkpoint, _config(settings))
    if not CLASSES & set(predictor.class_names):
        raise ScorerError(f"{checkpoint} knows none of {', '.join(sorted(CLASSES))}: is it a Detoxify checkpoint?")
    return Loaded(model, digest, predictor)


def _checkpoint(settings: Mapping[str, str]) -> Path:
    given = settings.get("checkpoint", "")
    if not given:
        raise ScorerError("detoxify needs the setting checkpoint: the path of a downloaded .ckpt file")
    path = Path(given).expanduser().resolve()
    if not path.is_file():
        raise ScorerError(f"the detoxify checkpoint {path} is not there; download it and set checkpoint to its path")
    return path


def _config(settings: Mapping[str, str]) -> str | None:
    given = settings.get("config", "")
    if not given:
        return None
    folder = Path(given).expanduser().resolve()
    if not (folder / "config.json").is_file():
        raise ScorerError(f"{folder} has no config.json: config is the folder of the base model and its tokenizer")
    return str(folder)


def _digest(checkpoint: Path, expected: str) -> str:
    try:
        with checkpoint.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ScorerError(f"the detoxify checkpoint {checkpoint} cannot be read: {error}") from error
    if expected and found != expected.lower():
        raise ScorerError(f"the detoxify checkpoint {checkpoint} has sha256 {found}, not {expected}")
    return found


def _load(model: str, checkpoint: Path, config: str | None) -> Predictor:
    try:
        import detoxify.detoxify as package
    except ImportError as error:
        raise ScorerError(f"detoxify or torch is missing ({error}); {INSTALL}") from error
    try:
        with _local_base(package, config):
            predictor: Predictor = package.Detoxify(
                model, checkpoint=str(checkpoint), device="cpu", huggingface_config_path=config
            )
    except Exception as error:  # a pickle of unknown shape can fail in any way; all of them mean "cannot be built"
        raise ScorerError(f"detoxify cannot load {checkpoint} with config {config}: {error}") from error
    return predictor


@contextmanager
def _local_base(package: Any, config: str | None) -> Iterator[None]:
    """Detoxify asks the hub for the base model's config by name even where it was given a folder, and takes the
    number of classes from that folder's file, which base models leave out. So the folder takes the name's place. A
    model with weights that the checkpoint lacks would score at random: it is refused.
    """
    original = package.get_model_and_tokenizer

    def from_folder(model_type: str, *args: Any, **options: Any) -> tuple[Any, Any]:
        options["huggingface_config_path"] = None
        model, tokenizer = original(config or model_type, *args, **options)
        missing = sorted(set(model.state_dict()) - set(options["state_dict"]))
        if missing:
            raise ValueError(f"the checkpoint lacks weights of {model_type}: {', '.join(missing[:3])}")
        # Longer texts than the model has positions for would fail in the middle of a batch; two are the frame's.
        tokenizer.model_max_length = min(tokenizer.model_max_length, model.config.max_position_embeddings - 2)
        return model, tokenizer

    with _loading:
        package.get_model_and_tokenizer = from_folder
        try:
            yield
        finally:
            package.get_model_and_tokenizer = original
