"""Answers without an end, read line by line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from plugins.contract import Permanent, Temporary
from plugins.net import bounds
from plugins.net.addresses import check_url
from plugins.net.answers import refuse_unread
from plugins.net.by_requests import GuardedAdapter, session_over

#: What a piece of a stream counts for at least: a million pieces of one byte cost more than their megabyte.
_LEAST_PIECE = 1024


class _StreamAdapter(GuardedAdapter):
    """Hands the answer over unread; `Stream` reads it under caps of its own."""

    def __init__(self, allow: frozenset[str], watch: bounds.Watch) -> None:
        self._watch = watch
        super().__init__(allow)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = (bounds.CONNECT_SECONDS, bounds.CALL_SECONDS)
        with self._watch.reading():
            response = super().send(request, *args, **kwargs)
        try:
            refuse_unread(response.status_code, response.headers, urlsplit(str(request.url)).hostname or "")
        except (Permanent, Temporary):
            response.close()
            raise
        return response


class Stream:
    """An answer without an end, read line by line. Close it."""

    def __init__(self, response: requests.Response, watch: bounds.Watch, idle_seconds: float) -> None:
        self._response = response
        self._watch = watch
        self._idle = idle_seconds
        self._where = urlsplit(str(response.url)).hostname or ""
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def lines(self) -> Iterator[bytes]:
        """Lines without their ends, until asked to stop. Raises Temporary when they break off, swell or stay away."""
        line = bytearray()
        self._watch.give(self._idle)
        for piece in self._pieces():
            first, *following = piece.split(b"\n")
            line += first
            for start in following:
                yield bytes(line)
                self._watch.give(self._idle)
                line = bytearray(start)
            if len(line) > bounds.MAX_LINE_BYTES:
                raise Temporary(
                    f"{self._where} sent a line of more than {bounds.MAX_LINE_BYTES // 1_048_576} MB; it was cut off."
                )

    def close(self) -> None:
        self._response.close()

    def _pieces(self) -> Iterator[bytes]:
        started, size = time.monotonic(), 0
        while piece := self._read():
            if time.monotonic() - started > bounds.CALL_SECONDS:
                started, size = time.monotonic(), 0
            size += max(len(piece), _LEAST_PIECE)
            if size > bounds.MAX_ANSWER_BYTES:
                raise Temporary(f"{self._where} streams more than anybody can read; it was cut off.")
            yield piece

    def _read(self) -> bytes:
        """What has come, waiting for it; b"" when asked to stop."""
        try:
            with self._watch.reading():
                piece: bytes = self._response.raw.read1(bounds.CHUNK, decode_content=False)
        except bounds.Stopped:
            return b""
        except ReadTimeoutError as error:
            raise Temporary(f"The stream of {self._where} fell silent for {self._idle:.0f} seconds.") from error
        except (HTTPError, OSError) as error:
            raise Temporary(f"{self._where} broke its stream off.", detail=type(error).__name__) from error
        if not piece:
            raise Temporary(f"{self._where} ended its stream.")
        return piece


def open_stream(
    url: str, allow: frozenset[str], headers: dict[str, str], *, idle_seconds: float, stopped: Callable[[], bool]
) -> Stream:
    """A GET whose answer may go on for ever, as long as a line comes every `idle_seconds`. Same guards as a call.

    Raises Temporary or Permanent; no text of theirs holds a header.
    """
    where = urlsplit(check_url(url, allow)).hostname or ""
    watch = bounds.Watch(bounds.CALL_SECONDS, stopped)
    # Nothing packed: how much comes out of a byte would have to be bounded as well.
    session = session_over(_StreamAdapter(allow, watch), {**headers, "Accept-Encoding": "identity"})
    try:
        response = session.get(url, stream=True, allow_redirects=False)
    except bounds.Stopped as error:
        raise Temporary(f"The call to {where} was stopped.") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        raise Temporary(f"{where} cannot be reached, or did not answer.", detail=type(error).__name__) from error
    return Stream(response, watch, idle_seconds)
