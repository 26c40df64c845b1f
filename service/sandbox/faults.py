"""Faults on request: a rule matches the next requests to a path and spoils them before, during or after the effect."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "discourse_429",  # JSON with extras.wait_seconds
    "discourse_global_429",  # plain text, Retry-After and error code headers, no Content-Type
    "mastodon_429",  # JSON, reset header, no Retry-After
    "server_error",  # `status` (500) with an HTML body
    "timeout_before",  # silence, then a closed connection; nothing was done
    "timeout_after",  # done, then silence and a closed connection
    "late_effect",  # silence; the effect comes `delay` seconds after the request
    "ignore_idempotency",  # Idempotency-Key is not looked at
    "drip",  # the true answer, one byte a second
    "gzip_bomb",  # a small compressed body that unpacks to 64 MiB
    "redirect",  # 302 to `location`
    "broken_json",  # the true answer, cut in half
    "wrong_type",  # the true body as text/html
    "invalid_utf8",  # JSON holding bytes that are no UTF-8
    "null_bytes",  # JSON whose texts hold escaped and raw null bytes
    "empty",  # 200 and no body
)


@dataclass(slots=True)
class Fault:
    """Applies to the next `times` matching requests, each with probability `share`."""

    kind: str
    path: str = "/"
    method: str = ""
    times: int = 1
    share: float = 1.0
    seconds: float = 30.0  # how long a silence lasts, and what Retry-After says
    delay: float = 30.0  # when a late effect happens
    status: int = 500
    location: str = "http://169.254.169.254/latest/meta-data/"
    used: int = 0
    silences: int = 0  # begun so far; what such a request was to do is done by then

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; one of {', '.join(KINDS)}")

    def matches(self, method: str, path: str) -> bool:
        return self.used < self.times and self.method in ("", method) and path.startswith(self.path)


@dataclass(slots=True)
class Faults:
    rules: list[Fault] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(7))

    def add(self, kind: str, **settings: Any) -> Fault:
        fault = Fault(kind, **settings)
        self.rules.append(fault)
        return fault

    def clear(self) -> None:
        self.rules.clear()

    def draw(self, method: str, path: str) -> Fault | None:
        for rule in self.rules:
            if rule.matches(method, path) and self.dice.random() < rule.share:
                rule.used += 1
                return rule
        return None
