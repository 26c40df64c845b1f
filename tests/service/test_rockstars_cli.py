"""`tenth rockstars` on a desk with somebody who helps, and on an empty one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from moderation.errors import BadInput
from service.cli.rockstars import rockstars
from tests.support.board import Board, boarding, crowd


@pytest.fixture
def board() -> Iterator[Board]:
    with boarding() as found:
        yield found


@pytest.fixture
def run(board: Board) -> Iterator[CliRunner]:
    with patch("service.cli.rockstars.deps", autospec=True, return_value=board.deps):
        yield CliRunner()


def test_nobody_yet(run: CliRunner) -> None:
    assert "Nobody can be proposed yet." in run.invoke(rockstars).output
    assert json.loads(run.invoke(rockstars, ["--json"]).output)["candidates"] == []
    assert isinstance(run.invoke(rockstars, ["--area", "tag:none"]).exception, BadInput)


def test_the_best_with_their_evidence(run: CliRunner, board: Board) -> None:
    crowd(board)
    board.flush()
    told = run.invoke(rockstars, ["--shown", "4"])
    assert told.exit_code == 0 and "1. expert" in told.output and "Machines (community:1)" in told.output
    found = json.loads(run.invoke(rockstars, ["--area", "community:1", "--json"]).output)
    first = found["candidates"][0]
    assert first["accounts"][0]["handle"].startswith("expert") and first["against"] == []
    assert first["helped"]["low"] < first["helped"]["value"] < first["helped"]["high"]
    assert first["best"][0]["thread"] and found["waiting"] == 0
    listed = json.loads(run.invoke(rockstars, ["--areas", "--json"]).output)
    assert [a["area"] for a in listed] == ["community:1"]
    assert "community:1" in run.invoke(rockstars, ["--areas"]).output
