"""The student's vocabulary: of the source's 250,000 pieces those that English and French are written with.

The file is SentencePiece's own (a unigram model, Kudo 2018), with its normalisation nmt_nfkc_cf: NFKC, lower case.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto
from spellchecker import SpellChecker
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import Unigram

from moderation.scoring.encoder import UNKNOWN
from moderation.scoring.readable import readable
from training.student_source import Source

COMMON = 30_000
SEEN = 2
SPECIAL = 4
_SIGN = re.compile("▁?[\x21-\x7e\u00a1-\u024f\u2010-\u2049\u20ac\u2190-\u21ff\u2600-\u27bf\U0001f300-\U0001faff]|▁")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`model` is the tokenizer's file; `rows` says which row of the source each of its pieces has."""

    model: bytes
    rows: list[int]


def vocabulary(source: Source, texts: Iterable[str]) -> Vocabulary:
    """Pieces seen in the texts, those of the most common words of both languages, and every single sign."""
    whole = sentencepiece.SentencePieceProcessor(model_proto=_model(source, range(len(source.pieces))))
    counts = Counter(row for text in texts for row in whole.encode(readable(text).text))
    kept = {row for row, count in counts.items() if count >= SEEN}
    kept.update(row for words in map(_common, ("en", "fr")) for line in whole.encode(words) for row in line)
    kept.update(row for row, piece in enumerate(source.pieces) if _SIGN.fullmatch(piece) and piece == piece.lower())
    rows = [*range(SPECIAL), *sorted(row for row in kept if row >= SPECIAL)]
    return Vocabulary(_model(source, rows), rows)


def _common(language: str) -> list[str]:
    counts = SpellChecker(language=language).word_frequency.dictionary
    return sorted(counts, key=lambda word: (-counts[word], word))[:COMMON]


def _model(source: Source, rows: Sequence[int]) -> bytes:
    model = proto.ModelProto()
    model.ParseFromString(_blank())
    del model.pieces[:]
    kinds = {source.unknown: 2} | {row: 3 for row in range(SPECIAL) if row != source.unknown}
    for row in rows:
        model.pieces.add(piece=source.pieces[row], score=float(source.scores[row]), type=kinds.get(row, 1))
    raw: bytes = model.SerializeToString(deterministic=True)
    return raw


def tokenizer(model: bytes) -> str:
    """The same pieces and normalisation for `tokenizers`, which also says where each piece stood."""
    read = proto.ModelProto()
    read.ParseFromString(model)
    whole = Tokenizer(Unigram([(piece.piece, piece.score) for piece in read.pieces], unk_id=UNKNOWN))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    whole.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(read.normalizer_spec.precompiled_charsmap), spaces, normalizers.Strip()]
    )
    whole.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    return str(whole.to_str())


def _blank() -> bytes:
    """A model of SentencePiece's own making, for its table of normalisation."""
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c", "b c d"]),
        model_writer=file,
        vocab_size=10,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc_cf",
        bos_id=0,
        pad_id=1,
        eos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    return file.getvalue()
