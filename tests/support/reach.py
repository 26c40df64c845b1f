"""Which test files can reach the database at all: the others say nothing new on another kind of database."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
#: The service by any way of naming it, imports and command lines alike; the sandbox has no database.
_SERVICE = re.compile(r"\bservice\.(?!sandbox\b)|\bfrom service import|\btenth\b.*\brun\b")
_IMPORTED = re.compile(r"^\s*(?:from|import)\s+([\w.]+)", re.MULTILINE)


@cache
def reaches_database(file: Path) -> bool:
    """Whether the file, or one of the tests' own modules that it imports, names the service."""
    return any(_SERVICE.search(one.read_text()) for one in _with_helpers(file))


def _with_helpers(file: Path) -> set[Path]:
    found, left = set(), [file.resolve()]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += [helper for name in _IMPORTED.findall(one.read_text()) for helper in _helper(one, name)]
    return found


def _helper(file: Path, name: str) -> list[Path]:
    """A module of the tests, by its full name, or by its short one from its own folder or the tests' root."""
    path = Path(*name.removeprefix("tests.").split(".")).with_suffix(".py")
    return [one for one in (_TESTS / path, file.parent / path) if one.is_file() and one.name != "conftest.py"][:1]
