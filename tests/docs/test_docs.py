"""The documents against the code: settings, commands, links, and nothing that belongs to one machine."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from service.cli import cli
from service.config import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


@cache
def tracked() -> tuple[str, ...]:
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return tuple(name for name in found.stdout.split("\0") if name and (ROOT / name).is_file())


def documents() -> list[Path]:
    return [ROOT / name for name in tracked() if name.endswith(".md")]


def prose() -> str:
    return "\n".join(path.read_text() for path in documents())


def rows() -> dict[str, list[str]]:
    """The README's table of settings, by variable."""
    found = {}
    for line in README.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and (name := re.fullmatch(r"`(TENTH_[A-Z_]+)`", cells[0])):
            found[name[1]] = cells[1:]
    return found


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_stands_in_the_readme_with_its_default_and_meaning(name: str) -> None:
    field = Settings.model_fields[name]
    cells = rows().get(f"TENTH_{name.upper()}")
    assert cells, f"TENTH_{name.upper()} is missing from the README's table"
    assert cells[-1] == field.description
    default = "" if field.default in ("", frozenset()) else str(field.default)
    assert cells[0].strip("`") == default


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    assert set(rows()) == {f"TENTH_{name.upper()}" for name in Settings.model_fields}


def links() -> Iterator[tuple[Path, str]]:
    for path in documents():
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)", text):
            if not re.match(r"[a-z]+:", target):
                yield path, target


def test_every_link_between_documents_leads_somewhere() -> None:
    for path, target in links():
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), f"{path.relative_to(ROOT)} links to {target}"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{path.relative_to(ROOT)} links to {target}"


def anchors(path: Path) -> set[str]:
    """Headings as the addresses that forges make of them."""
    heads = re.findall(r"^#+\s+(.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_is_named_in_the_documents(name: str) -> None:
    command = cli.commands[name]
    names = [name]
    if isinstance(command, click.Group) and name != "connect":
        names = [f"{name} {sub}" for sub in command.commands]
    for one in names:
        assert f"tenth {one}" in prose(), f"`tenth {one}` stands in no document"


def test_the_documents_name_no_command_that_is_not_there() -> None:
    for group, sub in re.findall(r"`tenth ([a-z]+)(?: ([a-z-]+))?", prose()):
        assert group in cli.commands, f"tenth {group}"
        command = cli.commands[group]
        if sub and isinstance(command, click.Group):
            assert command.get_command(click.Context(command), sub), f"tenth {group} {sub}"


#: Written in pieces, so that this file does not find itself.
PRIVATE = re.compile(
    "|".join(["/wo" + "rk/", "/ro" + "ot/", "/ho" + r"me/[a-z]+/", "(?:pypi|npm|index)" + r"-(?:mirror|proxy)"])
)
REGISTRY = re.compile("(?:index|registry|extra-index)" + "-url|" + "simple/" + r"\s*$", re.MULTILINE)


def test_no_file_names_a_place_of_one_machine_or_a_private_registry() -> None:
    for name in tracked():
        raw = (ROOT / name).read_bytes()
        if b"\0" in raw[:8_000] or name.startswith((".ci/", "tests/docs/")):
            continue
        text = raw.decode("utf-8", "replace")
        found = PRIVATE.search(text) or REGISTRY.search(text)
        assert found is None, f"{name}: {found[0] if found else ''}"
