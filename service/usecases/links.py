"""Whether the links in an answer open: asked before it is sent, from the desk's own guarded way out."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from socket import gaierror
from urllib.parse import urljoin

import httpx

from moderation.guards.contract import Finding, Guard
from moderation.guards.places import web_links
from plugins.net import AddressBlocked, knock
from service.deps import Deps

#: How many different links of an answer are asked, by how many at once, and how many times one may send us on.
MOST_LINKS, THREADS, MOST_REDIRECTS = 10, 4, 5
#: Seconds for one call, and for all of an answer's links together.
CALL_SECONDS, ALL_SECONDS = 5.0, 20.0
#: A server that says one of these is alive: it refuses robots, or wants a sign-in.
_ALIVE = frozenset({401, 403, 405, 429})
_SENT_ON = frozenset({301, 302, 303, 307, 308})
NO_ANSWER = "no answer"


def broken_links(deps: Deps, text: str) -> tuple[Finding, ...]:
    """A finding for each link that does not open. No transaction may be open: this takes the network. Never raises.

    `why` is a status of HTTP (“404”) or one of the words in `moderation.guards.words`.
    """
    found = {text[start:end]: (start, end) for start, end in reversed(web_links(text))}
    urls = sorted(found, key=lambda url: found[url])[:MOST_LINKS]
    if not urls:
        return ()
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="links")
    asked = {url: pool.submit(why_closed, url, deps.settings.private_hosts) for url in urls}
    wait(asked.values(), timeout=ALL_SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    said = {url: _said(answer) for url, answer in asked.items()}
    return tuple(Finding(Guard.LINK, *found[url], {"url": url, "why": why}) for url, why in said.items() if why)


def _said(answer: Future[str]) -> str:
    return answer.result() if answer.done() and not answer.cancelled() else NO_ANSWER


def why_closed(url: str, allow: frozenset[str]) -> str:
    """Why a link does not open, or "" when it does."""
    try:
        for _ in range(MOST_REDIRECTS + 1):
            status, location = _ask(url, allow)
            if status not in _SENT_ON or not location:
                return "" if status < 400 or status in _ALIVE else str(status)
            url = urljoin(url, location)
    except Exception as error:  # whatever a stranger's server does, it must not stop an answer
        return _in_words(error)
    return "too many redirects"


def _ask(url: str, allow: frozenset[str]) -> tuple[int, str]:
    """Some servers know no HEAD, or answer it wrongly: what it refuses is asked again as a reader would."""
    try:
        status, location = knock("HEAD", url, allow, CALL_SECONDS)
    except httpx.RemoteProtocolError:
        status, location = 405, ""
    return knock("GET", url, allow, CALL_SECONDS) if status >= 400 else (status, location)


def _in_words(error: Exception) -> str:
    for cause in _causes(error):
        if isinstance(cause, AddressBlocked):
            return "refused: private address"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "certificate"
        if isinstance(cause, gaierror):
            return "no such host"
        if isinstance(cause, (ValueError, httpx.InvalidURL, httpx.UnsupportedProtocol)):
            return "not a web address"
    return NO_ANSWER


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
