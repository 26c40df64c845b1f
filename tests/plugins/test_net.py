"""Hostile servers and hostile names, over real sockets, through both clients."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import requests

from plugins.contract import Permanent, Temporary
from plugins.net import AddressBlocked, bounds, call, check_url, httpx_client, requests_session, sockets
from plugins.net.sockets import connect

Answer = Callable[[socket.socket], None]
Get = Callable[[str, frozenset[str]], bytes]
NOBODY: frozenset[str] = frozenset()
TOKEN = "a-very-secret-token"


def over_httpx(url: str, allow: frozenset[str]) -> bytes:
    with httpx_client(url, allow, {"Authorization": f"Bearer {TOKEN}"}) as client:
        return call(client, client.build_request("GET", url)).content


def over_requests(url: str, allow: frozenset[str]) -> bytes:
    with requests_session(allow, {"Authorization": f"Bearer {TOKEN}"}) as session:
        return session.get(url).content


both = pytest.mark.parametrize("get", [over_httpx, over_requests])


@contextmanager
def serving(answer: Answer, certificate: Path | None = None) -> Iterator[int]:
    """A server on loopback that gives every connection to `answer` once the request's head has come."""
    listener = socket.create_server(("127.0.0.1", 0))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
    if tls and certificate:
        tls.load_cert_chain(certificate)

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_one, args=(connection, answer, tls), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _one(connection: socket.socket, answer: Answer, tls: ssl.SSLContext | None) -> None:
    try:
        with tls.wrap_socket(connection, server_side=True) if tls else connection as stream:
            stream.recv(65_536)
            answer(stream)
    except OSError:
        return  # the client hung up, which is what most of these tests ask for


def says(body: bytes, *headers: str, status: str = "200 OK") -> Answer:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return lambda connection: connection.sendall(head.encode() + body)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What the resolver answers by name, one list of addresses per question; the last one again and again."""
    table: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in table:
            return real(host, port, *args, **kwargs)
        answers = table[name]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in addresses for entry in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return table


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that a socket was asked to connect to; none of them is."""
    tried: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError("not in this test")

    monkeypatch.setattr(sockets.PlainSocket, "connect", refuse, raising=False)
    return tried


# ------------------------------------------------------------------ addresses


@both
def test_an_answer_comes_through_from_a_listed_host(get: Get) -> None:
    with serving(says(b"hello")) as port:
        assert get(f"http://127.0.0.1:{port}/", frozenset({f"127.0.0.1:{port}"})) == b"hello"


@both
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
        "2002:a00:1::",
    ],
)  # fmt: skip
def test_a_name_that_leads_to_a_private_address_is_refused(
    get: Get, address: str, names: dict[str, list[list[str]]], touched: list[Any]
) -> None:
    names["forum.example"] = [[address]]
    with pytest.raises(AddressBlocked, match=r"forum\.example leads to"):
        get("https://forum.example/", NOBODY)
    assert touched == []


@both
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "localhost",
        "①②⑦.⓪.⓪.①",
    ],
)
def test_a_private_address_is_refused_in_every_spelling(get: Get, host: str, touched: list[Any]) -> None:
    with pytest.raises((AddressBlocked, OSError, httpx.HTTPError)) as caught:
        get(f"https://{host}/", NOBODY)
    assert touched == []
    if host[0] in "1[l":
        assert isinstance(caught.value, AddressBlocked)


@both
def test_one_private_address_among_public_ones_is_enough(
    get: Get, names: dict[str, list[list[str]]], touched: list[Any]
) -> None:
    names["forum.example"] = [["1.1.1.1", "10.0.0.1"]]
    with pytest.raises(AddressBlocked):
        get("https://forum.example/", NOBODY)
    assert touched == []


@both
def test_a_name_that_changes_its_answer_is_asked_once(
    get: Get, names: dict[str, list[list[str]]], touched: list[Any]
) -> None:
    names["forum.example"] = [["1.1.1.1"], ["127.0.0.1"]]
    with pytest.raises((httpx.ConnectError, requests.ConnectionError)):
        get("https://forum.example/", NOBODY)
    assert {address[0] for address in touched} == {"1.1.1.1"}


def test_a_public_address_behind_nat64_is_public(names: dict[str, list[list[str]]], touched: list[Any]) -> None:
    names["forum.example"] = [["64:ff9b::101:101"]]
    with pytest.raises(ConnectionRefusedError):
        connect("forum.example", 443, 1.0, NOBODY)
    assert len(touched) == 1


def test_only_a_few_of_many_addresses_are_tried(names: dict[str, list[list[str]]], touched: list[Any]) -> None:
    names["forum.example"] = [[f"1.1.1.{n}" for n in range(1, 100)]]
    with pytest.raises(OSError, match="not in this test"):
        connect("forum.example", 443, 1.0, NOBODY)
    assert len(touched) == sockets.MAX_ADDRESSES


def test_a_label_that_is_too_long_is_a_failed_look_up() -> None:
    with pytest.raises(OSError, match=r"can be looked up"):
        connect("a" * 64 + ".example", 443, 1.0, NOBODY)


# ------------------------------------------------------------------ the form of an address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://forum.example", "not encrypted"),
        ("ftp://forum.example", "not a web address"),
        ("file:///etc/passwd", "not a web address"),
        ("forum.example", "not a web address"),
        ("https://", "not a web address"),
        ("https://[::1", "not a web address"),
        ("https://forum.example:99999", "not a web address"),
        ("https://ann:secret@forum.example", "user name or password"),
        ("https://ann@forum.example", "user name or password"),
        ("http://ann:secret@forum.example", "user name or password"),
        ("ftp://ann:secret@forum.example", "user name or password"),
        ("ann:secret@forum.example", "not a web address"),
        ("https://ann:secret@[::1", "not a web address"),
    ],
)
def test_an_address_that_is_refused_says_why_and_repeats_no_secret(url: str, why: str) -> None:
    with pytest.raises(AddressBlocked, match=why) as caught:
        check_url(url, NOBODY)
    assert "secret" not in str(caught.value)


def test_http_is_for_listed_hosts() -> None:
    assert check_url("http://forum.local/ ", frozenset({"forum.local"})) == "http://forum.local"
    assert check_url("http://forum.local:8080", frozenset({"forum.local:8080"})) == "http://forum.local:8080"
    with pytest.raises(AddressBlocked):
        check_url("http://forum.local:81", frozenset({"forum.local:8080"}))


@both
def test_http_is_refused_before_anything_is_sent(get: Get) -> None:
    asked: list[bytes] = []
    with serving(lambda connection: asked.append(b"!")) as port, pytest.raises(AddressBlocked):
        get(f"http://127.0.0.1:{port}/", NOBODY)
    assert asked == []


def test_an_absolute_address_does_not_carry_the_credential_to_another_host() -> None:
    asked: list[bytes] = []
    with serving(lambda connection: asked.append(b"!")) as port:
        allow = frozenset({"127.0.0.1", "forum.local"})
        with httpx_client("http://forum.local", allow, {"Api-Key": TOKEN}) as client:
            request = client.build_request("GET", f"http://127.0.0.1:{port}/next")
            with pytest.raises(AddressBlocked, match="instead of the connected address"):
                call(client, request)
    assert asked == []


# ------------------------------------------------------------------ answers


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(get: Get, status: int) -> None:
    hits: list[int] = []
    with serving(lambda connection: hits.append(1)) as inner:
        moved = says(b"", f"Location: http://127.0.0.1:{inner}/latest/meta-data", status=f"{status} Moved")
        with serving(moved) as port, pytest.raises(Permanent, match="sent us on") as caught:
            get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"}))
    assert hits == []
    assert TOKEN not in f"{caught.value} {caught.value.detail}"


@both
def test_an_answer_larger_than_the_cap_is_cut_off(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_ANSWER_BYTES", 1_048_576)
    with serving(says(b"x" * 3_000_000)) as port, pytest.raises(Temporary, match="more than 1 MB"):
        get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"}))


@both
def test_a_zip_bomb_is_cut_off(get: Get) -> None:
    bomb = gzip.compress(b"\x00" * 100_000_000, 6)
    assert len(bomb) < 200_000
    with serving(says(bomb, "Content-Encoding: gzip")) as port, pytest.raises(Temporary, match="more than 10 MB"):
        get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"}))


@both
@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "gzip,gzip,gzip,gzip,gzip,gzip"])
def test_encodings_laid_over_each_other_are_refused_unread(get: Get, encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(b"\x00" * 10_000_000, 6))
    with serving(says(bomb, f"Content-Encoding: {encoding}")) as port, pytest.raises(Temporary, match="not asked for"):
        get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"}))


@both
def test_a_gzipped_answer_is_unpacked(get: Get) -> None:
    with serving(says(gzip.compress(b"hello"), "Content-Encoding: gzip")) as port:
        assert get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"})) == b"hello"


def _drip(head: bytes, drop: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(600):  # half a minute
            connection.sendall(drop)
            time.sleep(0.05)

    return answer


@both
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["status", "headers", "body", "body without a length"],
)
def test_a_byte_at_a_time_ends_with_the_call(get: Get, head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "CALL_SECONDS", 0.4)
    started = time.monotonic()
    slow = (Temporary, httpx.TimeoutException, requests.Timeout)
    with serving(_drip(head, b"H")) as port, pytest.raises(slow):
        get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"}))
    assert time.monotonic() - started < 20.0


@both
def test_silence_ends_with_the_call(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "CALL_SECONDS", 0.3)
    with serving(lambda connection: time.sleep(2)) as port, pytest.raises((httpx.ReadTimeout, requests.ReadTimeout)):
        get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"}))


def test_the_time_of_one_call_is_not_taken_from_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = 0.0
    monkeypatch.setattr(bounds, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed))

    def twice(connection: socket.socket) -> None:
        says(b"one")(connection)
        connection.recv(65_536)
        says(b"two")(connection)

    with serving(twice) as port, httpx_client(f"http://127.0.0.1:{port}", frozenset({"127.0.0.1"}), {}) as client:
        first = call(client, client.build_request("GET", "/"))
        passed = 2 * bounds.CALL_SECONDS
        second = call(client, client.build_request("GET", "/"))
    assert (first.content, second.content) == (b"one", b"two")


@both
@pytest.mark.parametrize(
    "answer",
    [
        says(b"\x00garbage", "Content-Encoding: gzip"),
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"),
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"),
        lambda c: c.sendall(b"\x16\x03\x01 not http\r\n\r\n"),
        lambda c: None,
    ],
    ids=["bad gzip", "short", "bad chunk", "not http", "hung up"],
)
def test_a_broken_answer_is_an_error_of_the_client_library(get: Get, answer: Answer) -> None:
    with serving(answer) as port, pytest.raises((httpx.HTTPError, requests.RequestException, Temporary)) as caught:
        get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"}))
    assert TOKEN not in str(caught.value)


# ------------------------------------------------------------------ the surroundings


@both
def test_proxies_and_netrc_of_the_environment_are_ignored(
    get: Get, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[bytes] = []
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(lambda connection: asked.append(b"!")) as proxy, serving(says(b"direct")) as port:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert get(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1"})) == b"direct"
    assert asked == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of “localhost”, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@both
def test_a_certificate_that_nobody_signed_is_refused(get: Get, certificate: Path) -> None:
    untrusted = pytest.raises((httpx.ConnectError, requests.exceptions.SSLError), match=r"(?i)certificate")
    with serving(says(b"trust me"), certificate) as port, untrusted:
        get(f"https://localhost:{port}/", frozenset({"localhost"}))


def test_tls_answers_come_through_and_keep_the_time_of_a_call(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with requests_session(frozenset({"localhost"}), {}) as session:
        session.verify = str(certificate)
        with serving(says(b"trusted"), certificate) as port:
            assert session.get(f"https://localhost:{port}/").content == b"trusted"
        monkeypatch.setattr(bounds, "CALL_SECONDS", 0.4)
        started = time.monotonic()
        slow = _drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"H")
        with serving(slow, certificate) as port, pytest.raises(requests.Timeout):
            session.get(f"https://localhost:{port}/")
        assert time.monotonic() - started < 20.0
