"""The table of docs/PERSPECTIVE.md: how far the shipped scorer agrees with Perspective, where a set has its scores.

    python scripts/perspective_agreement.py --data ../shared/data

Only texts that trained nothing are used: the held-out fifth of a set that the scorer was trained on, else all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from moderation.evaluation.metrics import Estimate
from moderation.scoring.registry import build
from service.evaluation.sets import LabelledSet, read_sets
from service.usecases.perspective_sample import Calibration, Sampled, Threshold, calibrate


def main() -> None:
    """Prints Markdown, a table for each set that carries Perspective's scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--scorer", default="embedded")
    given = parser.parse_args()
    scorer = build(given.scorer)
    for one in read_sets(given.data):
        if one.perspective:
            for found in calibrate(scorer, _sample(one)):
                _print(one, found)


def _sample(one: LabelledSet) -> list[Sampled]:
    rows = zip(one.texts, one.perspective, one.labels.tolist(), strict=True)
    return [Sampled(text.text, one.language, {"TOXICITY": theirs}, label) for text, theirs, label in rows]


def _print(one: LabelledSet, found: Calibration) -> None:
    kind = "held-out fifth" if one.in_domain else "unseen"
    print(
        f"{found.attribute}, `{found.scorer}`, `{one.name}` ({kind}): {found.texts} texts, {one.labels.sum()} toxic\n"
    )
    print("| | Perspective | ours |\n|-|-|-|")
    if found.auc_theirs and found.auc_ours:
        print(f"| AUC against people's labels | {_figure(found.auc_theirs)} | {_figure(found.auc_ours)} |")
    print(f"| rank correlation of the two | | {_figure(found.rank_correlation)} |\n")
    print(
        "| old threshold | Perspective flags | same number: ours (both) | alike | calibrated (both) | alike | equals |"
    )
    print("|-|-|-|-|-|-|-|")
    for at in found.thresholds:
        print(_row(at))
    print()


def _row(at: Threshold) -> str:
    before = f"{at.flagged_by_ours} ({at.flagged_by_both}) | {_figure(at.same)}"
    after = f"{at.linked_flagged} ({at.linked_both}) | {_figure(at.linked)}"
    return f"| {at.theirs} | {at.flagged_by_theirs} | {before} | {after} | {_figure(at.ours)} |"


def _figure(found: Estimate) -> str:
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


if __name__ == "__main__":
    main()
