"""The recorded exchanges of a real NodeBB 4.11.2, and a server that replays them over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "contracts" / "recorded" / "nodebb"
HAVE = SHARED.is_dir()
needs_recordings = pytest.mark.skipif(
    not HAVE, reason="the recorded exchanges (../shared/contracts/recorded) are not here"
)


@cache
def exchanges() -> tuple[dict[str, Any], ...]:
    files = sorted(SHARED.glob("*.json"), key=lambda path: int(path.name.split("-")[0])) if HAVE else []
    return tuple({"file": path.stem, **json.loads(path.read_text("utf-8"))} for path in files)


def exchange(name: str) -> dict[str, Any]:
    return next(one for one in exchanges() if one["file"] == name)


def answer(name: str) -> Any:
    """The body of a recorded answer."""
    return exchange(name)["response"]["body"]


@dataclass
class Replay:
    """`pinned` says which exchange answers "GET /path" or "GET /path?page=2"; `sent` are the bodies of writes."""

    url: str
    asked: list[str] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    pinned: dict[str, str] = field(default_factory=dict)


@contextmanager
def replaying(**pinned: str) -> Iterator[Replay]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.replay = replay = Replay(f"http://127.0.0.1:{http.server_port}", pinned=dict(pinned))  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield replay
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.replay.sent.append(json.loads(body))  # type: ignore[attr-defined]
        self._answer()

    do_PUT = do_DELETE = do_POST

    def log_message(self, *args: Any) -> None:
        """Quiet: the test says what was asked."""

    def _answer(self) -> None:
        replay: Replay = self.server.replay  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        page = parse_qs(parts.query).get("page", ["1"])[0]
        replay.asked.append(f"{self.command} {parts.path}")
        named = replay.pinned.get(f"{self.command} {parts.path}?page={page}") or replay.pinned.get(
            f"{self.command} {parts.path}"
        )
        found = exchange(named) if named else _best(self.command, parts.path, page)
        status, headers, body = (404, {}, {"title": "not recorded"}) if found is None else _response(found)
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def _response(one: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    found = one["response"]
    return found["status"], found["headers"], found["body"] if found["body"] is not None else ""


def _best(method: str, path: str, page: str) -> dict[str, Any] | None:
    """The first recorded success with the same method, path and page, else the first refusal."""
    fits = [one for one in exchanges() if (one["request"]["method"], one["request"]["path"]) == (method, path)]
    same = [one for one in fits if str(dict(one["request"]["query"] or {}).get("page", "1")) == page]
    return min(same, key=lambda one: one["response"]["status"] >= 400, default=None)
