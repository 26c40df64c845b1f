"""docs/SECURITY.md against the tree: every requirement is there once, every test and file it names exists."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "SECURITY.md").read_text()
#: OWASP ASVS 5.0.0: how many requirements of the levels 1 and 2 each section has; they are numbered from 1 and come
#: before those of level 3.
SECTIONS = {
    "1.1": 2,
    "1.2": 9,
    "1.3": 11,
    "1.4": 3,
    "1.5": 2,
    "2.1": 3,
    "2.2": 3,
    "2.3": 4,
    "2.4": 1,
    "3.2": 2,
    "3.3": 4,
    "3.4": 6,
    "3.5": 5,
    "3.7": 2,
    "4.1": 3,
    "4.2": 1,
    "4.3": 2,
    "4.4": 4,
    "5.1": 1,
    "5.2": 3,
    "5.3": 2,
    "5.4": 3,
    "6.1": 3,
    "6.2": 12,
    "6.3": 4,
    "6.4": 4,
    "6.5": 5,
    "6.6": 3,
    "6.8": 4,
    "7.1": 3,
    "7.2": 4,
    "7.3": 2,
    "7.4": 5,
    "7.5": 2,
    "7.6": 2,
    "8.1": 2,
    "8.2": 3,
    "8.3": 1,
    "8.4": 1,
    "9.1": 3,
    "9.2": 4,
    "10.1": 2,
    "10.2": 2,
    "10.3": 4,
    "10.4": 11,
    "10.5": 5,
    "10.6": 2,
    "10.7": 3,
    "11.1": 2,
    "11.2": 3,
    "11.3": 3,
    "11.4": 4,
    "11.5": 1,
    "11.6": 1,
    "12.1": 3,
    "12.2": 2,
    "12.3": 4,
    "13.1": 1,
    "13.2": 5,
    "13.3": 2,
    "13.4": 5,
    "14.1": 2,
    "14.2": 4,
    "14.3": 3,
    "15.1": 3,
    "15.2": 3,
    "15.3": 7,
    "16.1": 1,
    "16.2": 5,
    "16.3": 4,
    "16.4": 3,
    "16.5": 3,
    "17.1": 1,
    "17.2": 4,
    "17.3": 2,
}
#: Of the standard, levels 1 and 2 together.
IN_ALL = 253
STATES = ("met", "partly", "not met", "does not apply")
_ID = r"v5\.0\.0-(\d+\.\d+)\.(\d+)"


@dataclass(frozen=True)
class Row:
    """One line of the table; `ids` are the requirements it speaks of."""

    ids: tuple[str, ...]
    short: str
    state: str
    shown: str

    @property
    def tests(self) -> list[tuple[str, str]]:
        return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", self.shown)

    @property
    def files(self) -> list[str]:
        return re.findall(
            r"`((?:service|plugins|moderation|docs)/[\w/.]+|[\w.]*\.(?:toml|txt|yaml|md)|Dockerfile)`", self.shown
        )


def rows() -> list[Row]:
    found = []
    for line in TEXT.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and cells[0].startswith("v5.0.0-"):
            assert len(cells) == 4, line
            found.append(Row(spoken_of(cells[0]), *cells[1:]))
    return found


def spoken_of(cell: str) -> tuple[str, ...]:
    """The requirements of a first cell: one, or from one to another of a section."""
    ends = re.findall(_ID, cell)
    assert re.fullmatch(f"{_ID}(?: – {_ID})?", cell), cell
    assert len({section for section, _ in ends}) == 1, cell
    section, first, last = ends[0][0], int(ends[0][1]), int(ends[-1][1])
    return tuple(f"{section}.{n}" for n in range(first, last + 1))


@cache
def source(path: str) -> str:
    return (ROOT / path).read_text()


def test_every_requirement_stands_there_once_and_no_other() -> None:
    wanted = [f"{section}.{n}" for section, count in SECTIONS.items() for n in range(1, count + 1)]
    assert len(wanted) == IN_ALL
    assert [one for row in rows() for one in row.ids] == wanted


def test_the_count_at_the_top_is_that_of_the_table() -> None:
    counted = Counter(state for row in rows() for state in [row.state] * len(row.ids))
    assert set(counted) <= set(STATES)
    told = re.search(r"\| met \| partly \| not met \| does not apply \| in all \|\n\|[-|]+\|\n\|(.+)\|", TEXT)
    assert told
    assert [int(n) for n in told[1].split("|")] == [*(counted[s] for s in STATES), IN_ALL]


@pytest.mark.parametrize("row", rows(), ids=lambda r: r.ids[0])
def test_what_a_row_names_is_there(row: Row) -> None:
    for path, name in row.tests:
        assert re.search(rf"^(?:async )?def {name}\(", source(path), re.MULTILINE), f"{path}::{name}"
    for path in row.files:
        assert (ROOT / path).is_file(), path
    for title in re.findall(r"`docs/SECURITY\.md` \(([\w ]+)", row.shown):
        assert f"\n## {title}\n" in TEXT, title


@pytest.mark.parametrize("row", rows(), ids=lambda r: r.ids[0])
def test_a_row_shows_what_it_says(row: Row) -> None:
    """What is met names a test or a file; all else says why."""
    assert row.state in STATES
    assert row.short
    if row.state == "met":
        assert row.tests or row.files
    else:
        assert re.search(r"[a-z]{2,} \w", re.sub(r"`[^`]*`", "", row.shown)), "say what is missing, or why"


def test_no_sentence_is_the_standards_own() -> None:
    assert "Verify that" not in TEXT
