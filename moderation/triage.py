"""The tenth: which threads need the brand, why, and when to look at the others again. A pure function of ordered facts.

`digest(messages, as_of)` says what matters in a thread, `assess(facts, as_of)` gives its priority with reasons, and
`cut(candidates, …)` draws the line: a budget (10% by default) of the threads active in a rolling window. Rules for
safety, threats, legal matters and self-harm pass always and are counted apart.

The weights are set by hand from what a community manager looks at first; each is named, so that it can be argued with,
and a `Tuning` says what a community's own decisions made of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation.model import AuthorRole
from moderation.scoring.contract import INTENTS
from moderation.tuning import PRIOR, Tuning

HOUR = 3600.0
#: The rule of a message in which a watch that is on found something.
WATCHED = "watched"
#: Threads up to which the budget is rounded up: a small community still gets a place.
SMALL = 100
_RECENT = 12


def dangers(rules: Iterable[str]) -> frozenset[str]:
    """The rules of danger among those that put a conversation above the line: a watched word is none."""
    return frozenset(rules) - {WATCHED, ""}


@dataclass(frozen=True, slots=True)
class MessageFact:
    """What triage reads of one message. `at` is seconds since the epoch, `rules` codes of rules that matched,
    `intents` the chance of each thing that it may be about."""

    id: int
    at: float
    author: int
    role: str
    toxicity: float
    urgency: float
    sentiment: float
    rules: tuple[str, ...] = ()
    addressed: bool = False
    likes: int = 0
    trust: int | None = None
    accepted: bool = False
    intents: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """What matters in a thread, small enough to be kept beside it.

    `open_at` is the time of the oldest message that still waits for an answer (0: none waits); `need` the highest
    urgency among those that wait, `topics` what that message may be about, each with its chance; `marked` the
    message that a person should look at first.
    """

    marked: int = 0
    need: float = 0.0
    need_at: float = 0.0
    open_at: float = 0.0
    toxicity: float = 0.0
    toxic_messages: int = 0
    rules: tuple[str, ...] = ()
    addressed: int = 0
    brand_at: float = 0.0
    helped: int = 0
    answered: int = 0
    accepted: bool = False
    settled: bool = False
    authors: int = 0
    likes: int = 0
    messages: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    sentiment_start: float = 0.0
    sentiment_end: float = 0.0
    recent: tuple[float, ...] = ()
    topics: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> ThreadFacts:
        return cls(**{**kept, **{name: tuple(kept.get(name, ())) for name in ("rules", "recent")}})


@dataclass(frozen=True, slots=True)
class Because:
    """One reason for (weight > 0) or against a thread's place; `code` names a sentence, `params` fill it."""

    code: str
    weight: float
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assessment:
    """`priority` in [0, 1]: how likely it is that the brand must step in. `because` has the strongest first."""

    priority: float
    because: tuple[Because, ...]
    always: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A thread in the window.

    `held` by a person, `decided` since its last message, or `seen` by somebody in the queue and not decided: each uses
    a place. `stood` is the highest priority it had since its last message. A `probe` is shown whatever its priority,
    to find out what is missed, and uses none.
    """

    id: int
    facts: ThreadFacts
    held: bool = False
    decided: bool = False
    seen: bool = False
    stood: float = 0.0
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a thread stands after the cut: lane "needs", "always", "left" or "decided"."""

    id: int
    lane: str
    assessment: Assessment
    look_again_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Cut:
    """The line. `value` is the lowest priority above it (1.0 when nothing is)."""

    threads: int
    budget: int
    value: float
    placed: tuple[Placed, ...]

    def count(self, lane: str) -> int:
        return sum(1 for p in self.placed if p.lane == lane)


# ------------------------------------------------------------------ facts


def helpful(message: MessageFact) -> bool:
    """Whether a message reads as help by somebody else: a known helper or staff, calm, and not asking for help."""
    known = message.role in {AuthorRole.MEMBER, AuthorRole.STAFF} or (message.trust or 0) >= 3
    return message.accepted or (known and message.toxicity < 0.5 and message.urgency < 0.6)


def digest(messages: Iterable[MessageFact], as_of: datetime, total_likes: int = 0) -> ThreadFacts:
    """The facts of a thread from its messages up to `as_of`, in any order."""
    limit = as_of.timestamp()
    known = sorted((m for m in messages if m.at <= limit), key=lambda m: (m.at, m.id))
    if not known:
        return ThreadFacts()
    brand_at = max((m.at for m in known if m.role == AuthorRole.BRAND), default=0.0)
    others = [m for m in known if m.role != AuthorRole.BRAND]
    waiting = [m for m in others if m.at > brand_at and not helpful(m)]
    starter = known[0].author
    starters = [m for m in others if m.author == starter] or others or known
    worst = max(waiting, key=lambda m: _weight(m, starter), default=None)
    loudest = max((m for m in others if m.at > brand_at), key=lambda m: (m.toxicity, -m.at), default=None)
    asked_at = worst.at if worst else 0.0
    return ThreadFacts(
        marked=_marked(worst, loudest, known[-1]),
        need=_need(worst, starter) if worst else 0.0,
        need_at=asked_at,
        open_at=min((m.at for m in waiting if m.urgency >= 0.3), default=asked_at),
        toxicity=loudest.toxicity if loudest else 0.0,
        toxic_messages=sum(1 for m in others if m.at > brand_at and m.toxicity >= 0.6),
        rules=tuple(sorted({r for m in others if m.at > brand_at for r in m.rules})),
        addressed=sum(1 for m in waiting if m.addressed),
        brand_at=brand_at,
        helped=len({m.author for m in others if helpful(m) and m.at >= asked_at and m.author != starter}),
        answered=len({m.author for m in others if _calm_answer(m, asked_at, starter)}),
        accepted=any(m.accepted and m.at >= asked_at for m in known),
        settled=len(starters) > 1 and _content(starters[-1]),
        authors=len({m.author for m in known}),
        likes=total_likes or sum(m.likes for m in known),
        messages=len(known),
        first_at=known[0].at,
        last_at=known[-1].at,
        sentiment_start=starters[0].sentiment,
        sentiment_end=starters[-1].sentiment,
        recent=tuple(m.at for m in known[-_RECENT:]),
        topics=_topics(worst) if worst else {},
    )


def _need(message: MessageFact, starter: int) -> float:
    """Urgency, less for a content message and for one beside the point: of many remarks, one always looks urgent."""
    if message.rules:
        return message.urgency
    mood = CONTENT if message.sentiment >= 0.4 else 1.0
    full = message.author == starter or message.addressed
    return mood * (message.urgency if full else OTHERS * message.urgency)


#: Topics that a community may come to weigh: what a message is about, and whether its writer is content.
TOPICS = (*INTENTS, "glad")


def _topics(message: MessageFact) -> dict[str, float]:
    chances = {**message.intents, "glad": (1 + message.sentiment) / 2}
    return {name: round(chances[name], 2) for name in TOPICS if chances.get(name, 0.0) >= 0.05}


def _weight(message: MessageFact, starter: int) -> tuple[float, float, int]:
    return (_need(message, starter) + (0.5 if message.rules else 0.0), -message.at, -message.id)


def _calm_answer(message: MessageFact, asked_at: float, starter: int) -> bool:
    """Somebody else said something to it, neither hostile nor in need themselves."""
    return message.author != starter and message.at > asked_at and message.toxicity < 0.5 and message.urgency < 0.6


def _content(message: MessageFact) -> bool:
    """The one who asked came back content."""
    return message.sentiment >= 0.3 and message.urgency < 0.5 and not message.rules


def _marked(worst: MessageFact | None, loudest: MessageFact | None, last: MessageFact) -> int:
    if worst and loudest and loudest.toxicity > max(worst.urgency, 0.6) and not worst.rules:
        return loudest.id
    return (worst or loudest or last).id


# ------------------------------------------------------------------ priority

#: Log-odds of a thread of which nothing is known: about one in a hundred needs the brand.
BASE = -4.6
NEED = 4.5
#: Danger is often told calmly: what the message that waits is about says more than how urgent it sounds.
DANGER = 6.0
TOXICITY = 3.6
WAITING = 0.8
ADDRESSED = 0.7
VELOCITY = 0.8
REACH = 0.4
TURNING = 0.4
FRESH = 1.3
HELPED = -1.4
ANSWERED = -1.5
ACCEPTED = -1.8
SETTLED = -1.6
STALE = -5.0
RULE = 3.0
#: Hours without a word after which a thread begins to be yesterday's news, and further hours until it wholly is.
QUIET = 72.0
FORGOTTEN = 18 * 24.0
#: What a remark of somebody other than the one who asked counts.
OTHERS = 0.85
#: What a message in good spirits counts.
CONTENT = 0.7
#: Toxicity up to here is a rough tone that communities live with.
ROUGH = 0.5


def assess(facts: ThreadFacts, as_of: datetime, tuning: Tuning = PRIOR) -> Assessment:
    """Priority with reasons. Rises with need, toxicity, waiting, reach; falls with help given."""
    found = terms(facts, as_of) if tuning is PRIOR else _tuned(facts, as_of, tuning)
    told = [t for t in found if abs(t.weight) >= 0.05]
    value = 1.0 / (1.0 + math.exp(-(BASE + tuning.shift + sum(t.weight for t in told))))
    ordered = tuple(sorted(told, key=lambda t: (-abs(t.weight), t.code)))
    return Assessment(round(value, 4), ordered, facts.rules)


def _tuned(facts: ThreadFacts, as_of: datetime, tuning: Tuning) -> list[Because]:
    known = [replace(t, weight=t.weight * tuning.terms.get(t.code, 1.0)) for t in terms(facts, as_of)]
    spoken = [(name, chance * tuning.topics.get(name, 0.0)) for name, chance in facts.topics.items()]
    return known + [Because("topic", weight, {"topic": name}) for name, weight in spoken]


def terms(facts: ThreadFacts, as_of: datetime) -> list[Because]:
    """Every reason with its shipped weight, those of no weight too: always the same codes in the same order."""
    return _terms(facts, as_of.timestamp())


def _terms(f: ThreadFacts, now: float) -> list[Because]:
    waited = max(0.0, now - f.open_at) if f.open_at else 0.0
    pace = sum(1 for t in f.recent if now - t <= 2 * HOUR)
    quiet = max(0.0, now - f.last_at) / HOUR
    drop = max(0.0, f.sentiment_start - f.sentiment_end)
    # Help counts for less the greater the need: advice of a member does not end an emergency.
    left = 0.0 if f.rules else 1.0 - 0.6 * f.need
    return [
        Because("rule", RULE if f.rules else 0.0, {"rules": list(f.rules)}),
        Because("need", NEED * f.need**1.5),
        Because("danger", DANGER * f.topics.get("safety", 0.0)),
        Because("toxicity", TOXICITY * max(0.0, f.toxicity - ROUGH) / (1 - ROUGH), {"count": f.toxic_messages}),
        Because("waiting", WAITING * f.need * saturating(waited / HOUR, 24)),
        Because("addressed", ADDRESSED * min(f.addressed, 3) / 3 if f.need >= 0.2 else 0.0, {"count": f.addressed}),
        Because("velocity", VELOCITY * saturating(max(0, pace - 3), 6), {"count": pace}),
        Because("reach", REACH * saturating(f.authors - 2 + f.likes / 10, 20), {"authors": f.authors}),
        Because("turning", TURNING * drop / 2, {}),
        Because("fresh", FRESH * max(0.0, 1.0 - quiet / 72) * f.need, {}),
        Because("helped", HELPED * left * min(1.0, f.helped / 2), {"count": f.helped}),
        Because("answered", ANSWERED * left * min(1.0, f.answered / 3), {"count": f.answered}),
        Because("accepted", ACCEPTED if f.accepted and not f.rules else 0.0, {}),
        Because("settled", SETTLED if f.settled and not f.rules else 0.0, {}),
        Because("stale", STALE * min(1.0, max(0.0, quiet - QUIET) / FORGOTTEN), {}),
    ]


def saturating(value: float, full: float) -> float:
    """0 at 0, 1 at `full` and beyond, fast at first (log scale)."""
    return min(1.0, math.log1p(max(0.0, value)) / math.log1p(full))


# ------------------------------------------------------------------ the line


def places(threads: int, budget: float) -> int:
    """How many threads the budget holds: rounded up below 100 threads, to the nearest above."""
    exact = round(threads * budget, 9)
    return math.ceil(exact) if threads < SMALL else round(exact)


#: How far the share above the line may be from the budget, as a part of it: there is room for an emergency after a bad
#: day, and no need to show something when nothing needs the brand.
SLACK = 0.1


def cut(candidates: Sequence[Candidate], as_of: datetime, budget: float = 0.1, tuning: Tuning = PRIOR) -> Cut:
    """Places every candidate. Held, decided and seen threads use places first; ties go to the older need, then the id.

    A newcomer comes in when it stands as high as the top `budget` of the window stood at their highest. `SLACK` bounds
    how far the share may wander from the budget by that.
    """
    assessed = {c.id: assess(c.facts, as_of, tuning) for c in candidates}
    always = {c.id for c in candidates if assessed[c.id].always and not c.decided}
    used = {c.id for c in candidates if (c.held or c.decided or c.seen) and not assessed[c.id].always}
    rest = [c for c in candidates if c.id not in used and c.id not in always and not c.decided]
    rest.sort(key=lambda c: (-assessed[c.id].priority, c.facts.need_at, c.id))
    room = places(len(candidates), budget)
    stood = sorted((max(assessed[c.id].priority, c.stood) for c in candidates), reverse=True)
    line = stood[room - 1] if room else 1.0
    least, most = (places(len(candidates), budget * (1 + way * SLACK)) - len(used) for way in (-1, 1))
    if not used:
        least = most = room
    chosen = {c.id for n, c in enumerate(rest[: max(0, most)]) if n < least or assessed[c.id].priority >= line}
    above = used | chosen | {c.id for c in candidates if c.probe}
    placed = tuple(
        Placed(c.id, _lane(c, always, above), assessed[c.id], look_again(c.facts, as_of)) for c in candidates
    )
    lowest = [p.assessment.priority for p in placed if p.lane == "needs" and p.id in used | chosen]
    return Cut(len(candidates), room, min(lowest, default=line), placed)


def _lane(candidate: Candidate, always: set[int], above: set[int]) -> str:
    if candidate.decided:
        return "decided"
    if candidate.id in always:
        return "always"
    return "needs" if candidate.id in above else "left"


def look_again(facts: ThreadFacts, as_of: datetime) -> float:
    """When a thread that was left is looked at again, in seconds since the epoch: soon if it moves or waits."""
    now = as_of.timestamp()
    age = (now - facts.last_at) / HOUR
    if facts.accepted or (facts.brand_at and not facts.open_at):
        hours = 72.0
    elif age <= 2:
        hours = 1.0
    elif facts.need >= 0.3 and not facts.helped:
        hours = 4.0
    else:
        hours = 12.0 if age <= 48 else 48.0
    return now + hours * HOUR


def window_start(as_of: datetime, days: int) -> datetime:
    """Threads whose last message is older are not active."""
    return as_of - timedelta(days=days)


def as_time(seconds: float) -> datetime | None:
    """The time of a fact, None for "never"."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
