"""Files as they come: whole, broken, hostile, twice."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import pytest

from plugins.archive import connector, intake
from plugins.contract import BadLine, Delivery

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def line(**changes: Any) -> bytes:
    fields = {"thread": "t", "id": "1", "author": "ann", "created_at": "2024-05-01T12:00:00Z", "text": "hello"}
    return json.dumps(fields | changes).encode()


def read(raw: bytes) -> list[Delivery | BadLine]:
    return list(intake.read(io.BytesIO(raw), NOW))


def keys(found: Iterable[Delivery | BadLine]) -> list[str]:
    return [one.key for one in found if isinstance(one, Delivery)]


def only_bad(raw: bytes) -> BadLine:
    (found,) = read(raw)
    assert isinstance(found, BadLine)
    return found


def test_the_same_message_has_the_same_key_however_it_is_spelled() -> None:
    spellings = [
        line(),
        line(created_at="2024-05-01T14:00:00+02:00"),
        line(lang="und", unknown=1),
        json.dumps(dict(reversed(json.loads(line()).items())), indent=None).encode(),
    ]
    assert len(set(keys(read(b"\n".join(spellings))))) == 1


def test_a_changed_text_has_another_key() -> None:
    first, second = keys(read(line() + b"\n" + line(text="hello!")))
    assert first != second


def test_blank_lines_crlf_and_a_byte_order_mark_are_fine() -> None:
    found = read(b"\xef\xbb\xbf\r\n" + line() + b"\r\n\n  \n" + line(id=2) + b"\r\n")
    assert len(keys(found)) == len(found) == 2


def test_bad_lines_keep_their_number_and_their_place() -> None:
    found = read(b"\n".join([line(), b"{", b"", line(id=2), b"7"]))
    assert [one.number if isinstance(one, BadLine) else "good" for one in found] == ["good", 2, "good", 5]


def test_an_empty_file_holds_nothing() -> None:
    assert read(b"") == read(b"\xef\xbb\xbf") == read(b"\n\n") == []


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_longer_than_1_mb_is_passed_over(end: bytes) -> None:
    long = line(text="x" * 3 * 1024 * 1024)
    found = read(line() + b"\n" + long + end)
    assert found[1:] == [BadLine(2, "line is longer than 1 MB")]
    assert len(keys(read(long + b"\n" + line()))) == 1


def test_a_line_of_exactly_1_mb_is_read() -> None:
    padded = line()[:-1] + b" " * (intake.MAX_LINE_BYTES - len(line())) + b"}"
    assert len(keys(read(padded + b"\n" + line(id=2)))) == 2


def test_a_clock_may_be_a_day_ahead_but_not_more() -> None:
    assert keys(read(line(created_at=(NOW + timedelta(hours=23)).isoformat())))
    assert "is in the future" in only_bad(line(created_at=(NOW + timedelta(hours=25)).isoformat())).reason


def test_the_connector_reads_by_todays_clock() -> None:
    (found,) = connector.read(io.BytesIO(line(created_at="9998-01-01T00:00:00Z")))
    assert isinstance(found, BadLine)


def test_nothing_is_read_ahead() -> None:
    class Endless(io.RawIOBase):
        served = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.served += 1
            data = (line() + b"\n")[: len(buffer)]
            buffer[: len(data)] = data
            return len(data)

    source = Endless()
    stream: IO[bytes] = io.BufferedReader(source)
    found = intake.read(stream, NOW)
    assert isinstance(next(found), Delivery)
    assert source.served < 10


@pytest.mark.parametrize(
    "raw", [b"\x00\x01\x02", b"PK\x03\x04zip", b"\x1f\x8b\x08gzip", b"id,text\n1,hello", b"\xff" * 99]
)
def test_other_files_give_bad_lines_and_no_error(raw: bytes) -> None:
    assert all(isinstance(one, BadLine) for one in read(raw))
