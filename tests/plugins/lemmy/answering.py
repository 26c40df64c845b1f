"""A small server that gives set answers, for what the sandbox never says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps
from threading import Thread
from typing import Any

from plugins.contract import Io
from plugins.lemmy import LemmySession, connector
from plugins.lemmy.settings import LemmySettings
from tests.support.pacer import MemoryPacer, utc_now

TOKEN = "a-token-that-nobody-may-see"
Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def answering(*answers: Answer) -> Iterator[tuple[LemmySettings, list[str], MemoryPacer]]:
    """A server that gives these answers in turn, the last one for ever; the calls that came; a pacer."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, body = answers[min(len(calls), len(answers) - 1)]
            calls.append(f"{self.command} {self.path}")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield LemmySettings(url=url, token=TOKEN, communities=("help",)), calls, MemoryPacer()  # type: ignore[arg-type]
    finally:
        server.shutdown()
        server.server_close()


def json(status: int = 200, **body: Any) -> Answer:
    return status, {"Content-Type": "application/json"}, dumps(body).encode()


def session(settings: LemmySettings, pacer: MemoryPacer) -> LemmySession:
    return connector.open(settings, Io(frozenset({"127.0.0.1"}), pacer, utc_now))
