"""Fills the sandbox community: forty days of two platforms, the same ones for the same seed, moved to end at `now`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from service.sandbox.story import Conversation, Language, Story
from service.sandbox.writing.people import gather
from service.sandbox.writing.scribe import Scribe
from service.sandbox.writing.scripted import outage_threads, scripted_threads
from service.sandbox.writing.texts import Where, categories
from service.sandbox.writing.threads import ordinary_thread

_MESSAGES = 3050
#: The moment the story is written for. Times are drawn against the clock's hour, so without a fixed one every start
#: would tell another story, and nobody could say what changed in the queue.
_WRITTEN = datetime(2026, 3, 12, 15, 30, tzinfo=UTC)
_SHARES: dict[tuple[Language, Where], float] = {
    ("en", "forum"): 0.455,
    ("en", "fediverse"): 0.195,
    ("fr", "forum"): 0.245,
    ("fr", "fediverse"): 0.105,
}


def build_story(now: datetime, seed: int = 10) -> Story:
    """`now` must know its timezone; everything in the story happened before it."""
    rng = Random(seed)
    scribe = Scribe(rng, gather(rng), _WRITTEN)
    conversations, planted = scripted_threads(scribe)
    conversations += outage_threads(scribe)
    conversations += _ordinary_threads(scribe, conversations)
    conversations.sort(key=lambda conversation: (conversation.lines[0].at, conversation.key))
    hashtags = {tag for conversation in conversations for tag in conversation.hashtags}
    return Story(
        members=scribe.cast.members,
        categories=categories(),
        conversations=tuple(_moved(conversation, now - _WRITTEN) for conversation in conversations),
        planted=tuple(planted),
        hashtags=tuple(sorted(hashtags)),
    )


def _moved(conversation: Conversation, by: timedelta) -> Conversation:
    return replace(conversation, lines=tuple(replace(line, at=line.at + by) for line in conversation.lines))


def _ordinary_threads(scribe: Scribe, already: list[Conversation]) -> list[Conversation]:
    """As many as it takes, each one where its language and platform lag furthest behind their share."""
    written = Counter[tuple[Language, Where]]()
    for conversation in already:
        written[conversation.lines[0].language, conversation.where] += len(conversation.lines)
    threads: list[Conversation] = []
    while written.total() < _MESSAGES:
        language, where = min(_SHARES, key=lambda cell: written[cell] / _SHARES[cell])
        thread = ordinary_thread(scribe, f"thread-{len(threads):03}", language, where)
        written[language, where] += len(thread.lines)
        threads.append(thread)
    return threads
