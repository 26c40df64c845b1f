"""What became of a conversation, small enough to be kept beside it: who answered when, and how its author felt.

Pure: `outcome(heard)` reads a thread's messages; clocks and feelings are those of `moderation.clocks` and `.feelings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from moderation.clocks import Event, Times, What, times
from moderation.feelings import Feeling, Said, around
from moderation.model import AuthorRole

#: From this urgency on a message waits for an answer, as triage sees it.
ASKS = 0.3
#: A topic is told of a message from this chance on.
LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of a thread. `to` is the message it answers, `intents` the chance of each thing it may be about."""

    id: str
    at: datetime
    author: int
    role: str
    sentiment: float
    urgency: float = 0.0
    toxicity: float = 0.0
    ruled: bool = False
    addressed: bool = False
    accepted: bool = False
    bot: bool = False
    to: str | None = None
    intents: Mapping[str, float] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.role == AuthorRole.BRAND


@dataclass(frozen=True, slots=True)
class Outcome:
    """`times` are from the first question on; `solved` in them is the answer that was accepted.

    `feeling` is around the first answer of `by`: "brand", or "community" where the brand said nothing, or "".
    """

    times: Times
    topic: str = ""
    by: str = ""
    feeling: Feeling | None = None


def outcome(heard: Sequence[Heard]) -> Outcome:
    """What became of a conversation, from its messages in the order of time."""
    question = _question(heard)
    if question is None:
        return Outcome(Times())
    found = times(event for message in heard for event in _events(message, question))
    by, feeling = _feeling(heard)
    return Outcome(found, topic_of(question.intents), by, feeling)


def topic_of(intents: Mapping[str, float]) -> str:
    """What a message is most likely about; "" where nothing stands out."""
    name = max(sorted(intents), key=lambda n: intents[n], default="")
    return name if name and intents[name] >= LIKELY else ""


def _question(heard: Sequence[Heard]) -> Heard | None:
    """The first message that asks for something, or else the one that began, unless the brand began."""
    asks = (m for m in heard if not m.ours and (m.urgency >= ASKS or m.ruled or m.addressed))
    first = heard[0] if heard and not heard[0].ours else None
    return next(asks, first)


def _events(message: Heard, question: Heard) -> list[Event]:
    if message is question:
        return [Event(message.at, What.ASKED)]
    found = []
    if message.ours:
        found.append(What.BRAND)
    elif message.author != question.author and _answers(message):
        found.append(What.COMMUNITY)
    if message.accepted:
        found.append(What.SOLVED)
    return [Event(message.at, what) for what in found]


def _answers(message: Heard) -> bool:
    """Somebody says something to it, neither hostile nor in need themselves: triage counts these as answers, too."""
    return message.accepted or (not message.bot and message.toxicity < 0.5 and message.urgency < 0.6)


def _feeling(heard: Sequence[Heard]) -> tuple[str, Feeling | None]:
    authors = {m.id: m.author for m in heard}
    said = [Said(m.at, m.author, m.ours, m.sentiment, authors.get(m.to or "")) for m in heard]
    if any(m.ours for m in heard):
        found = around(said, lambda s: s.ours)
        return ("brand", found) if found is not None else ("", None)
    calm = {id(s) for s, m in zip(said, heard, strict=True) if _answers(m) and m.author != heard[0].author}
    found = around(said, lambda s: id(s) in calm)
    return ("community", found) if found is not None else ("", None)
