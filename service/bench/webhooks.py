"""How long a forum waits for its 202 at a steady pace, beside as many GET /healthz from the same senders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from service.deps import utc_now
from service.selftest.forum import forum_place
from service.selftest.measure import quantile, still_waiting
from service.selftest.place import Place
from service.selftest.signing import Forum, new_post
from service.selftest.storm import Answer, Call, Storm
from service.selftest.texts import texts

Say = Callable[[str], None]
SEED = 10
WARM_UP = 200
ACCEPTED = 202
ALIVE = 200


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` webhooks a second for `seconds`, from `senders` that keep their connections open."""

    rate: int = 300
    seconds: int = 12
    senders: int = 8

    @property
    def count(self) -> int:
        return self.rate * self.seconds


@dataclass(frozen=True, slots=True)
class Webhooks:
    """`webhook_refused` counts what was not answered 202; `unread` what the worker had still to read at the end."""

    webhook_p50_ms: float
    webhook_p95_ms: float
    webhook_refused: int
    webhook_per_s: float
    healthz_p95_ms: float
    unread: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def bench_webhooks(load: Load, say: Say) -> Webhooks:
    """Sends good webhooks to a real `tenth run` while its worker reads, scores and triages them."""
    with forum_place() as (place, forum, _number):
        say("starting the service …")
        place.start()
        calls = _webhooks(forum, load.count + WARM_UP)
        Storm(place.port, calls[:WARM_UP], senders=load.senders, rate=load.rate).run()
        say(f"{load.count} webhooks, {load.rate} a second …")
        answers, speed = _send(place, load, calls[WARM_UP:])
        unread = still_waiting(place.deps)
        say(f"{load.count} times /healthz …")
        probes, _speed = _send(place, load, [Call("GET", "/healthz")] * load.count)
    times = [a.ms for a in answers if a.status == ACCEPTED]
    return Webhooks(
        webhook_p50_ms=round(quantile(times, 0.5), 1),
        webhook_p95_ms=round(quantile(times, 0.95), 1),
        webhook_refused=len(answers) - len(times),
        webhook_per_s=round(speed, 1),
        healthz_p95_ms=round(quantile([a.ms for a in probes if a.status == ALIVE], 0.95), 1),
        unread=unread,
    )


def _webhooks(forum: Forum, count: int) -> list[Call]:
    """All signed beforehand, so that the senders do nothing but send."""
    now = utc_now()
    said = texts(SEED, now)
    return [new_post(forum, said, now, number).call for number in range(count)]


def _send(place: Place, load: Load, calls: Sequence[Call]) -> tuple[list[Answer], float]:
    storm = Storm(place.port, calls, senders=load.senders, rate=load.rate, patient=False)
    answers = storm.run()
    return answers, len(calls) / storm.seconds
