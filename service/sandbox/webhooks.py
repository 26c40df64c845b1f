"""Webhooks of the forum: signed as Discourse signs them, sent from one background thread, spoiled on request."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Literal

import httpx

Signature = Literal["good", "bad", "none"]
QUEUE_SIZE = 2000
KEPT = 1000


def sign(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Subscription:
    id: int
    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one subscriber. `answer` is its HTTP status once sent, or the name of what went wrong."""

    event_id: int
    type: str
    event: str
    url: str
    secret: str
    body: bytes
    instance: str
    signature: Signature = "good"
    answer: str = ""

    def headers(self) -> dict[str, str]:
        headers = {
            "Accept": "*/*",
            "Connection": "close",
            "Content-Type": "application/json",
            "User-Agent": "Discourse/2026.9.0",
            "X-Discourse-Instance": self.instance,
            "X-Discourse-Event-Id": str(self.event_id),
            "X-Discourse-Event-Type": self.type,
            "X-Discourse-Event": self.event,
        }
        if self.secret and self.signature != "none":
            key = self.secret if self.signature == "good" else self.secret + "-wrong"
            headers["X-Discourse-Event-Signature"] = sign(key, self.body)
        return headers


@dataclass(slots=True)
class Mode:
    """How the next deliveries go out. Held ones wait for `release`."""

    copies: int = 1
    signature: Signature = "good"
    hold: bool = False


@dataclass(slots=True)
class Webhooks:
    """Subscribing and queueing happen under the world's lock; sending does not."""

    instance: Callable[[], str]
    subscriptions: list[Subscription] = field(default_factory=list)
    mode: Mode = field(default_factory=Mode)
    sent: deque[Delivery] = field(default_factory=lambda: deque(maxlen=KEPT))
    held: list[Delivery] = field(default_factory=list)
    dropped: int = 0
    _queue: Queue[Delivery] = field(default_factory=lambda: Queue(QUEUE_SIZE))
    _next_id: int = 1
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def subscribe(self, url: str, secret: str) -> Subscription:
        made = Subscription(len(self.subscriptions) + 1, url, secret)
        self.subscriptions.append(made)
        self._send(made, "ping", "ping", b'{"ping":"OK"}')
        return made

    def emit(self, kind: str, event: str, payload: dict[str, Any]) -> None:
        body = json.dumps({kind: payload}, separators=(",", ":"), ensure_ascii=False).encode()
        for subscription in self.subscriptions:
            self._send(subscription, kind, event, body)

    def _send(self, to: Subscription, kind: str, event: str, body: bytes) -> None:
        made = Delivery(self._next_id, kind, event, to.url, to.secret, body, self.instance(), self.mode.signature)
        self._next_id += 1
        copies = [made] * max(1, self.mode.copies)
        if self.mode.hold:
            self.held += copies
        else:
            self._enqueue(copies)

    def _enqueue(self, deliveries: list[Delivery]) -> None:
        self._start()
        for delivery in deliveries:
            try:
                self._queue.put_nowait(delivery)
            except Full:
                self.dropped += 1

    def release(self, *, reverse: bool = False) -> int:
        waiting, self.held = self.held[:: -1 if reverse else 1], []
        self._enqueue(waiting)
        return len(waiting)

    def replay(self, event_id: int, signature: Signature = "good") -> int:
        """Send an old event again, with its old id and body, as the redelivery button does."""
        old = list({d.url: d for d in self.sent if d.event_id == event_id}.values())
        self._enqueue([replace(d, signature=signature, answer="") for d in old])
        return len(old)

    def idle(self) -> bool:
        return self._queue.unfinished_tasks == 0

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=6)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._work, name="sandbox-webhooks", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        with httpx.Client(timeout=5.0, trust_env=False) as client:
            while not self._stop.is_set():
                try:
                    delivery = self._queue.get(timeout=0.2)
                except Empty:
                    continue
                self.sent.append(replace(delivery, answer=_post(client, delivery)))
                self._queue.task_done()


def _post(client: httpx.Client, delivery: Delivery) -> str:
    """Discourse does not retry unless told to, and neither does this: the failure is kept with the delivery."""
    try:
        return str(client.post(delivery.url, content=delivery.body, headers=delivery.headers()).status_code)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
