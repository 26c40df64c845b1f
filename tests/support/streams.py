"""A server that has nothing but a description of itself and a stream, played by a test over real sockets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STREAM = "/api/v1/streaming/user"
Send = Callable[[bytes], None]
Play = Callable[[Send], None]
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"


@dataclass
class Streaming:
    url: str
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    named: str = ""

    @property
    def opened(self) -> int:
        return sum(path.startswith(STREAM) for path in self.asked)


def says(status: str, *headers: str, body: bytes = b"{}") -> Play:
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()
    return lambda send: send(head + body)


def sends(*pieces: bytes, every: float = 0.0, then_silent: bool = True) -> Play:
    """The pieces one after the other, then silence until the client hangs up or for a minute."""

    def play(send: Send) -> None:
        send(EVENTS)
        for piece in pieces:
            send(piece)
            time.sleep(every)
        for _ in range(1200 * then_silent):
            time.sleep(0.05)

    return play


@contextmanager
def streaming_server(play: Play, named: str = "") -> Iterator[Streaming]:
    """Names itself as the host of its streams, or what `named` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append(self.path)
            self.close_connection = True
            if self.path.startswith(STREAM):
                here.tokens.append(self.headers.get("Authorization", ""))
                self._play()
                return
            streaming = here.named or here.url.replace("http", "ws", 1)
            says("200 OK", body=json.dumps({"configuration": {"urls": {"streaming": streaming}}}).encode())(self._send)

        def _play(self) -> None:
            try:
                play(self._send)
            except OSError:
                return  # the client hung up

        def _send(self, data: bytes) -> None:
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here = Streaming(f"http://127.0.0.1:{server.server_port}", named=named)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


def wait_until(happened: Callable[[], object], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if happened():
            return True
        time.sleep(0.02)
    return False
