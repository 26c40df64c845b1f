"""Streams as hints, over real sockets: what counts as one, what ends them, and where the token may go."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from plugins.contract import ConnectorError, GivesHints, Io, Permanent, RateLimited, Temporary
from plugins.mastodon import connector, streaming
from plugins.net import AddressBlocked, bounds
from tests.plugins.mastodon.making import TOKEN, settings_for, utc_now
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer
from tests.support.streams import EVENTS, STREAM, Play, Send, says, sends, streaming_server, wait_until

LISTED = frozenset({"127.0.0.1"})


def io(allow: frozenset[str] = LISTED) -> Io:
    return Io(allow, MemoryPacer(), utc_now)


class Ear:
    """Listens in a thread of its own, as the worker does."""

    def __init__(self, url: str, token: str = TOKEN, *, idle: float = 60.0) -> None:
        self.stop = threading.Event()
        self.heard = 0
        self.error: ConnectorError | None = None
        self.thread = threading.Thread(target=self._listen, args=(url, token, idle), daemon=True)
        self.thread.start()

    def _listen(self, url: str, token: str, idle: float) -> None:
        try:
            for _ in streaming.hints(settings_for(url, token), io(), self.stop, idle_seconds=idle):
                self.heard += 1
        except ConnectorError as error:
            self.error = error

    def ended(self, seconds: float = 60.0) -> bool:
        self.thread.join(seconds)
        return not self.thread.is_alive()


@contextmanager
def listening(url: str, token: str = TOKEN, *, idle: float = 60.0) -> Iterator[Ear]:
    ear = Ear(url, token, idle=idle)
    try:
        yield ear
    finally:
        ear.stop.set()
        assert ear.ended()


def failure_of(play: Play, *, idle: float = 60.0) -> ConnectorError:
    """What a stream that is played so ends with. The token is nowhere in it."""
    with streaming_server(play) as server, listening(server.url, idle=idle) as ear:
        assert ear.ended()
        assert ear.error is not None
        assert TOKEN not in "".join(traceback.format_exception(ear.error)) + ear.error.detail
        assert TOKEN not in "".join(server.asked)
        return ear.error


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox(streaming=True, streaming_heartbeat_seconds=0.1) as running:
        yield running


class TestHints:
    def test_the_connector_keeps_the_contract(self) -> None:
        assert isinstance(connector, GivesHints)

    def test_a_mention_is_one_and_what_concerns_others_is_not(self, box: Running) -> None:
        with listening(box.mastodon.url, box.mastodon.token) as ear:
            assert wait_until(lambda: ear.heard == 1), "the opening itself"
            box.control("POST", "/statuses", username="ines", text="nothing for anybody")
            box.control("POST", "/statuses", username="ines", text="@brava my grinder is broken")
            assert wait_until(lambda: ear.heard > 1)
            assert ear.heard == 2

    def test_own_posts_edits_and_deletions_are(self, box: Running) -> None:
        with listening(box.mastodon.url, box.mastodon.token) as ear:
            assert wait_until(lambda: ear.heard == 1)
            made = box.control("POST", "/statuses", username="brava", text="hello")
            box.control("PUT", f"/statuses/{made['id']}", text="hello all")
            box.control("DELETE", f"/statuses/{made['id']}")
            assert wait_until(lambda: ear.heard == 4)

    def test_heartbeats_keep_a_stream_alive_and_are_no_hints(self, box: Running) -> None:
        with listening(box.mastodon.url, box.mastodon.token, idle=2.0) as ear:
            assert not ear.ended(2.5)
            assert ear.heard == 1

    def test_the_thread_of_a_client_that_left_ends(self, box: Running) -> None:
        with listening(box.mastodon.url, box.mastodon.token):
            assert wait_until(lambda: box.world.fedi.watchers)
        assert wait_until(lambda: not box.world.fedi.watchers)

    def test_asked_to_stop_in_a_silence(self) -> None:
        with streaming_server(sends()) as server, listening(server.url, idle=60) as ear:
            assert wait_until(lambda: ear.heard == 1)
            ear.stop.set()
            assert ear.ended()
            assert ear.error is None


class TestSandbox:
    def test_health(self, box: Running) -> None:
        assert box.client.get("/api/v1/streaming/health").text == "OK"

    def test_off_is_404(self) -> None:
        with running_sandbox() as off:
            for path in (STREAM, "/api/v1/streaming/health"):
                assert off.client.get(path, headers=off.mastodon.headers).status_code == 404

    def test_without_a_token(self, box: Running) -> None:
        assert box.client.get(STREAM).status_code == 401

    def test_events_are_those_of_mastodon(self, box: Running) -> None:
        with box.client.stream("GET", STREAM, headers=box.mastodon.headers) as answer:
            lines = answer.iter_lines()
            assert (answer.headers["content-type"].partition(";")[0], next(lines)) == ("text/event-stream", ":)")
            box.control("POST", "/statuses", username="brava", text="hello")
            found = [line for line in (next(lines) for _ in range(6)) if line.startswith(("event:", "data:"))]
        assert (found[0], found[1][:13]) == ("event: update", 'data: {"id": ')

    def test_an_open_stream_does_not_hold_up_the_end(self) -> None:
        with running_sandbox(streaming=True) as box:
            ear = Ear(box.mastodon.url, box.mastodon.token, idle=60)
            assert wait_until(lambda: ear.heard == 1)
            started = time.monotonic()
        assert time.monotonic() - started < 30  # of the minute it may be silent
        assert ear.ended()
        assert isinstance(ear.error, Temporary)


class TestNoStreamHere:
    @pytest.mark.parametrize(
        "play",
        [
            *(says(status) for status in ("401 No", "403 No", "404 No", "405 No", "410 No")),
            says("200 OK", "Content-Type: application/json"),
            says("200 OK", "Content-Type: text/html"),
        ],
    )
    def test_ends_without_a_word(self, play: Play) -> None:
        with streaming_server(play) as server, listening(server.url) as ear:
            assert ear.ended()
            assert (ear.heard, ear.error, server.opened) == (0, None, 1)


def drip(send: Send) -> None:
    send(EVENTS)
    for _ in range(100):
        send(b"x")
        time.sleep(0.05)


def endless(chunk: bytes) -> Play:
    def play(send: Send) -> None:
        send(EVENTS)
        while True:
            send(chunk)

    return play


class TestBroken:
    def test_silent(self) -> None:
        error = failure_of(sends(b":)\n"), idle=0.4)
        assert isinstance(error, Temporary)
        assert "silent" in str(error)

    def test_bytes_that_never_make_a_line_are_no_life(self) -> None:
        assert "silent" in str(failure_of(drip, idle=0.4))

    def test_a_line_without_end(self) -> None:
        assert "a line of more than 1 MB" in str(failure_of(endless(b"x" * 65_536)))

    def test_a_flood_of_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounds, "MAX_ANSWER_BYTES", 1_000_000)
        assert "more than anybody can read" in str(failure_of(endless(b":\n" * 32_768)))

    def test_ended_by_the_server(self) -> None:
        assert isinstance(failure_of(sends(b"event: update\n", then_silent=False)), Temporary)

    def test_packed(self) -> None:
        play = says("200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip")
        assert isinstance(failure_of(play), Temporary)

    def test_in_trouble(self) -> None:
        assert isinstance(failure_of(says("503 Busy")), Temporary)

    def test_asked_to_wait(self) -> None:
        error = failure_of(says("429 Slow", "Retry-After: 90"))
        assert isinstance(error, RateLimited)

    def test_sent_elsewhere(self) -> None:
        with streaming_server(sends()) as other:
            error = failure_of(says("302 Found", f"Location: {other.url}{STREAM}"))
            assert (type(error), other.asked) == (Permanent, [])


class TestHost:
    def test_another_one_named_by_the_server_gets_the_token_in_its_header(self) -> None:
        with streaming_server(sends(b"event: update\n")) as streams:
            named = streams.url.replace("http", "ws") + "/"
            with streaming_server(sends(), named) as server, listening(server.url) as ear:
                assert wait_until(lambda: ear.heard == 2)
                assert (server.opened, streams.asked, streams.tokens) == (0, [STREAM], [f"Bearer {TOKEN}"])

    def test_a_private_one_that_is_not_listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = socket.getaddrinfo

        def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
            return real("10.1.2.3" if host == "streams.example" else host, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with streaming_server(sends(), "wss://streams.example") as server:
            assert "an address of a private network" in self._refusal(server.url, LISTED)

    def test_one_without_encryption_that_is_not_listed(self) -> None:
        with streaming_server(sends()) as streams, streaming_server(sends(), streams.url) as server:
            listed = frozenset({server.url.removeprefix("http://")})
            assert "not encrypted" in self._refusal(server.url, listed)
            assert streams.asked == []

    @pytest.mark.parametrize("named", ["ws://social.example", "ftp://social.example", "wss://a:b@social.example", "no"])
    def test_a_name_that_is_no_use_for_an_encrypted_server(self, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
        monkeypatch.setattr(streaming, "_named", lambda *_: named)
        self._refusal("https://social.example", frozenset({"social.example"}))

    def _refusal(self, url: str, allow: frozenset[str]) -> str:
        with pytest.raises(AddressBlocked) as refused:
            next(streaming.hints(settings_for(url), io(allow), threading.Event()))
        assert TOKEN not in str(refused.value) + refused.value.detail
        return str(refused.value)
