"""The forum in a trial of grants, from outside: how to connect it, its faults and books, its members' own keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from service.auth.external import discourse
from service.selftest.grants_books import EFFECTS, RIGHTS, Effect
from service.selftest.place import TrialError
from service.selftest.replies_clock import Clock
from service.selftest.sandboxes import sandbox, told_by

TIMEOUT = 30.0
#: Seconds of the clock: when a silent call is cut off, when an effect comes that is late, how long a 429 says to wait.
SILENCE, LATE, WAIT = 15.0, 45.0, 5.0
#: What the desk calls to give, to take and to hide; what members do with their own keys stands elsewhere.
PATHS = ("/groups/", "/admin/groups", "/categories/", "/posts/", "/u/", "/c/")
#: How many of the calls are spoiled, of those that change something and of those that read.
WRITES: Mapping[str, float] = {
    "timeout_before": 0.03,
    "timeout_after": 0.04,
    "late_effect": 0.04,
    "server_error": 0.05,
    "broken_json": 0.03,
    "discourse_429": 0.02,
}
READS: Mapping[str, float] = {"timeout_before": 0.005, "server_error": 0.02, "broken_json": 0.01}


@dataclass(frozen=True, slots=True)
class Platform:
    """A running sandbox that keeps books."""

    told: Mapping[str, Any]

    @property
    def url(self) -> str:
        return str(self.told["url"])

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def secret(self) -> str:
        """What members' sign-in by DiscourseConnect is signed with."""
        return str(self.told["discourse"]["connect_secret"])

    def settings(self, calls: int) -> dict[str, Any]:
        """What a person would give to connect it, the forum's own limit included."""
        return {n: self.told["discourse"][n] for n in ("url", "api_key", "api_username")} | {"calls_per_minute": calls}

    def spoil(self, clock: Clock) -> None:
        """From now on calls fail by `WRITES` and `READS`."""
        for shares, methods in ((WRITES, ("PUT", "POST", "DELETE")), (READS, ("GET",))):
            for method in methods:
                for path in PATHS:
                    self._spoil(shares, clock, {"path": path, "method": method})

    def heal(self) -> None:
        """No call fails any more."""
        self._ask("DELETE", "/_sandbox/faults")

    def spoiled(self) -> Counter[str]:
        """How many calls were, by kind."""
        found: Counter[str] = Counter()
        for rule in self._ask("GET", "/_sandbox/faults"):
            found[rule["kind"]] += rule["used"]
        return +found

    def effects(self) -> list[Effect]:
        """The books, in order."""
        return [Effect.of_json(one) for one in self._ask("GET", EFFECTS)]

    def rights(self) -> list[tuple[str, str]]:
        """(account, category) of every member who may moderate now."""
        return [(name, place) for name, place in self._ask("GET", RIGHTS)]

    def member(self, username: str, private: str) -> Member:
        """A member with a key of their own, given as members give one to any program."""
        asked = discourse.key_url(self.url, f"trial-{username}", "read,write", private, "trial", "")
        fields = dict(parse_qsl(urlsplit(asked).query)) | {"username": username}
        answer = httpx.post(f"{self.url}/user-api-key", data=fields, trust_env=False, timeout=TIMEOUT)
        answer.raise_for_status()
        key = discourse.key_answer(self.url, fields["client_id"], private, answer.json()["payload"], "trial")
        return Member(self.url, key.key)

    def _spoil(self, shares: Mapping[str, float], clock: Clock, where: Mapping[str, str]) -> None:
        left = 1.0
        for kind, share in shares.items():
            # Rules are drawn one after the other: each gets its share of what those before it have left.
            rule = {"kind": kind, "times": 1_000_000, "share": share / left, **where}
            seconds = WAIT if kind == "discourse_429" else clock.real(SILENCE)
            self._ask("POST", "/_sandbox/faults", rule | {"seconds": seconds, "delay": clock.real(LATE), "status": 503})
            left -= share

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = httpx.request(method, f"{self.url}{path}", json=body, trust_env=False, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()


@dataclass(frozen=True, slots=True)
class Member:
    """What somebody can do on the forum itself, without Tenth."""

    url: str
    key: str

    def may_moderate(self, topic: str) -> bool:
        """Tries to open an open topic: whoever moderates there is let, and nothing is changed by it."""
        body, headers = {"status": "closed", "enabled": "false"}, {"User-Api-Key": self.key}
        asked = f"{self.url}/t/{topic}/status.json"
        answer = httpx.put(asked, json=body, headers=headers, trust_env=False, timeout=TIMEOUT)
        if answer.status_code not in (200, 403):
            raise TrialError(f"The forum answered {answer.status_code} to a member: {answer.text[:200]}")
        return answer.status_code == 200


@contextmanager
def forum(calls: int, clock: Clock, seed: int) -> Iterator[Platform]:
    """The sandbox in a process of its own."""
    with sandbox("service.selftest.grants_sandbox", str(calls), str(clock), str(seed)) as process:
        yield Platform(told_by(process))
