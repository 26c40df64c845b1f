"""The converter's rules on small rows of each set's shape, and that the archive takes what it writes."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from plugins.archive import connector
from plugins.contract import Delivery

SCRIPT = Path(__file__).parents[2] / "scripts" / "convert_threads.py"
SPOTIFY = [
    ("849.0", "ann", "und", "Tue Oct 31 23:36:20 +0000 2017", "second", "1", "848.0"),
    ("847.0", "ann", "und", "Tue Oct 31 20:00:00 +0000 2017", "first", "1", ""),
    ("900.0", "ann", "en", "Thu Nov 02 23:36:20 +0000 2017", "48 hours later: another thread", "1", "899.0"),
    ("901.0", "bob", "und", "Tue Oct 31 23:00:00 +0000 2017", "somebody else", "0", ""),
    ("902.0", "bob", "und", "", "no date", "0", ""),
    ("903.0", "bob", "und", "Tue Oct 31 23:00:00 +0000 2017", " ", "0", ""),
]
INCIVILITY = [
    ("7", "7", "en", "opening", "", "0"),
    ("7", "8", "en", "answer", "", "1"),
    ("9", "9", "en", "other", "", "0"),
]
CYBERADO = [
    ("a", "0", "fr", "2019-06-13 14:04:07", "x", "salut", "", "", "", "", "0"),
    ("b", "0", "fr", "2:34:16 PM", "y", "un", "", "", "", "", "0"),
    ("b", "1", "fr", "2:30:00 PM", "z", "deux", "", "", "", "", "0"),
    ("c", "0", "fr", "leo77", "y", "sans heure", "", "", "", "", "0"),
    ("c", "1", "fr", "@Fatimah", "z", "non plus", "", "", "", "", "0"),
    ("d", "0", "fr", "11:34:40", "z", "court", "", "", "", "", "0"),
]
HEADS = {
    "spotify": "id author lang created_at text replied in_reply_to",
    "incivility": "thread comment lang text tbdf toxic",
    "cyberado": "thread n lang time author text role target verbal_abuse hate toxic",
}
ROWS: dict[str, list[Any]] = {"spotify": SPOTIFY, "incivility": INCIVILITY, "cyberado": CYBERADO}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("convert_threads", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["convert_threads"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def source(name: str, folder: Path, packed: bool = False) -> Path:
    text = io.StringIO()
    csv.writer(text).writerows([HEADS[name].split(), *ROWS[name]])
    path = folder / f"{name}.csv"
    path.write_bytes(gzip.compress(text.getvalue().encode()) if packed else text.getvalue().encode())
    return path


@pytest.fixture
def convert(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(name: str, packed: bool = False) -> tuple[list[dict[str, str]], str]:
        assert script.main([name, str(source(name, tmp_path, packed))]) == 0
        out, err = capsys.readouterr()
        return [json.loads(line) for line in out.splitlines()], err

    return run


def test_spotify_threads_are_one_authors_messages_within_48_hours(convert: Any) -> None:
    messages, figures = convert("spotify")
    assert [(m["thread"], m["id"]) for m in messages] == [
        ("847", "847"),
        ("847", "849"),
        ("900", "900"),
        ("901", "901"),
    ]
    assert figures == "6 rows, 2 dropped, 4 messages, 3 threads\n"


def test_spotify_dates_ids_and_languages_are_normalised(convert: Any) -> None:
    _, second, later, _ = convert("spotify")[0]
    assert second["created_at"] == "2017-10-31T23:36:20+00:00"
    assert (second["in_reply_to"], "lang" in second, later["lang"]) == ("848", False, "en")


def test_incivility_threads_are_spread_and_comments_are_a_minute_apart(convert: Any) -> None:
    first, second, other = convert("incivility")[0]
    times = [datetime.fromisoformat(m["created_at"]) for m in (first, second, other)]
    assert times[1] - times[0] == timedelta(minutes=1)
    assert times[2] - times[0] == timedelta(days=13.5)
    assert first["author"] != second["author"]


def test_cyberado_chats_fall_on_one_day_in_their_own_order(convert: Any) -> None:
    messages = convert("cyberado")[0]
    assert [m["id"] for m in messages] == ["a-0", "b-0", "b-1", "c-0", "c-1", "d-0"]
    assert [m["created_at"][:19] for m in messages] == [
        "2019-06-13T14:04:07",
        "2019-06-13T14:34:16",
        "2019-06-13T14:34:16",
        "2019-06-13T12:00:00",
        "2019-06-13T12:00:10",
        "2019-06-13T11:34:40",
    ]


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_archive_takes_every_line(convert: Any, name: str) -> None:
    messages, _ = convert(name, packed=True)
    lines = b"\n".join(json.dumps(message).encode() for message in messages)
    found = list(connector.read(io.BytesIO(lines)))
    assert len(found) == len(messages)
    assert all(isinstance(one, Delivery) for one in found)


@pytest.mark.parametrize("arguments", [[], ["spotify"], ["twitter", "x.csv"], ["spotify", "a", "b"]])
def test_a_wrong_call_shows_the_usage(
    script: ModuleType, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(arguments) == 2
    assert "usage:" in capsys.readouterr().err
