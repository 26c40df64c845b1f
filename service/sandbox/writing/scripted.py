"""Threads written by hand, with the planted list, and the afternoon of the outage."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any, Literal

from service.sandbox.story import Conversation, Language, Line, Member, Planted
from service.sandbox.writing.grammar import fill
from service.sandbox.writing.people import BRAND
from service.sandbox.writing.scribe import Scribe, tagged
from service.sandbox.writing.texts import Script, Where, outage, scripts

_OUTAGE_BEGAN = time(13, 5)
_OUTAGE_LENGTH = timedelta(hours=3)
_LANGUAGES: tuple[Language, ...] = ("en", "fr")


def scripted_threads(scribe: Scribe) -> tuple[list[Conversation], list[Planted]]:
    written = [(script, _thread(scribe, script)) for language in _LANGUAGES for script in scripts(language)]
    planted = [_planted(script) for script, _ in written if script.expected]
    return [conversation for _, conversation in written], planted


def _planted(script: Script) -> Planted:
    expected: Literal["surface", "leave"] = "leave" if script.expected == "leave" else "surface"
    return Planted(script.key, script.kind, expected, script.by_rule, script.why)


def _thread(scribe: Scribe, script: Script) -> Conversation:
    start = scribe.now - timedelta(days=script.days)
    players: dict[str, Member] = {}
    lines = [_line(scribe, script, players, start, raw) for raw in script.lines]
    first = lines[0]
    lines[0] = replace(first, text=tagged(first.text, "", script.hashtags, script.where))
    kept = tuple(line for line in lines if line.at <= scribe.now)
    return Conversation(script.key, script.where, script.title, kept, script.category, script.hashtags)


def _line(scribe: Scribe, script: Script, players: dict[str, Member], start: datetime, raw: tuple[Any, ...]) -> Line:
    who, minutes, text = raw[0], raw[1], raw[2]
    reply_to = None if minutes == 0 else (raw[3] if len(raw) > 3 else 0)
    username = _username(scribe, script, players, who)
    # A minute or two of jitter: hand-written offsets are too round.
    at = start + timedelta(minutes=minutes, seconds=scribe.rng.randrange(50) if minutes else 0)
    accepted = len(raw) > 4 and raw[4] == "accepted"
    likes = scribe.likes(5 if accepted or minutes == 0 else 1.2)
    return Line(username, at, text, reply_to, likes, script.language, accepted)


def _username(scribe: Scribe, script: Script, players: dict[str, Member], who: str) -> str:
    if len(who) > 1:
        return who
    if who not in players:
        but = {member.username for member in players.values()}
        players[who] = scribe.cast.somebody(scribe.rng, script.language, script.where, but)
    return players[who].username


def outage_threads(scribe: Scribe) -> list[Conversation]:
    """A burst on both platforms: some threads that grow, and single posts on the fediverse."""
    began = datetime.combine(scribe.now.date() - timedelta(days=6), _OUTAGE_BEGAN, scribe.now.tzinfo)
    plan: list[tuple[Language, Where, int]] = [
        ("en", "forum", 22),
        ("en", "forum", 7),
        ("en", "forum", 4),
        ("fr", "forum", 12),
        ("fr", "forum", 3),
        *(("en", "fediverse", size) for size in (4, 3, 2, 2, 1, 1, 1, 1, 1)),
        *(("fr", "fediverse", size) for size in (3, 2, 1, 1, 1, 1)),
    ]
    return [
        _outage_thread(scribe, f"outage-{index:02}", began, language, where, size)
        for index, (language, where, size) in enumerate(plan)
    ]


def _outage_thread(
    scribe: Scribe, key: str, began: datetime, language: Language, where: Where, size: int
) -> Conversation:
    seconds = int(_OUTAGE_LENGTH.total_seconds())
    moments = sorted(began + timedelta(seconds=scribe.rng.randrange(seconds)) for _ in range(size))
    slots = scribe.slots(language, scribe.rng.choice(("Duetto", "Trio")))
    tags = ("BravaHelp" if language == "en" else "BravaAide",) if where == "fediverse" else ()
    lines: list[Line] = []
    for index, at in enumerate(moments):
        lines.append(_outage_line(scribe, language, where, at, slots, tags if index == 0 else (), first=index == 0))
    if size > 10:
        lines = sorted([*lines, *_official(lines[0].at, began, language)], key=lambda line: line.at)
    titles = outage()[f"title_{language}"]
    index = scribe.decks.deal(f"outage-title-{language}", len(titles), range(len(titles)))
    title = fill(titles[index], slots, scribe.rng)
    return Conversation(
        key, where, title if where == "forum" else "", tuple(lines), "app" if where == "forum" else "", tags
    )


def _outage_line(
    scribe: Scribe,
    language: Language,
    where: Where,
    at: datetime,
    slots: dict[str, str],
    tags: tuple[str, ...],
    *,
    first: bool,
) -> Line:
    member = scribe.cast.somebody(scribe.rng, language, where)
    varied = slots | {"city": scribe.slots(language, slots["m"])["city"]}
    pool = outage()[language]
    # The first sentences of the pool are the ones that open a thread.
    text = scribe.say(member, f"outage-{language}-{first}", pool[:4] if first else pool[4:], varied, language)
    return Line(member.username, at, tagged(text, "", tags, where), None if first else 0, scribe.likes(1), language)


def _official(first: datetime, began: datetime, language: Language) -> list[Line]:
    over = began + _OUTAGE_LENGTH
    texts = [(over + timedelta(minutes=6), outage()["end_en"] if language == "en" else outage()["brand_fr"])]
    if language == "en":
        texts.insert(0, (began + timedelta(minutes=95), outage()["brand_en"]))
    return [Line(BRAND.username, at, text, 0, 9, language) for at, text in texts if at > first]
