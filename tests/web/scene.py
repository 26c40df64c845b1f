"""An invented brand's busy morning, for the tests that look at pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from service.db.models import Community, DeliveryRow, Pace
from tests.web.desk import Said, Seeder

HOT = [["rule.safety", "too hot to touch", 1.0], ["urgent", "Is it safe to leave it plugged in", 0.9]]
REASONS = [["waiting", 1.2, {}], ["addressed", 0.7, {"count": 3}], ["turning", 0.5, {}], ["helped", -1.1, {"count": 1}]]


def busy(seed: Seeder) -> int:
    """Three sources, eight conversations, one broken connection. Returns the thread that matters most."""
    refused = {"state": "cut_off", "error": "The server no longer accepts our key."}
    seed.connection("Lemmy · c/espresso", **refused, **_cut_off(seed))
    forum = seed.connection("Brava Forum", connector="discourse", url="https://forum.brava.example", **_well(seed))
    fediverse = seed.connection("Mastodon · @brava", shadow=True, account="@brava@social.brava.example", **_well(seed))
    repairs = seed.community(forum, "Repairs")
    atelier = seed.community(forum, "Atelier (FR)")
    duetto = seed.community(fediverse, "#BravaDuetto")
    hot = seed.thread(duetto, _duetto(), marked=3, title="Duetto keeps heating in standby since 3.2", **_hot())
    for community, title, text, lane, priority, minutes in _others(repairs, atelier, duetto):
        french = community == atelier
        left = lane == "left"
        case = {"lane": lane, "open": not left, "priority": priority, "reasons": [] if left else REASONS[:2]}
        case |= {"state": "left" if left else "open", "look_again_at": _again(seed, lane, minutes)}
        said = Said(text, language="fr" if french else "en", minutes_ago=minutes, urgency=priority)
        answer = Said("Same here.", "Tomás Ferreira", "@tomas", minutes - 1)
        seed.thread(community, [said, answer], title=title, case=case)
    _figures(seed, forum)
    return hot


def _hot() -> dict[str, Any]:
    case = {"lane": "always", "priority": 0.94, "rules": "safety", "reasons": REASONS, "toxicity": 0.2, "urgency": 0.9}
    return {"case": case, "total_replies": 12, "url": "https://mstdn.example/@lena/1"}


def _duetto() -> list[Said]:
    first = "Since firmware 3.2 my #BravaDuetto keeps heating in standby. 94 °C on the group after a whole night off."
    asks = "@brava It was too hot to touch this morning and I have a four-year-old. Third time I ask. "
    return [
        Said(first, minutes_ago=190, url="https://mstdn.example/@lena/1"),
        Said("Same here, two machines. Back to 3.1 and it stopped.", "Tomás Ferreira", "@tferreira@pixel.example", 178),
        Said(
            "Until this is clear, cut it at the switch on the back, not with the button.",
            *("Margaux Lenoir", "@margaux@cafe.example", 160),
            role="member",
            trust=3,
        ),
        Said(
            asks + "Is it safe to leave it plugged in, yes or no?",
            minutes_ago=105,
            urgency=0.9,
            sentiment=-0.6,
            rules="safety",
            reasons=HOT,
            edited=True,
        ),
        Said("They never answer. Send it back, idiots.", "Joris Dekker", "@joris@fedi.example", 98, toxicity=0.7, to=3),
        Said("gone", "Anouk", "@anouk@mstdn.example", 95, deleted=True),
        Said("It burned the table.", "Anouk", "@anouk@mstdn.example", 90, content_warning="burn marks", to=4),
    ]


def _others(repairs: int, atelier: int, duetto: int) -> list[tuple[int, str, str, str, float, float]]:
    return [
        (repairs, "Steam hose came off and burned my hand", "It let go at the wall nut.", "needs", 0.87, 1600),
        (atelier, "Remboursement promis en août, toujours rien", "Troisième relance.", "needs", 0.71, 420),
        (repairs, "Descaling light comes back after descaling", "Is this a known fault?", "needs", 0.44, 70),
        (repairs, "Spare portafilter for the Trio, 58 or 57 mm?", "Two members disagree.", "needs", 0.28, 30),
        (duetto, "Best water for the Uno in Lyon?", "Four of us use the same.", "left", 0.12, 300),
        (duetto, "Show your corner: Duetto edition", "Here is mine.", "left", 0.06, 500),
        (atelier, "Joint de groupe : lequel pour l’Uno 2019 ?", "Le 8,5 mm.", "left", 0.05, 900),
    ]


def _again(seed: Seeder, lane: str, minutes: float) -> Any:
    return seed.now + timedelta(minutes=minutes) if lane == "left" else None


def _well(seed: Seeder) -> dict[str, Any]:
    soon = seed.now + timedelta(seconds=40)
    return {"read_at": seed.now, "message_at": seed.now - timedelta(seconds=80), "poll_due_at": soon, "server": "4.3.1"}


def _cut_off(seed: Seeder) -> dict[str, Any]:
    since, last = seed.now - timedelta(minutes=43), seed.now - timedelta(minutes=2)
    times = {"error_since": since, "error_at": last, "poll_due_at": seed.now + timedelta(minutes=4)}
    return times | {"error_code": "401", "failures": 12, "url": "https://lemmy.espresso.example"}


def _figures(seed: Seeder, forum: int) -> None:
    figures = {"threads": 412, "budget": 42, "cut": 0.28, "surfaced": 4, "always": 1, "left": 3, "decided": 24}
    with seed.deps.store.write() as session:
        first = session.query(Community).order_by(Community.id).first()
        assert first is not None
        first.summary = {"as_of": seed.now.isoformat(), **figures}
        pace = {"site": "discourse forum.brava.example", "bucket": "api", "calls": [], "limit": 60, "remaining": 49}
        session.add(Pace(**pace, reset_at=seed.now + timedelta(hours=1)))
        dead = {"source": "poll", "kind": "post", "key": "k", "digest": "d", "body": b"x" * 812, "state": "dead"}
        error = "It has no time: “created_at” is missing."
        times = {"due_at": seed.now, "received_at": seed.now, "attempt": 6}
        session.add(DeliveryRow(connection_id=forum, error=error, **times, **dead))
