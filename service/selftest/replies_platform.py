"""The platforms of a trial of replies: a sandbox in a process of its own for each way with a doubled call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from service.selftest.replies_clock import Clock
from service.selftest.sandboxes import sandbox, told_by

Mode = Literal["honoured", "ignored", "absent"]
#: What each does with the key of a call that comes a second time: as Mastodon; as GoToSocial and Takahe; as Discourse.
MODES: tuple[Mode, ...] = ("honoured", "ignored", "absent")
BRAND = "brava"
#: Seconds of the clock: when a silent call is cut off, and when an effect comes that is late.
SILENCE, LATE = 15.0, 45.0
#: How many of the calls that post are spoiled, and how.
SHARES: Mapping[str, float] = {
    "timeout_before": 0.14,
    "timeout_after": 0.16,
    "late_effect": 0.2,
    "server_error": 0.1,
    "broken_json": 0.1,
}


@dataclass(frozen=True, slots=True)
class Platform:
    """A running sandbox: how to connect it, and its own books."""

    mode: Mode
    told: Mapping[str, Any]

    @property
    def connector(self) -> str:
        return "discourse" if self.mode == "absent" else "mastodon"

    @property
    def host(self) -> str:
        return urlsplit(str(self.told["url"])).netloc

    @property
    def settings(self) -> dict[str, Any]:
        """What a person would give to connect it."""
        wanted = ("url", "api_key", "api_username") if self.connector == "discourse" else ("url", "token")
        return {name: self.told[self.connector][name] for name in wanted}

    def spoil(self, clock: Clock) -> None:
        """From now on, calls that post are spoiled by `SHARES`."""
        path = "/posts.json" if self.connector == "discourse" else "/api/v1/statuses"
        left = 1.0
        for kind, share in SHARES.items():
            # Rules are drawn one after the other: each gets its share of what those before it have left.
            rule = {"kind": kind, "path": path, "method": "POST", "times": 1_000_000, "share": share / left}
            times = {"seconds": clock.real(SILENCE), "delay": clock.real(LATE), "status": 503}
            self._ask("POST", "/faults", rule | times)
            left -= share

    def spoiled(self) -> Counter[str]:
        """How many calls were, by kind."""
        return Counter({rule["kind"]: rule["used"] for rule in self._ask("GET", "/faults")})

    def said(self) -> list[tuple[str, str]]:
        """(id, text) of all that stands there in the brand's name."""
        books = self._ask("GET", f"/said/{BRAND}")
        return [(one["id"], one["text"]) for one in (*books["posts"], *books["statuses"])]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = httpx.request(method, f"{self.told['url']}/_sandbox{path}", json=body, trust_env=False, timeout=30)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def platforms(counts: Mapping[Mode, int], clock: Clock, seed: int) -> Iterator[list[Platform]]:
    """A sandbox for each mode, with so many conversations that wait for an answer."""
    with ExitStack() as stack:
        given = {mode: (mode, str(count), str(clock), str(seed)) for mode, count in counts.items()}
        started = {m: stack.enter_context(sandbox("service.selftest.replies_sandbox", *g)) for m, g in given.items()}
        yield [Platform(mode, told_by(process)) for mode, process in started.items()]
