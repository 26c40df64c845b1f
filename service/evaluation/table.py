"""The figures as tables that fit a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from moderation.evaluation.metrics import Estimate
from service.evaluation.curve import CurveRow
from service.evaluation.measure import SetRow, SuiteRow, SuiteSummary
from service.evaluation.speed import SpeedRow
from service.evaluation.threads import ThreadRow
from service.evaluation.turning import HintRow, TurnRow


def figure(value: float | None) -> str:
    return (
        "–"
        if value is None or value != value
        else f"{value:.3f}".replace("0.", ".", 1)
        if value < 1
        else f"{value:.2f}"
    )


def estimate(value: Estimate | None) -> str:
    """`.812 (.78–.84)`, without brackets where no interval was taken."""
    if value is None or value.value != value.value:
        return "–"
    if value.low != value.low:
        return figure(value.value)
    return f"{figure(value.value)} ({figure(value.low)}–{figure(value.high)})"


def _print(console: Console, title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*names, title=title, title_justify="left", header_style="bold")
    for row in rows:
        table.add_row(*row)
    if table.row_count:
        console.print(table)


def print_sets(console: Console, rows: Sequence[SetRow]) -> None:
    names = ("set", "lang", "head", "judge", "texts", "positive", "AUC", "AP", "best F1", "ECE", "recall at 10%")
    titles = {"in domain": "In domain: a held-out fifth of what trained", "unseen": "Unseen domain: trained nothing"}
    for kind, title in titles.items():
        _print(
            console,
            title,
            names,
            (
                (
                    *(r.name, r.language, r.head, r.judge, f"{r.texts:,}", f"{r.positives:,}"),
                    *(estimate(r.auc), figure(r.average_precision), figure(r.best_f1), figure(r.ece)),
                    estimate(r.recall),
                )
                for r in rows
                if r.kind == kind
            ),
        )


def print_suite(console: Console, rows: Sequence[SuiteRow], summaries: Sequence[SuiteSummary]) -> None:
    _print(
        console,
        "Functional suite: share of labels right at a cut of 0.5",
        ("lang", "kind", "scorer", "cases", "toxicity", "needs"),
        ((r.language, r.kind, r.scorer, str(r.cases), estimate(r.toxicity), estimate(r.urgency)) for r in rows),
    )
    _print(
        console,
        "Functional suite: whole",
        ("lang", "scorer", "cases", "toxicity AUC", "needs AUC", "courtesy calmed", "widest term gaps"),
        (
            (
                *(s.language, s.scorer, str(s.cases), estimate(s.toxicity_auc), estimate(s.urgency_auc)),
                f"{s.courtesy} of {s.courtesy_cases}",
                ", ".join(f"{term} {gap:+.2f}" for term, gap in list(s.term_gaps.items())[:4]),
            )
            for s in summaries
        ),
    )
    _print(
        console,
        "Functional suite: AUC of each kind of toxicity and each intent",
        ("lang", "scorer", "kinds of toxicity", "intents"),
        ((s.language, s.scorer, _named(s.classes.items()), _named(s.intents.items())) for s in summaries),
    )


def _named(pairs: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {figure(value)}" for name, value in pairs) or "not judged"


def print_threads(console: Console, rows: Sequence[ThreadRow]) -> None:
    _print(
        console,
        "Threads: the triage beside simpler orders",
        ("set", "ranking", "threads", "positive", "AUC", "recall at 10%"),
        ((r.name, r.ranking, str(r.threads), str(r.positives), estimate(r.auc), estimate(r.recall)) for r in rows),
    )


def print_curve(console: Console, rows: Sequence[CurveRow]) -> None:
    _print(
        console,
        "Learning curve: recall at 10% after so many simulated decisions (mean, lowest and highest of 5 runs)",
        ("set", "lang", "scorer", "decisions", "recall at 10%"),
        ((r.name, r.language, r.scorer, str(r.decisions), estimate(r.recall)) for r in rows),
    )


def print_turning(console: Console, turns: Sequence[TurnRow], hints: Sequence[HintRow]) -> None:
    _print(
        console,
        "Threads that turned: caught by the line, at once, and messages of delay",
        ("set", "scorer", "threads", "caught", "at once", "delay"),
        ((r.name, r.scorer, str(r.threads), estimate(r.caught), estimate(r.at_once), estimate(r.delay)) for r in turns),
    )
    _print(
        console,
        "Could it be told from the first three messages?",
        ("set", "scorer", "hint", "threads", "turned", "AUC"),
        ((r.name, r.scorer, r.hint, str(r.threads), str(r.turned), estimate(r.auc)) for r in hints),
    )


def print_speed(console: Console, rows: Sequence[SpeedRow]) -> None:
    _print(
        console,
        "Speed and size (this machine)",
        ("scorer", "texts", "messages per core-second", "single calls per core-second", "MB"),
        (
            (r.scorer, f"{r.texts:,}", f"{r.per_core_second:,.0f}", f"{r.singles:,.0f}", f"{r.bytes / 1e6:.1f}")
            for r in rows
        ),
    )
