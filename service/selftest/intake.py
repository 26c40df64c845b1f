"""The trial of intake: nothing that was answered 202 is lost or doubled, whoever is killed meanwhile.

First a storm in calm weather, for memory; then one with an import beside it while processes are killed at random.
Senders are patient, as a forum with retries is: the same event id, again, until it is answered.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from service.selftest import measure
from service.selftest.forum import ARCHIVE, connect_archive, forum_place
from service.selftest.kills import MEAN_SECONDS, Killer
from service.selftest.place import Place, TrialError
from service.selftest.processes import web_rss_mb
from service.selftest.signing import Forum, Webhook, mixed
from service.selftest.storm import Answer, Storm
from service.selftest.texts import texts, write_archive

Say = Callable[[str], None]
WARM_UP = 1_000
MOST_IMPORT_LINES = 5_000
#: Longer than any lease: what a killed process held is taken over by then.
DRAIN_SECONDS = 240.0
ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard to try."""

    kills: int = 20
    webhooks: int = 5_000
    senders: int = 8
    seed: int = 10

    @property
    def import_lines(self) -> int:
        return min(MOST_IMPORT_LINES, self.webhooks)


@dataclass(slots=True)
class Result:
    """What came of it. `sent` counts distinct good events; `refused` bad calls answered 4xx; `retried` those resent."""

    kills: int = 0
    killed: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    accepted: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    bad: int = 0
    refused: int = 0
    dead: int = 0
    retried: int = 0
    imported: int = 0
    import_lost: int = 0
    rss_growth_mb: float = 0.0
    calm_per_s: float = 0.0
    stopped_s: float = 0.0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        broken = (self.lost, self.doubled, self.import_lost, self.bad - self.refused, self.sent - self.accepted)
        return not any(broken)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"good": self.good}


def try_intake(plan: Plan, say: Say) -> Result:
    """Runs the whole trial. Raises TrialError when the service does not start or ends by itself."""
    started = time.monotonic()
    rng = Random(plan.seed)
    result = Result()
    with forum_place() as (place, forum, connection_id):
        archive_id = connect_archive(place)
        say("starting the service …")
        place.start()
        sent = _calm(place, forum, plan, rng, result, say)
        sent += _stormy(place, forum, plan, rng, result, say)
        _drain(place, say)
        _count(place, connection_id, archive_id, sent, result)
        result.stopped_s = round(place.stop(), 2)
    result.seconds = round(time.monotonic() - started, 1)
    return result


Sent = list[tuple[Webhook, Answer]]


def _calm(place: Place, forum: Forum, plan: Plan, rng: Random, result: Result, say: Say) -> Sent:
    """A storm without kills: how much memory the web takes between its first thousand webhooks and its last."""
    webhooks = mixed(forum, texts(plan.seed, place.deps.now()), place.deps.now(), rng, plan.webhooks, 0)
    warm_up = min(WARM_UP, plan.webhooks // 5)
    say(f"a calm storm of {plan.webhooks} webhooks …")
    sent = _send(place, plan, webhooks[:warm_up])
    before, started = web_rss_mb(place.pid), time.monotonic()
    sent += _send(place, plan, webhooks[warm_up:])
    result.calm_per_s = round((plan.webhooks - warm_up) / (time.monotonic() - started), 1)
    result.rss_growth_mb = round(web_rss_mb(place.pid) - before, 1)
    return sent


def _stormy(place: Place, forum: Forum, plan: Plan, rng: Random, result: Result, say: Say) -> Sent:
    """As many webhooks again, paced over the time of the kills, with an import beside them."""
    story = texts(plan.seed + 1, place.deps.now())
    webhooks = mixed(forum, story, place.deps.now(), rng, plan.webhooks, plan.webhooks)
    file = place.folder / "archive.jsonl"
    lines = write_archive(file, plan.import_lines, plan.seed, place.deps.now())
    killer = Killer(place, plan.kills, Random(plan.seed))
    say(f"{plan.kills} kills, {plan.webhooks} more webhooks, {plan.import_lines} lines of an archive …")
    process = place.command("import", str(file), "--connection", ARCHIVE, "--json")
    killer.start()
    try:
        sent = _send(place, plan, webhooks, rate=plan.webhooks / max(1.0, plan.kills * MEAN_SECONDS))
        killer.join()
    finally:
        killer.stop()
    result.kills, result.killed = killer.done.total(), dict(killer.done)
    result.imported = _imported(process)
    result.import_lost = lines - result.imported
    return sent


def _send(place: Place, plan: Plan, webhooks: Sequence[Webhook], rate: float = 0.0) -> Sent:
    storm = Storm(place.port, [w.call for w in webhooks], senders=plan.senders, rate=rate)
    return list(zip(webhooks, storm.run(), strict=True))


def _imported(process: subprocess.Popen[bytes]) -> int:
    """How many lines the import brought in; it waits for what killed workers had taken, at most their lease."""
    output, _nothing = process.communicate(timeout=DRAIN_SECONDS)
    if process.returncode:
        raise TrialError(f"`tenth import` ended with code {process.returncode}.")
    return int(json.loads(output)["messages"])


def _drain(place: Place, say: Say) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS
    while (waiting := measure.still_waiting(place.deps)) and time.monotonic() < deadline:
        say(f"{waiting} deliveries are not read yet …")
        time.sleep(1.0)


def _count(place: Place, connection_id: int, archive_id: int, sent: Sent, result: Result) -> None:
    events = {w.remote_id for w, _ in sent if w.kind == "good"}
    accepted = {w.remote_id for w, a in sent if w.kind == "good" and a.status == ACCEPTED}
    forum, archive = measure.stored(place.deps, connection_id), measure.stored(place.deps, archive_id)
    result.sent, result.accepted = len(events), len(accepted)
    result.stored = len(events & forum.ids)
    result.lost = measure.missing(accepted, forum.ids)
    result.doubled = forum.doubled + archive.doubled
    result.dead = forum.dead + archive.dead
    bad = [a for w, a in sent if w.kind != "good"]
    result.bad = len(bad)
    result.refused = sum(1 for a in bad if 400 <= a.status < 500)
    result.retried = sum(1 for _, a in sent if a.tries > 1)
