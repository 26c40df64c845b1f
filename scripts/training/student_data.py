"""What the student reads, and how often: each source has its share, so that a large one does not drown the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import numpy.typing as npt
import sentencepiece
import torch
from torch import Tensor

from moderation.scoring.encoder import BEGIN, END, JUDGED, LANGUAGES, PAD
from moderation.scoring.readable import readable
from training.corpora import Example
from training.grammar import frame
from training.teacher import decisions, words

#: Of a thousand draws; what is not named takes what is left.
SHARES = {
    "tox_en_davidson": 35,
    "tox_en_mlma": 10,
    "tox_fr_mlma": 40,
    "tox_en_github_raman_comments": 25,
    "threads_en_incivility": 60,
    "tox_en_detoxify_dummy": 10,
    "need_en_minibar": 40,
    "need_fr_minibar": 45,
    "threads_en_ibm_twittercare": 15,
    "other languages": 25,
    "grammar": 150,
    "lexicon": 40,
    "taught texts": 70,
    "taught words": 45,
}
REST = "sentences"
TRAINED_TOKENS = 64
TOGETHER = 48
FRAMED, MISTYPED, UNACCENTED, RESPLIT, JOINED = 0.3, 0.12, 0.1, 0.15, 0.15
_PLAIN = str.maketrans("àâäéèêëîïôöùûüç", "aaaeeeeiioouuuc")


@dataclass(frozen=True, slots=True)
class Batch:
    """`tokens` and `mask` (texts, tokens); `targets` and `weights` (texts, outputs): no weight, nothing to learn."""

    tokens: Tensor
    mask: Tensor
    targets: Tensor
    weights: Tensor


def share_of(example: Example) -> str:
    source = example.source.split()[0] if example.source.startswith("grammar") else example.source
    return source if source in SHARES else REST


def taught(examples: Sequence[Example]) -> list[Example]:
    """The examples, and how hostile the teacher finds the English ones of the open sets and every word it knows."""
    english = [e.text for e in examples if e.language == "en" and share_of(e) not in ("grammar", REST)]
    known, chances = words()
    rows = [("taught texts", text, chance) for text, chance in zip(english, decisions(english), strict=True)]
    rows += [("taught words", word, chance) for word, chance in zip(known, chances, strict=True)]
    return [*examples, *(Example(text, "en", source, {"toxicity": float(chance)}) for source, text, chance in rows)]


def draw(examples: Sequence[Example], count: int, random: Random) -> list[Example]:
    """`count` examples: each source's in a new order each time round, as often as its share says."""
    pools: dict[str, list[Example]] = {}
    for example in examples:
        pools.setdefault(share_of(example), []).append(example)
    shares = SHARES | {REST: 1000 - sum(SHARES.values())}
    drawn: list[Example] = []
    for name, pool in sorted(pools.items()):
        wanted = count * shares[name] // 1000
        rounds = -(-wanted // len(pool))
        drawn += [example for _ in range(rounds) for example in random.sample(pool, len(pool))][:wanted]
    return random.sample(drawn, len(drawn))


def join(examples: Sequence[Example], random: Random) -> list[Example]:
    """Some of our own sentences with another beside them: one insult among calm words is an insult all the same."""
    own: dict[str, list[Example]] = {}
    for example in examples:
        if share_of(example) == REST:
            own.setdefault(example.language, []).append(example)
    return [
        _joined(example, random.choice(own[example.language]), random)
        if share_of(example) == REST and random.random() < JOINED
        else example
        for example in examples
    ]


def _joined(one: Example, other: Example, random: Random) -> Example:
    """Both, in either order: as hostile, as urgent, as much about a thing as the stronger of them."""
    shared = one.targets.keys() & other.targets.keys()
    targets = {head: max(one.targets[head], other.targets[head]) for head in shared}
    targets["sentiment"] = (one.targets["sentiment"] + other.targets["sentiment"]) / 2
    targets["off_topic"] = min(one.targets["off_topic"], other.targets["off_topic"])
    text = random.choice((" ", "\n", ". ")).join(random.sample((one.text, other.text), 2))
    return replace(one, text=text, targets=targets)


def vary(example: Example, random: Random) -> str:
    """As another hand would have typed it: with a greeting, with a slip, without accents."""
    text = example.text
    if share_of(example) == REST and random.random() < FRAMED:
        text = frame(text, example.language, random)
    if random.random() < MISTYPED:
        text = _slip(text, random)
    return text.translate(_PLAIN) if example.language == "fr" and random.random() < UNACCENTED else text


def _slip(text: str, random: Random) -> str:
    """One letter dropped, doubled or changed for its neighbour."""
    at = random.randrange(len(text))
    return random.choice((text[:at] + text[at + 1 :], text[:at] + text[at : at + 1] + text[at:], _swap(text, at)))


def _swap(text: str, at: int) -> str:
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


class Texts:
    """Turns examples into batches of like length."""

    def __init__(self, model: bytes) -> None:
        self.pieces = sentencepiece.SentencePieceProcessor(model_proto=model)

    def tokens(self, text: str, resplit: bool = False) -> list[int]:
        plain = readable(text).text
        split = {"enable_sampling": True, "alpha": 0.3, "nbest_size": -1} if resplit else {}
        return [BEGIN, *self.pieces.encode(plain, **split)[: TRAINED_TOKENS - 2], END]

    def training(self, examples: Sequence[Example], random: Random) -> Iterator[Batch]:
        """Varied texts, in batches of like length, the batches in random order."""
        said = join(examples, random)
        rows = [(self.tokens(vary(example, random), random.random() < RESPLIT), example) for example in said]
        rows.sort(key=lambda row: len(row[0]) + random.random() * 4)
        starts = list(range(0, len(rows), TOGETHER))
        random.shuffle(starts)
        for start in starts:
            yield batch(rows[start : start + TOGETHER])

    def padded(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Batches of the texts, shortest first: their places, tokens and masks."""
        rows = [self.tokens(text) for text in texts]
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        for start in range(0, len(order), TOGETHER):
            places = order[start : start + TOGETHER]
            yield places, *_pad([rows[place] for place in places])


def batch(rows: Sequence[tuple[list[int], Example]]) -> Batch:
    tokens, mask = _pad([tokens for tokens, _ in rows])
    targets, weights = zip(*(goals(example) for _, example in rows), strict=True)
    return Batch(tokens, mask, torch.from_numpy(np.stack(targets)), torch.from_numpy(np.stack(weights)))


def _pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    tokens = torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])
    return tokens, tokens != PAD


def goals(example: Example) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Targets and their weights, in the order of the outputs. How often a set is read is its share's business;
    how far it is trusted for one head beside its others is the example's."""
    known = example.targets
    trust = [example.trust(head) / example.weight if head in known else 0.0 for head in JUDGED]
    tongues = [float(language == example.language) for language in LANGUAGES]
    spoken = float(example.source not in ("taught words", "lexicon"))  # one word may be of either language
    values = [known.get(head, 0.0) for head in JUDGED]
    return np.array(values + tongues, np.float32), np.array(trust + [spoken] * len(tongues), np.float32)
