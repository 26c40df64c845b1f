"""Links of an answer, asked over real sockets: private addresses first, then what a stranger's server can do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from moderation.guards.contract import Finding, Guard
from moderation.guards.words import in_words
from service.app import create_app
from service.config import load_settings
from service.deps import Deps, deps_of
from service.usecases import links
from service.usecases.links import broken_links
from tests.plugins.test_net import says, serving


class Pages(BaseHTTPRequestHandler):
    """/status/404 answers 404; /to?URL sends on; /get-only knows no HEAD; /silent says nothing; /drip never ends."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self.asked.append(f"HEAD {self.path}")
        if self.path == "/get-only":
            self._answer(501)
        elif self.path == "/drops-head":
            self.connection.close()
        else:
            self._page()

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.path}")
        self._page()

    def _page(self) -> None:
        kind, _, rest = self.path.lstrip("/").partition("/")
        if kind == "status":
            self._answer(int(rest))
        elif kind == "to":
            self._answer(302, rest)
        elif kind == "silent":
            threading.Event().wait(2)
        elif kind == "drip":
            self._drip()
        else:
            self._answer(200)

    def _answer(self, status: int, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while True:
                self.wfile.write(b"a")
                time.sleep(0.05)
        except OSError:
            return

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def site() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on loopback, and what it was asked."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Asked", (Pages,), {"asked": asked}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, only those give up who are meant to."""
    monkeypatch.setattr(links, "CALL_SECONDS", 60.0)
    monkeypatch.setattr(links, "ALL_SECONDS", 120.0)


@pytest.fixture
def desk(tmp_path: Path, site: tuple[str, list[str]]) -> Deps:
    hosts = frozenset({site[0].removeprefix("http://")})
    return deps_of(create_app(load_settings(data_dir=tmp_path / "desk", allow_private_hosts=hosts), web=False))


@pytest.fixture
def strict(tmp_path: Path) -> Deps:
    return deps_of(create_app(load_settings(data_dir=tmp_path / "strict"), web=False))


def whys(found: tuple[Finding, ...]) -> list[str]:
    assert all(f.guard is Guard.LINK for f in found)
    return [f.facts["why"] for f in found]


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "2130706433:{port}"])
def test_a_private_address_is_refused_and_never_asked(strict: Deps, site: tuple[str, list[str]], host: str) -> None:
    port = site[0].rsplit(":", 1)[1]
    link = "http://" + host.format(port=port) + "/page"
    assert whys(broken_links(strict, f"See {link}")) == ["refused: private address"]
    assert site[1] == []


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "192.168.1.1", "[fd00::1]"])
def test_addresses_of_other_networks_inside_are_refused(strict: Deps, host: str) -> None:
    assert whys(broken_links(strict, f"https://{host}/latest/meta-data")) == ["refused: private address"]


def test_a_redirect_is_checked_like_a_link(desk: Deps, site: tuple[str, list[str]]) -> None:
    url, asked = site
    elsewhere = "http://localhost:" + url.rsplit(":", 1)[1]
    assert whys(broken_links(desk, f"{url}/to/{elsewhere}/inside")) == ["refused: private address"]
    assert whys(broken_links(desk, f"{url}/to/file:///etc/passwd")) == ["not a web address"]
    assert not any("inside" in line for line in asked if "/to/" not in line)


def test_a_link_with_a_password_is_refused(desk: Deps, site: tuple[str, list[str]]) -> None:
    assert whys(broken_links(desk, site[0].replace("http://", "http://ada:pw@") + "/page")) == ["not a web address"]
    assert site[1] == []


# ------------------------------------------------------------------ what opens, and what does not


def test_a_text_without_links_asks_nothing(strict: Deps) -> None:
    assert broken_links(strict, "Hold the button for five seconds. Not a link: brava.example, ftp://x.example") == ()


@pytest.mark.parametrize("path", ["/page", "/get-only", "/drops-head", "/status/401", "/status/403", "/status/405",
                                  "/status/429", "/status/204", "/to//page"])  # fmt: skip
def test_it_opens(desk: Deps, site: tuple[str, list[str]], path: str) -> None:
    assert broken_links(desk, f"Here: {site[0]}{path}.") == ()


@pytest.mark.parametrize("status", [400, 404, 410, 451, 500, 503])
def test_it_does_not_open_and_says_why_and_where(desk: Deps, site: tuple[str, list[str]], status: int) -> None:
    url = f"{site[0]}/status/{status}"
    text = f"The steps are here ({url}), with pictures."
    (found,) = broken_links(desk, text)
    assert (text[found.start : found.end], found.facts) == (url, {"url": url, "why": str(status)})
    assert f"{url} ({status})" in in_words(found, "fr")


def test_redirects_without_end_are_given_up(desk: Deps, site: tuple[str, list[str]]) -> None:
    assert whys(broken_links(desk, f"{site[0]}/to/" + "/to/" * 8 + "/page")) == ["too many redirects"]
    assert len(site[1]) == links.MOST_REDIRECTS + 1


def test_nobody_answers(desk: Deps, site: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "CALL_SECONDS", 0.3)
    found = broken_links(desk, f"{site[0]}/silent {site[0]}/drip")
    assert whys(found) == ["no answer", "no answer"]
    assert "pas de réponse" in in_words(found[0], "fr")


def test_all_links_together_have_an_end(
    desk: Deps, site: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "ALL_SECONDS", 0.2)
    assert whys(broken_links(desk, f"{site[0]}/silent")) == ["no answer"]


def test_a_closed_port_gives_no_answer(tmp_path: Path) -> None:
    open_to_it = load_settings(data_dir=tmp_path / "d", allow_private_hosts=frozenset({"127.0.0.1:9"}))
    desk = deps_of(create_app(open_to_it, web=False))
    assert whys(broken_links(desk, "http://127.0.0.1:9/")) == ["no answer"]


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name leads anywhere."""

    def nobody(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)


@pytest.mark.usefixtures("nameless")
def test_a_name_that_is_nobodys(strict: Deps) -> None:
    assert whys(broken_links(strict, "https://no-such-name.invalid/page")) == ["no such host"]


def test_a_wrong_certificate_is_named(tmp_path: Path) -> None:
    with serving(says(b"hello"), _certificate(tmp_path)) as port:
        listed = frozenset({f"127.0.0.1:{port}"})
        desk = deps_of(create_app(load_settings(data_dir=tmp_path / "d", allow_private_hosts=listed), web=False))
        assert whys(broken_links(desk, f"https://127.0.0.1:{port}/")) == ["certificate"]


def _certificate(folder: Path) -> Path:
    """A certificate that nobody vouches for."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption()) + made.sign(key, hashes.SHA256()).public_bytes(pem)
    )
    return path


def test_at_most_ten_different_links_are_asked_once_each(desk: Deps, site: tuple[str, list[str]]) -> None:
    text = " ".join(f"{site[0]}/status/404?{n}" for n in (*range(14), *range(14)))
    found = broken_links(desk, text)
    assert len(found) == links.MOST_LINKS
    assert [f.start for f in found] == sorted(f.start for f in found)
    assert sum(line.startswith("HEAD") for line in site[1]) == links.MOST_LINKS


@pytest.mark.parametrize("text", ["https://", "http://[", "https://%zz/", "https://" + "a" * 3000, "http://\u2028x",
                                  "https://a..b/", "https://exa mple", "http://:80/", "https://\ud800/"])  # fmt: skip
@pytest.mark.usefixtures("nameless")
def test_it_never_raises(strict: Deps, text: str) -> None:
    broken_links(strict, f"{text} {text}/path?q=1#f")
