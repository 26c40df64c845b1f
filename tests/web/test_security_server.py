"""The real server as `tenth run` starts it: what it says of itself, and where one request ends and the next begins."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.app import create_app
from service.config import load_settings
from service.db.base import Base
from service.deps import deps_of
from service.supervisor import Supervisor
from tests.support.office import free_port

HIDDEN = b"GET /about/reading HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("server")
    settings = load_settings(data_dir=folder, database_url=f"sqlite:///{folder / 'server.db'}")
    deps = deps_of(create_app(settings, web=False))
    Base.metadata.create_all(deps.store.engine)
    deps.store.engine.dispose()
    number = free_port()
    command = Supervisor("127.0.0.1", number, sandbox=False)._web(settings)
    own = {"TENTH_DATA_DIR": str(folder), "TENTH_DATABASE_URL": settings.database}
    with subprocess.Popen(command, env=_outer() | own, cwd=Path(__file__).parents[2]) as server:
        try:
            _wait(number, server)
            yield number
        finally:
            server.terminate()


def _outer() -> dict[str, str]:
    return {n: v for n, v in os.environ.items() if not n.startswith("TENTH_")}


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not start")


def said(port: int, request: bytes) -> bytes:
    """All that the server answers to these bytes until it hangs up or has nothing more to say."""
    with socket.create_connection(("127.0.0.1", port), 60) as wire:
        wire.sendall(request)
        wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


def answers(found: bytes) -> list[int]:
    """The status of each answer in these bytes."""
    return [int(s) for s in re.findall(rb"HTTP/1\.[01] (\d{3}) ", found)]


def test_it_answers_and_tells_no_version(port: int) -> None:
    found = said(port, b"GET /sign-in HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
    assert answers(found) == [200]
    head = found.partition(b"\r\n\r\n")[0].decode().lower()
    assert not re.search(r"(?:gunicorn|werkzeug|flask|python)/?\d", head)
    assert "content-security-policy" in head


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 41\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: 5\r\n Transfer-Encoding: chunked\r\n",
    ],
)
def test_a_body_whose_end_is_in_doubt_is_refused_with_all_that_follows(port: int, head: bytes) -> None:
    found = said(port, b"POST /sign-in HTTP/1.1\r\nHost: desk\r\n" + head + b"\r\n0\r\n\r\n" + HIDDEN)
    assert answers(found)[:1] in ([400], [501])
    assert 200 not in answers(found)


def test_a_request_is_not_sent_back_to_who_made_it(port: int) -> None:
    found = said(port, b"TRACE /queue HTTP/1.1\r\nHost: desk\r\nX-Secret: swordfish\r\nConnection: close\r\n\r\n")
    assert answers(found) == [405]
    assert b"swordfish" not in found


@pytest.mark.parametrize("path", ["/assets/../wsgi.py", "/assets/%2e%2e/%2e%2e/wsgi.py", "/.git/config", "/assets/"])
def test_no_folder_is_listed_and_none_is_left(port: int, path: str) -> None:
    found = said(port, f"GET {path} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n".encode())
    assert answers(found) == [404]


def test_a_line_break_in_an_address_becomes_no_header(port: int) -> None:
    found = said(port, b"GET /queue?next=%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
    assert answers(found) == [302]
    assert b"\nset-cookie: a=b" not in found.lower()
