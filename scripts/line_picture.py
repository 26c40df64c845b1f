"""Draws the simulated line: `python scripts/line_picture.py docs/images/line.svg` (half a minute)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from service.evaluation.line import DRIFT_FROM, OUTAGE_AT, START, Moment, simulate

WIDTH, HEIGHT, LEFT, TOP = 960, 200, 64, 36
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #4a5560 } .title { font-weight: 600; fill: #1d2730 }
.grid { stroke: #d5dbe0; stroke-width: 1 } .goal { fill: #2c7a7b; opacity: .12 }
.line { fill: none; stroke: #2c7a7b; stroke-width: 2 } .mark { stroke: #b4532a; stroke-dasharray: 4 4 }
@media (prefers-color-scheme: dark) { text { fill: #a9b4be } .title { fill: #e6ebef } .grid { stroke: #3a444d }
.line { stroke: #5cc4c5 } .goal { fill: #5cc4c5 } .mark { stroke: #e08a5f } }
</style>"""


def picture(moments: Sequence[Moment]) -> str:
    """Share shown, conversations above the line and the line itself, over the weeks."""
    panels = (
        ("Share of the window's conversations that the team was shown, in %", 0.0, 15.0, lambda m: 100 * m.shown),
        ("Conversations standing above the line, undecided", 0.0, 12.0, lambda m: float(m.standing)),
        ("The line: lowest priority above it", 0.0, 1.0, lambda m: m.cut),
    )
    parts = [_panel(n, title, low, high, of, moments) for n, (title, low, high, of) in enumerate(panels)]
    height = TOP + len(panels) * (HEIGHT + 56)
    size = f'viewBox="0 0 {WIDTH + LEFT + 24} {height}" role="img" aria-label="Nine simulated weeks of the line"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{STYLE}{"".join(parts)}</svg>\n'


def _panel(
    place: int, title: str, low: float, high: float, of: Callable[[Moment], float], moments: Sequence[Moment]
) -> str:
    top = TOP + place * (HEIGHT + 56)

    def y(value: float) -> float:
        return top + HEIGHT * (1 - (min(max(value, low), high) - low) / (high - low))

    span = moments[-1].at - START
    xs = [LEFT + WIDTH * ((m.at - START) / span) for m in moments]
    points = " ".join(f"{x:.1f},{y(of(m)):.1f}" for x, m in zip(xs, moments, strict=True))
    drawn = [f'<text class="title" x="{LEFT}" y="{top - 12}">{title}</text>']
    if place == 0:
        drawn.append(f'<rect class="goal" x="{LEFT}" y="{y(11):.1f}" width="{WIDTH}" height="{y(9) - y(11):.1f}"/>')
    for step in range(4):
        value = low + (high - low) * step / 3
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        drawn.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for label, at in (("outage", OUTAGE_AT), ("from here on it gets worse", DRIFT_FROM)):
        x = LEFT + WIDTH * ((at - START) / span)
        drawn.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + HEIGHT}"/>')
        drawn.append(f'<text x="{x + 6:.1f}" y="{top + 16 + (18 if label == "outage" else 0)}">{label}</text>')
    drawn.append(f'<polyline class="line" points="{points}"/>')
    weeks = round(span.days / 7)
    drawn += [
        f'<text x="{LEFT + WIDTH * week / weeks:.1f}" y="{top + HEIGHT + 20}" text-anchor="middle">week {week}</text>'
        for week in range(1, weeks + 1)
    ]
    return "".join(drawn)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(simulate().moments), encoding="utf-8")
