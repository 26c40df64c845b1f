"""What each author did in a thread, and who praised whom there. Pure: a thread's messages in any order, facts out.

Likes are not read: they have no name here, and whoever has many accounts has many likes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from moderation.outcomes import Heard

#: From this toxicity on a message is hostile, from this urgency on it needs help rather than gives it.
TOXIC, NEEDY = 0.5, 0.6
#: Kinder than this, said to an answer, is thanks; a bystander must be clearer than the one who asked.
PLEASED, DELIGHTED = 0.2, 0.45
_TAG = re.compile(r"(?<![\w/&])#(\w{2,60})")


@dataclass(frozen=True, slots=True)
class Deed:
    """What `author` did in one thread, from `began` to `at`, their last friendly message (of any, where none is).

    `weeks` (from the epoch) had a friendly message; `toxic_at` is the last hostile one of `toxic` among all `posts`.
    `answered`: they gave an answer to what somebody else asked. `passed_over`: it was not praised, though another was
    or whoever asked came back after it. `delay` in seconds, where it was the first answer of all. `calmed`: the thread
    was heated before their answer and was (not) so after it; None: there was no heat. `best` is their answer's id.
    """

    author: int
    began: datetime
    at: datetime
    posts: int = 1
    weeks: frozenset[int] = frozenset()
    toxic: int = 0
    toxic_at: datetime | None = None
    answered: bool = False
    accepted: bool = False
    thanked: bool = False
    passed_over: bool = False
    delay: float | None = None
    calmed: bool | None = None
    best: str = ""

    @property
    def praised(self) -> bool:
        return self.accepted or self.thanked

    @property
    def ended(self) -> datetime:
        """Their last message of any kind."""
        return self.at if self.toxic_at is None else max(self.at, self.toxic_at)


@dataclass(frozen=True, slots=True)
class Praise:
    """`giver` accepted (or thanked for) what `author` answered."""

    giver: int
    author: int
    at: datetime
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A thread as reputation sees it; `asker` began it, None where there is no message."""

    asker: int | None = None
    deeds: tuple[Deed, ...] = ()
    praise: tuple[Praise, ...] = ()


@dataclass(slots=True)
class _Thread:
    messages: Sequence[Heard]
    closed: bool
    asker: int
    given: Mapping[tuple[int, int], Praise] = field(default_factory=dict)


def read_thread(heard: Iterable[Heard], *, closed: bool = False) -> Read:
    """The deeds and the praise of a thread; the order of `heard` does not matter."""
    messages = sorted(heard, key=lambda m: (m.at, m.id))
    if not messages:
        return Read()
    asker = messages[0].author
    given = _praise(messages, asker)
    thread = _Thread(messages, closed, asker, given)
    authors = sorted({m.author for m in messages if not m.bot})
    return Read(asker, tuple(_deed(thread, author) for author in authors), tuple(given[key] for key in sorted(given)))


def is_answer(message: Heard, asker: int) -> bool:
    """Somebody says something to whoever asked, neither hostile nor in need themselves."""
    if message.author == asker or message.bot or message.toxicity >= TOXIC:
        return False
    return message.accepted or message.urgency < NEEDY


def week_of(at: datetime) -> int:
    """The week of a time, counted from the epoch."""
    return int(at.timestamp() // (7 * 86_400))


def areas_of(
    community: int, words: str, products: Collection[str] = (), tagged: Collection[str] = ()
) -> tuple[str, ...]:
    """Keys of what a thread is about: its community, its tags, hashtags in title and first message, products named."""
    tags = sorted({f"tag:{tag.casefold()}" for tag in (*tagged, *_TAG.findall(words))})
    spoken = {name for name in products if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words, re.IGNORECASE)}
    return (f"community:{community}", *tags[:10], *sorted(f"product:{name.casefold()}" for name in spoken))


def _praise(messages: Sequence[Heard], asker: int) -> dict[tuple[int, int], Praise]:
    """By (giver, author); however often, it is one praise, of the latest time."""
    found: dict[tuple[int, int], Praise] = {}
    by_id = {m.id: m for m in messages}
    for place, message in enumerate(messages):
        if message.accepted and is_answer(message, asker):
            _keep(found, Praise(asker, message.author, message.at, accepted=True))
        meant = _meant(messages, place, by_id, asker)
        if meant is not None:
            _keep(found, Praise(message.author, meant.author, message.at))
    return found


def _keep(found: dict[tuple[int, int], Praise], praise: Praise) -> None:
    key = (praise.giver, praise.author)
    kept = found.get(key, praise)
    found[key] = replace(praise, at=max(praise.at, kept.at), accepted=praise.accepted or kept.accepted)


def _meant(messages: Sequence[Heard], place: int, by_id: Mapping[str, Heard], asker: int) -> Heard | None:
    """The answer that a message thanks for, if it thanks. Rough words thank as well: hostility is judged elsewhere."""
    message = messages[place]
    least = PLEASED if message.author == asker else DELIGHTED
    if message.bot or message.sentiment < least or message.urgency >= NEEDY:
        return None
    named = by_id.get(message.to or "")
    if named is not None and named.author != asker:
        meant: Heard | None = named if named.at <= message.at and is_answer(named, asker) else None
    elif message.author == asker:
        meant = next((m for m in reversed(messages[:place]) if is_answer(m, asker)), None)
    else:
        meant = None
    return meant if meant is not None and meant.author != message.author else None


def _deed(thread: _Thread, author: int) -> Deed:
    mine = [m for m in thread.messages if m.author == author]
    answers = [m for m in mine if is_answer(m, thread.asker)]
    friendly = [m.at for m in mine if m.toxicity < TOXIC]
    hostile = [m.at for m in mine if m.toxicity >= TOXIC]
    written = Deed(
        author,
        mine[0].at,
        (friendly or hostile)[-1],
        len(mine),
        frozenset(week_of(at) for at in friendly),
        len(hostile),
        hostile[-1] if hostile else None,
    )
    if not answers:
        return written
    praise = [p for (_, to), p in thread.given.items() if to == author]
    first = next(m for m in thread.messages if is_answer(m, thread.asker))
    return replace(
        written,
        answered=True,
        accepted=any(p.accepted for p in praise),
        thanked=any(not p.accepted for p in praise),
        passed_over=not praise and _had_a_say(thread, answers[0]),
        delay=(first.at - thread.messages[0].at).total_seconds() if first.author == author else None,
        calmed=_calmed(thread, answers),
        best=next((m for m in answers if m.accepted), answers[0]).id,
    )


def _had_a_say(thread: _Thread, answer: Heard) -> bool:
    """Whether silence on this answer says something: another was praised, or whoever asked wrote after it."""
    return bool(thread.given) or any(m.author == thread.asker and m.at > answer.at for m in thread.messages)


def _calmed(thread: _Thread, answers: Sequence[Heard]) -> bool | None:
    """Whether after one of their answers to a heated thread nobody else was hostile any more, or it was closed."""
    heat = [m.at for m in thread.messages if m.toxicity >= TOXIC and m.author != answers[0].author]
    into = [answer.at for answer in answers if any(at < answer.at for at in heat)]
    if not into:
        return None
    return thread.closed or max(heat) <= max(into)
