"""Small checkpoints in Detoxify's format, of each family of networks, trained for real on the functional suite."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from moderation.evaluation.functional import FunctionalCase, functional_suite

MISSING = [name for name in ("detoxify", "torch", "onnx") if find_spec(name) is None]
needs_extra = pytest.mark.skipif(bool(MISSING), reason=f"the extra tenth[detoxify] is not installed: {MISSING}")
CLASSES = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
OURS = ("severe", "profanity", "threat", "insult", "identity_attack")
FAMILIES = ("bert", "roberta", "xlm-roberta", "albert")
PIECES = 800
STEPS, ROWS = 160, 32


def checkpoint(folder: Path, family: str = "bert", steps: int = STEPS) -> dict[str, str]:
    """The settings of a network of two small blocks; its weights are random, then trained for `steps`."""
    import torch
    import transformers

    torch.manual_seed(1)
    prefix = {"bert": "Bert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta", "albert": "Albert"}[family]
    _tokenizer(family).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": f"{prefix}Tokenizer"} | _marks(family))
    )
    config = _config(getattr(transformers, f"{prefix}Config"), family)
    config.save_pretrained(folder)
    model = getattr(transformers, f"{prefix}ForSequenceClassification")(config)
    tokenizer = getattr(transformers, f"{prefix}Tokenizer").from_pretrained(folder, local_files_only=True)
    _train(model, tokenizer, steps)
    names = {
        "model_type": f"hub/{family}-base",
        "model_name": type(model).__name__,
        "tokenizer_name": f"{prefix}Tokenizer",
    }
    told = {"dataset": {"args": {"classes": CLASSES}}, "arch": {"args": names | {"num_classes": len(CLASSES)}}}
    torch.save({"state_dict": model.state_dict(), "config": told}, folder / "small.ckpt")
    return {"checkpoint": str(folder / "small.ckpt"), "config": str(folder), "model": "original"}


def _config(kind: Any, family: str) -> Any:
    marks = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2} if "roberta" in family else {"pad_token_id": 0}
    return kind(
        vocab_size=PIECES,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=258 if "roberta" in family else 256,
        num_labels=len(CLASSES),
        initializer_range=0.1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **({"embedding_size": 16} if family == "albert" else {}),
        **marks,
    )


def _marks(family: str) -> dict[str, str]:
    if "roberta" in family:
        return {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>"}
    return {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}


def _tokenizer(family: str) -> Any:
    """Pieces learned from the suite, by the family's own kind of model."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    marks = _marks(family)
    first = ["<s>", "<pad>", "</s>", "<unk>"] if "roberta" in family else ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    if family == "bert":
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=PIECES, special_tokens=first, show_progress=False)
    elif family == "roberta":
        made = Tokenizer(models.BPE(unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=PIECES, special_tokens=first, show_progress=False)
    else:
        made = Tokenizer(models.Unigram())
        made.normalizer, made.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=PIECES, special_tokens=first, unk_token=marks["unk_token"], show_progress=False
        )
    made.train_from_iterator([case.text for case in _cases()], trainer)
    begin, end = marks["cls_token"], marks["sep_token"]
    pairs = [(name, made.token_to_id(name)) for name in (begin, end)]
    made.post_processor = processors.TemplateProcessing(single=f"{begin} $A {end}", special_tokens=pairs)
    return made


def _cases() -> list[FunctionalCase]:
    return [case for language in ("en", "fr") for case in functional_suite(language) if case.toxic is not None]


def _train(model: Any, tokenizer: Any, steps: int) -> None:
    import torch

    cases = _cases()
    truth = torch.tensor([[float(bool(case.toxic)), *(float(kind in case.classes) for kind in OURS)] for case in cases])
    adam = torch.optim.AdamW(model.parameters(), lr=4e-3)
    model.train()
    for _ in range(steps):
        rows = torch.randint(len(cases), (ROWS,)).tolist()
        inputs = tokenizer([cases[row].text for row in rows], return_tensors="pt", truncation=True, padding=True)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(**inputs)[0], truth[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
