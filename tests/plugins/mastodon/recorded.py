"""The recorded exchanges of real servers, and a server that replays them over a real socket."""

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
from urllib.parse import parse_qsl, urlsplit

import pytest

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "contracts" / "recorded"
SERVERS = ("gotosocial", "takahe")
HAVE = SHARED.is_dir()
needs_recordings = pytest.mark.skipif(
    not HAVE, reason="the recorded exchanges (../shared/contracts/recorded) are not here"
)
_CURSORS = ("min_id", "max_id", "since_id")


@cache
def exchanges(server: str) -> tuple[dict[str, Any], ...]:
    if not HAVE:
        return ()
    files = sorted((SHARED / server).glob("*.json"), key=lambda path: int(path.name.split("-")[0]))
    return tuple({"file": path.name, **json.loads(path.read_text())} for path in files)


def exchange(server: str, name: str) -> dict[str, Any]:
    return next(one for one in exchanges(server) if one["file"] == f"{name}.json")


@cache
def statuses(server: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Every status anywhere in an answer, boosts' inner ones too, with the file it is in."""
    return tuple((one["file"], found) for one in exchanges(server) for found in _walk(one["response"]["body"]))


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "visibility" in value and "content" in value:
            yield value
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


@dataclass
class Replay:
    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)  # the bodies of what was not a read, in order
    pinned: dict[str, str] = field(default_factory=dict)  # "GET /path" to the name of the exchange to answer with


@contextmanager
def replaying(server: str) -> Iterator[Replay]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.replay = replay = Replay(f"http://127.0.0.1:{http.server_port}")  # type: ignore[attr-defined]
    http.name = server  # type: ignore[attr-defined]
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
        self.server.replay.sent.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))  # type: ignore[attr-defined]
        self._answer()

    do_PUT = do_DELETE = do_POST

    def log_message(self, *args: Any) -> None:
        """Quiet: the test says what was asked."""

    def _answer(self) -> None:
        replay: Replay = self.server.replay  # type: ignore[attr-defined]
        name: str = self.server.name  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        replay.asked.append((self.command, self.path))
        pinned = replay.pinned.get(f"{self.command} {parts.path}")
        status, headers, body = (
            _response(exchange(name, pinned))
            if pinned
            else _best(name, self.command, parts.path, dict(parse_qsl(parts.query)))
        )
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def _response(one: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    answer = one["response"]
    return answer["status"], answer["headers"], answer["body"] if answer["body"] is not None else ""


def _best(server: str, method: str, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
    """The recorded success with the same method, path and positions, and the most of the query."""
    fits = [
        one
        for one in exchanges(server)
        if (one["request"]["method"], one["request"]["path"]) == (method, path) and _with_token(one)
    ]
    positions = {name: query.get(name) for name in _CURSORS}
    same = [one for one in fits if {n: _query(one).get(n) for n in _CURSORS} == positions]
    if same:
        return _response(max(same, key=lambda one: (one["response"]["status"] == 200, _overlap(one, query))))
    if fits and any(positions.values()):
        return 200, {"Content-Type": "application/json"}, []  # as recorded: nothing newer, and no Link
    return _made_up(server, path)


def _with_token(one: dict[str, Any]) -> bool:
    return "Authorization" in one["request"]["headers"] or one["response"]["status"] == 200


def _query(one: dict[str, Any]) -> dict[str, str]:
    query = one["request"]["query"]
    return {str(k): str(v) for k, v in (query if isinstance(query, list) else query.items())}


def _overlap(one: dict[str, Any], query: dict[str, str]) -> int:
    return len(_query(one).items() & query.items()) * 10 - len(_query(one).items() - query.items()) * 30 + _length(one)


def _length(one: dict[str, Any]) -> int:
    body = one["response"]["body"]
    return len(body) if isinstance(body, list) else 0


def _made_up(server: str, path: str) -> tuple[int, dict[str, str], Any]:
    """Reads of a status that were not recorded by themselves, put together from statuses that were."""
    known = {found["id"]: found for _, found in statuses(server)}
    steps = path.split("/")
    json_type = {"Content-Type": "application/json"}
    if not path.startswith("/api/v1/statuses/") or steps[4] not in known:
        return 404, json_type, {"error": "Not Found"}
    if steps[-1] != "context":
        return 200, json_type, known[steps[4]]
    above: list[dict[str, Any]] = []
    parent = known.get(known[steps[4]]["in_reply_to_id"] or "")
    while parent is not None:
        above.insert(0, parent)
        parent = known.get(parent["in_reply_to_id"] or "")
    below: list[dict[str, Any]] = []
    wave = [steps[4]]
    while wave:
        layer = [one for one in known.values() if one["in_reply_to_id"] in wave]
        below += layer
        wave = [one["id"] for one in layer]
    return 200, json_type, {"ancestors": above, "descendants": below}
