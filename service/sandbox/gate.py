"""In front of the application: one request at a time holds the world's lock, and faults are played out here."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import cache
from io import BytesIO
from threading import Event, Thread
from typing import TYPE_CHECKING

from werkzeug.test import run_wsgi_app
from werkzeug.wsgi import get_input_stream

from service.sandbox.faults import Fault
from service.sandbox.ids import iso
from service.sandbox.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BODY = 8 * 1024 * 1024
BOMB_MEBIBYTES = 64

Headers = list[tuple[str, str]]
Answer = tuple[str, Headers, bytes]
JSON_TYPE = ("Content-Type", "application/json; charset=utf-8")


class Gate:
    def __init__(self, inner: WSGIApplication, world: World) -> None:
        self.inner = inner
        self.world = world
        self.closing = Event()  # ends every silence when the server stops

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Read before the lock is taken: a slow sender must not hold up everybody else.
        environ["wsgi.input"] = BytesIO(get_input_stream(environ, max_content_length=MAX_BODY).read())
        environ["wsgi.input_terminated"] = True
        path = environ["PATH_INFO"]
        with self.world.lock:
            fault = None if path.startswith("/_sandbox") else self.world.faults.draw(environ["REQUEST_METHOD"], path)
        if fault is None:
            return _send(start_response, self._answer(environ))
        if fault.kind == "drip":
            status, headers, body = self._answer(environ)
            start_response(status, headers)
            return self._drip(body)
        return _send(start_response, self._spoiled(fault, environ))

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        with self.world.lock:
            chunks, status, headers = run_wsgi_app(self.inner, environ, buffered=True)
            return status, list(headers), b"".join(chunks)

    def _spoiled(self, fault: Fault, environ: WSGIEnvironment) -> Answer:
        if fault.kind == "ignore_idempotency":
            return self._answer(environ | {"sandbox.ignore_idempotency": True})
        if fault.kind in SILENT:
            self._be_silent(fault, environ)
        if fault.kind in INSTEAD:
            return INSTEAD[fault.kind](fault, self.world)
        return INSIDE[fault.kind](self._answer(environ))

    def _be_silent(self, fault: Fault, environ: WSGIEnvironment) -> None:
        """Nothing is ever answered: the caller gives up first, or finds the connection closed."""
        if fault.kind == "timeout_after":
            self._answer(environ)
        if fault.kind == "late_effect":
            later = dict(environ)
            Thread(target=self._act_late, args=(fault.delay, later), daemon=True).start()
        with self.world.lock:
            fault.silences += 1
        self.closing.wait(fault.seconds)
        connection = environ.get("werkzeug.socket")
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("a fault was asked for: no answer")

    def _act_late(self, delay: float, environ: WSGIEnvironment) -> None:
        if not self.closing.wait(delay):
            self._answer(environ)

    def _drip(self, body: bytes) -> Iterator[bytes]:
        for byte in body:
            if self.closing.wait(1.0):
                return
            yield bytes([byte])


def _send(start_response: StartResponse, answer: Answer) -> list[bytes]:
    status, headers, body = answer
    start_response(status, headers)
    return [body]


def _with_body(answer: Answer, body: bytes, *more: tuple[str, str]) -> Answer:
    status, headers, _ = answer
    replaced = {"content-length"} | {name.lower() for name, _ in more}
    kept = [(k, v) for k, v in headers if k.lower() not in replaced]
    return status, [*kept, *more, ("Content-Length", str(len(body)))], body


def _made(status: str, body: bytes, *headers: tuple[str, str]) -> Answer:
    return status, [*headers, ("Content-Length", str(len(body)))], body


def _discourse_429(fault: Fault, _: World) -> Answer:
    wait = int(fault.seconds)
    told = {
        "errors": ["You’ve performed this action too many times, please try again later."],
        "error_type": "rate_limit",
        "extras": {"wait_seconds": wait, "time_left": f"{wait} seconds"},
    }
    return _made("429 Too Many Requests", json.dumps(told).encode(), JSON_TYPE)


def _discourse_global_429(fault: Fault, _: World) -> Answer:
    text = f"Slow down, you're making too many requests.\nPlease retry again in {int(fault.seconds)} seconds.\n"
    told = (("Retry-After", str(int(fault.seconds))), ("Discourse-Rate-Limit-Error-Code", "ip_60_secs_limit"))
    return _made("429 Too Many Requests", text.encode(), *told)


def _mastodon_429(fault: Fault, world: World) -> Answer:
    reset = iso(world.now() + timedelta(seconds=fault.seconds))
    told = (("X-RateLimit-Limit", "300"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", reset))
    return _made("429 Too Many Requests", b'{"error":"Too many requests"}', JSON_TYPE, *told)


def _server_error(fault: Fault, _: World) -> Answer:
    page = b"<!DOCTYPE html><html><head><title>Oops</title></head><body><h1>Oops</h1></body></html>"
    return _made(f"{fault.status} Server Error", page, ("Content-Type", "text/html; charset=utf-8"))


def _redirect(fault: Fault, _: World) -> Answer:
    return _made("302 Found", b"", ("Location", fault.location), ("Content-Type", "text/html"))


def _bomb(_: Fault, __: World) -> Answer:
    return _made("200 OK", _bomb_body(), JSON_TYPE, ("Content-Encoding", "gzip"))


@cache
def _bomb_body() -> bytes:
    """64 MiB of spaces, packed a mebibyte at a time so that this process never holds them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    mebibyte = b" " * 1024 * 1024
    return b"".join(packer.compress(mebibyte) for _ in range(BOMB_MEBIBYTES)) + packer.flush()


def _empty(_: Fault, __: World) -> Answer:
    return _made("200 OK", b"", JSON_TYPE)


def _broken(answer: Answer) -> Answer:
    return _with_body(answer, answer[2][: len(answer[2]) // 2])


def _wrong_type(answer: Answer) -> Answer:
    return _with_body(answer, answer[2], ("Content-Type", "text/html"))


def _invalid_utf8(answer: Answer) -> Answer:
    return _with_body(answer, answer[2].replace(b'":"', b'":"\xff\xfe', 3))


def _null_bytes(answer: Answer) -> Answer:
    return _with_body(answer, answer[2].replace(b'":"', b'":"\\u0000', 3))


SILENT = ("timeout_before", "timeout_after", "late_effect")
INSTEAD: dict[str, Callable[[Fault, World], Answer]] = {
    "discourse_429": _discourse_429,
    "discourse_global_429": _discourse_global_429,
    "mastodon_429": _mastodon_429,
    "server_error": _server_error,
    "redirect": _redirect,
    "gzip_bomb": _bomb,
    "empty": _empty,
}
INSIDE: dict[str, Callable[[Answer], Answer]] = {
    "broken_json": _broken,
    "wrong_type": _wrong_type,
    "invalid_utf8": _invalid_utf8,
    "null_bytes": _null_bytes,
}
