"""Ordinary threads: somebody asks or tells, and the community reacts in the order people do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from service.sandbox.story import Conversation, Language, Line, Member
from service.sandbox.writing.clock import opening_time, reply_time
from service.sandbox.writing.grammar import fill
from service.sandbox.writing.people import BRAND
from service.sandbox.writing.scribe import Scribe, line, tagged
from service.sandbox.writing.texts import Topic, Where, talk, topics

# Shares of the ordinary threads.
UNANSWERED = 0.065
CHAT = 0.25
_HANDS_ON = {"machines", "grinder", "parts"}
_HASHTAGS = {"machines": "", "grinder": "BravaMolino", "app": "BravaApp", "parts": "BravaHelp", "beans": "BravaCoffee"}
HELP_TAG: dict[Language, str] = {"en": "BravaHelp", "fr": "BravaAide"}


@dataclass(slots=True)
class Draft:
    """A thread being written; the steps below append to `lines`."""

    scribe: Scribe
    topic: Topic
    opening: int
    where: Where
    language: Language
    slots: dict[str, str]
    lines: list[Line] = field(default_factory=list)
    authors: list[Member] = field(default_factory=list)
    given: set[str] = field(default_factory=set)

    @property
    def taken(self) -> set[str]:
        return {member.username for member in self.authors}

    def chance(self, share: float) -> bool:
        return self.scribe.rng.random() < share

    def stranger(self) -> Member:
        return self.scribe.cast.somebody(self.scribe.rng, self.language, self.where, self.taken)

    def add(self, member: Member, text: str, to: int | None, *, minutes: float = 45, likes: float = 0.7) -> int:
        after = self.lines[-1].at
        at = reply_time(self.scribe.rng, after, minutes)
        self.lines.append(line(member, at, text, self.language, to, likes=self.scribe.likes(likes)))
        self.authors.append(member)
        return len(self.lines) - 1

    def pooled(self, member: Member, name: str, to: int | None, *, minutes: float = 45, likes: float = 0.7) -> int:
        pool = talk(self.language)[name]
        text = self.scribe.say(member, f"{self.language}-{name}", pool, self.slots, self.language)
        return self.add(member, text, to, minutes=minutes, likes=likes)

    def pick(self, letter: str, size: int) -> int | None:
        allowed = self.topic.suited(self.opening, letter, size)
        name = f"{self.language}-{self.topic.key}-{letter}"
        return self.scribe.decks.deal(name, size, allowed) if allowed else None

    def fresh(self, letter: str, size: int) -> int | None:
        """As `pick`, but None for what this thread has already heard."""
        index = self.pick(letter, size)
        if index is None or f"{letter}{index}" in self.given:
            return None
        self.given.add(f"{letter}{index}")
        return index

    def write(self, member: Member, template: str) -> str:
        return self.scribe.word(member, template, self.slots, self.language)


def ordinary_thread(scribe: Scribe, key: str, language: Language, where: Where) -> Conversation:
    draft = _begin(scribe, language, where)
    _open(draft)
    if not draft.chance(UNANSWERED):
        (_small_talk if draft.topic.chat else _problem)(draft)
    return _finished(draft, key)


def _begin(scribe: Scribe, language: Language, where: Where) -> Draft:
    pool = topics(language)
    chat = scribe.rng.random() < CHAT
    wanted = [index for index, topic in enumerate(pool) if topic.chat == chat]
    topic = pool[scribe.decks.deal(f"{language}-topics", len(pool), wanted)]
    opening = scribe.decks.deal(f"{language}-{topic.key}", len(topic.openings), range(len(topic.openings)))
    return Draft(scribe, topic, opening, where, language, scribe.slots(language, scribe.rng.choice(topic.about)))


def _open(draft: Draft) -> None:
    scribe, topic, pools = draft.scribe, draft.topic, talk(draft.language)
    author = draft.stranger()
    text = topic.openings[draft.opening]
    if draft.where == "forum":
        text = scribe.greeted(scribe.rng.choice(pools["hello"]), text)
        detail = draft.pick("m", len(topic.details)) if topic.details and draft.chance(0.65) else None
        text = f"{text} {topic.details[detail]}" if detail is not None else text
    if not topic.chat:
        text += scribe.rng.choice(pools["bye"])
    likes = scribe.likes(4 if topic.chat else 1)
    at = opening_time(scribe.rng, scribe.now)
    draft.lines.append(line(author, at, draft.write(author, text), draft.language, None, likes=likes))
    draft.authors.append(author)
    draft.slots["op"] = author.username


def _problem(draft: Draft) -> None:
    if draft.chance(0.35):
        draft.pooled(draft.stranger(), "same", 0, minutes=30, likes=0.2)
    answer_to = _question(draft) if draft.chance(0.6) else 0
    answer, number = _answer(draft, answer_to)
    if draft.chance(0.16):
        _interlude(draft)
    if draft.chance(0.4):
        _answer(draft, 0)
    for _ in range(draft.scribe.rng.choice((0, 1, 1, 2, 2, 3))):
        _remark(draft)
    if draft.topic.category != "beans" and draft.chance(0.12):
        draft.pooled(BRAND, "brand", 0, minutes=200, likes=3)
    if draft.chance(0.72):
        _close(draft, answer, number)
        if draft.chance(0.3):
            draft.slots["who"] = f"@{draft.lines[answer].username}"
            draft.pooled(draft.stranger(), "after", answer, minutes=600)


def _question(draft: Draft) -> int:
    """Somebody asks back and the author answers; the index of that answer, or of the first line."""
    index = draft.pick("q", len(draft.topic.questions))
    if index is None:
        return 0
    question, answer = draft.topic.questions[index]
    helper = _helper(draft, 0.3)
    asked = draft.add(helper, draft.write(helper, question), 0, minutes=50)
    author = draft.authors[0]
    return draft.add(author, draft.write(author, answer), asked, minutes=35, likes=0.3)


def _answer(draft: Draft, to: int) -> tuple[int, int]:
    """The line's index and the number of the answer given."""
    number = draft.fresh("a", len(draft.topic.answers))
    if number is None:
        return _remark(draft), -1
    helper = _helper(draft, 0.5)
    text = draft.write(helper, draft.topic.answers[number])
    index = draft.add(helper, text, to, minutes=70, likes=5 if helper.role == "expert" else 1.5)
    draft.slots["who"] = f"@{helper.username}"
    return index, number


def _helper(draft: Draft, expert_share: float) -> Member:
    if draft.chance(expert_share):
        expert = draft.scribe.cast.expert(draft.scribe.rng, draft.language, draft.where, draft.taken)
        if expert:
            return expert
    return draft.stranger()


def _remark(draft: Draft) -> int:
    """Something about the problem itself, else a general aside."""
    member = draft.stranger()
    index = draft.fresh("s", len(draft.topic.remarks)) if draft.chance(0.6) else None
    if index is not None:
        return draft.add(member, draft.write(member, draft.topic.remarks[index]), 0, minutes=90)
    pool = "handy" if draft.topic.category in _HANDS_ON and draft.chance(0.25) else "aside"
    return draft.pooled(member, pool, len(draft.lines) - 1, minutes=90)


def _interlude(draft: Draft) -> None:
    """The impostors: one is rude and of no use, another applauds, sometimes a third person has had enough."""
    scribe, helper = draft.scribe, draft.slots["who"]
    idol = scribe.cast.impostor(scribe.rng, draft.language, draft.where, draft.taken)
    if idol is None:
        return
    rude = draft.pooled(idol, "useless", 0, minutes=15, likes=0.4)
    draft.slots |= {"idol": idol.username, "who": f"@{idol.username}"}
    fans = [member for member in scribe.cast.impostors if member != idol and member.on_fediverse]
    if draft.chance(0.7):
        draft.pooled(scribe.rng.choice(fans), "flatter", rude, minutes=12, likes=0.3)
    if draft.chance(0.4):
        draft.pooled(draft.stranger(), "retort", rude, minutes=20, likes=4)
    draft.slots["who"] = helper


def _close(draft: Draft, answer: int, number: int) -> None:
    """The author comes back to the answer; whoever gave it may be pleased."""
    author, topic = draft.authors[0], draft.topic
    fitting = [text for text, to in zip(topic.returns, topic.returns_to, strict=True) if to == number]
    given = draft.lines[answer]
    draft.slots["who"] = f"@{given.username}"
    if fitting and draft.chance(0.8):
        text = draft.write(author, draft.scribe.rng.choice(fitting))
        closing = draft.add(author, text, answer, minutes=500, likes=1.5)
    else:
        closing = draft.pooled(author, "thanks", answer, minutes=60, likes=0.5)
    if draft.where == "forum" and draft.chance(0.7):
        draft.lines[answer] = replace(given, accepted_answer=True, likes=given.likes + 1)
    if draft.chance(0.4):
        draft.slots["who"] = f"@{author.username}"
        draft.pooled(draft.authors[answer], "glad", closing, minutes=60, likes=0.6)


def _small_talk(draft: Draft) -> None:
    topic = draft.topic
    for _ in range(draft.scribe.rng.choice((1, 2, 3, 4, 4, 5, 6, 7))):
        index = draft.fresh("s", len(topic.remarks))
        if index is None:
            draft.pooled(draft.stranger(), "nice", 0, minutes=80)
            continue
        member = draft.stranger()
        spoken = draft.add(member, draft.write(member, topic.remarks[index]), 0, minutes=80, likes=1.5)
        if index in topic.returns_to and draft.chance(0.7):
            back = topic.returns[topic.returns_to.index(index)]
            draft.add(draft.authors[0], draft.write(draft.authors[0], back), spoken, minutes=30)


def _finished(draft: Draft, key: str) -> Conversation:
    scribe, topic = draft.scribe, draft.topic
    lines = [entry for entry in draft.lines if entry.at <= scribe.now]
    if draft.where == "forum":
        title = _title(draft)
        return Conversation(key, "forum", title, tuple(lines), topic.category)
    hashtags, mentioned = _addressed(draft, lines)
    spoken = lines[mentioned]
    mention = "" if hashtags and draft.chance(0.45) else "@brava"
    lines[mentioned] = replace(spoken, text=tagged(spoken.text, mention, hashtags, "fediverse"))
    return Conversation(key, "fediverse", "", tuple(lines), hashtags=hashtags)


def _title(draft: Draft) -> str:
    index = draft.pick("t", len(draft.topic.titles)) or 0
    return fill(draft.topic.titles[index], draft.slots, draft.scribe.rng)


def _addressed(draft: Draft, lines: list[Line]) -> tuple[tuple[str, ...], int]:
    """The hashtags, and the line that carries them and the brand's name: now and then only a reply does."""
    again = [index for index, entry in enumerate(lines) if index and entry.username == lines[0].username]
    if again and draft.chance(0.2):
        return (), again[0]
    machine = f"Brava{draft.slots['m']}"
    tag = _HASHTAGS[draft.topic.category] or machine
    if tag == "BravaHelp":
        tag = HELP_TAG[draft.language]
    tags = tuple(dict.fromkeys((tag, machine))) if draft.chance(0.35) else (tag,)
    return tags, 0
