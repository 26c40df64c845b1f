"""Turns templates into what one member would have typed, and avoids saying the same thing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random

from service.sandbox.story import Language, Line, Member
from service.sandbox.writing.grammar import Decks, fill
from service.sandbox.writing.people import Cast, Habits, ascii_letters
from service.sandbox.writing.texts import Where, people, talk

Slots = Mapping[str, str]
_TRIES = 8
# Up to this many letters a message may be the same as another one.
SHORT = 26
# Words that keep their capital after "Hi all,".
_CAPITALS = {"I", "I'm", "I've", "I'd", "Molino", "Brava", "Android", "Sunday", "UTC", "PID"}


class Scribe:
    def __init__(self, rng: Random, cast: Cast, now: datetime) -> None:
        self.rng = rng
        self.cast = cast
        self.now = now
        self.decks = Decks(rng)
        self._said: set[str] = set()

    def slots(self, language: Language, machine: str) -> dict[str, str]:
        """The values that stay the same through one thread."""
        pools = people()["slots"]
        french = language == "fr"
        bound = {name: self.rng.choice(pools[name]) for name in ("v", "g", "bar", "set", "months")}
        bound["bean"] = self.rng.choice(pools["bean_fr" if french else "bean"])
        bound["city"] = self.rng.choice(pools["city_fr" if french else "city"])
        if french:
            bound |= {name: bound[name].replace(".", ",") for name in ("g", "bar")}
        return bound | {"m": machine}

    def say(self, member: Member, name: str, pool: Sequence[str], slots: Slots, language: Language) -> str:
        """A sentence of a named pool in the member's own typing, preferably one nobody has written yet."""
        text = ""
        for _ in range(_TRIES):
            template = pool[self.decks.deal(name, len(pool), range(len(pool)))]
            text = self.typed(member, fill(template, slots, self.rng), language)
            if text not in self._said:
                break
        text = self._told_apart(text, language)
        self._said.add(text)
        return text

    def _told_apart(self, text: str, language: Language) -> str:
        """A sentence of some length is not repeated word for word; "+1" and the like may be."""
        leads = talk(language)["lead"]
        candidates = [text, *(lead + text for lead in self.rng.sample(leads, len(leads)))]
        if len(text) <= SHORT or text.startswith("..."):
            return text
        return next((candidate for candidate in candidates if candidate not in self._said), text)

    def word(self, member: Member, template: str, slots: Slots, language: Language) -> str:
        """One given sentence, varied as far as its template allows."""
        return self.say(member, template, (template,), slots, language)

    def typed(self, member: Member, text: str, language: Language) -> str:
        text = text[:1].upper() + text[1:]
        habits = self.cast.habits.get(member.username)
        return _as_typed(text, habits, self.rng, talk(language)["emoji"]) if habits else text

    def greeted(self, greeting: str, text: str) -> str:
        first = text.split(" ", 1)[0]
        if not greeting or text.startswith(("Bonjour", "Hi ", "New ", "Dear ", "Sunday thread")):
            return text
        if greeting.endswith(", ") and first not in _CAPITALS and not first.isupper():
            text = text[:1].lower() + text[1:]
        return greeting + text

    def likes(self, weight: float) -> int:
        return min(60, int(self.rng.expovariate(1 / weight))) if weight else 0


def line(member: Member, at: datetime, text: str, language: Language, reply_to: int | None, *, likes: int = 0) -> Line:
    return Line(member.username, at, text, reply_to, likes, language)


def tagged(text: str, mention: str, hashtags: Sequence[str], where: Where) -> str:
    """On the fediverse a brand is found by its mention and its hashtags, so they stand in the text."""
    if where == "forum":
        return text
    missing = [f"#{tag}" for tag in hashtags if f"#{tag}" not in text]
    return " ".join(part for part in (mention, text, *missing) if part)


def _as_typed(text: str, habits: Habits, rng: Random, emoji: Sequence[str]) -> str:
    if habits.plain_letters:
        text = ascii_letters(text)
    if habits.lower:
        text = " ".join(_lowered(word) for word in text.split(" "))
    if rng.random() < habits.slips:
        text = _slip(text, rng)
    if habits.no_last_dot and text.endswith(".") and not text.endswith(".."):
        text = text[:-1]
    if rng.random() < habits.emoji and text[-1].isascii():
        text = f"{text} {rng.choice(emoji)}"
    return text


def _lowered(word: str) -> str:
    return word.lower() if word[:1].isupper() and not word.isupper() else word


def _slip(text: str, rng: Random) -> str:
    """Two letters swapped inside one longer word."""
    words = text.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 5 and word.isalpha()]
    if not long:
        return text
    index = rng.choice(long)
    word, at = words[index], rng.randrange(1, len(words[index]) - 2)
    words[index] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)
