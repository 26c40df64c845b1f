"""Words that a team uses again, with blanks to fill; and the rules that want a second person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.guards.money import amounts
from moderation.policy import PEOPLE
from moderation.words import TOPICS
from service.db.audit import Entry, append
from service.db.models import Author, Message
from service.db.reply_tables import ApprovalRule, BrandAccount, Reply, SavedReply
from service.deps import Deps
from service.usecases.composing import title_of
from service.usecases.people import Known
from service.usecases.wording import LONGEST

#: What fills a blank by itself, in both languages.
FILLED = {
    **dict.fromkeys(("name", "nom"), "name"),
    **dict.fromkeys(("handle", "compte"), "handle"),
    **dict.fromkeys(("title", "titre"), "title"),
    **dict.fromkeys(("brand", "marque"), "brand"),
}
#: Rules of danger that a rule of approval may name; "*" is any of them.
DANGERS = ("*", "safety", "threat", "legal", "self_harm")
#: When something is going on: a manager said so, or rules fire unusually often in the community.
INCIDENTS = ("declared", "alarm")
KINDS: Mapping[str, tuple[str, ...]] = {
    "role": PEOPLE[:3],
    "topic": tuple(topic for topic in TOPICS["en"] if topic not in ("off_topic", "glad")),
    "rule": DANGERS,
    "incident": INCIDENTS,
    "amount": (),
}
_BLANK = re.compile(r"\{\s*([^\W\d][\w ]{0,40}?)\s*\}")
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")


@dataclass(frozen=True, slots=True)
class Saved:
    """Words to use again. `asks`: they ask whether the answer helped. `blanks` are those that a person fills."""

    id: int
    name: str
    language: str
    text: str
    asks: bool

    @property
    def blanks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name in _BLANK.findall(self.text) if name.lower() not in FILLED))


@dataclass(frozen=True, slots=True)
class Rule:
    """When a second person must say yes; `value` means something by its kind."""

    id: int
    kind: str
    value: str


# ------------------------------------------------------------------ saved replies


def saved_replies(deps: Deps, language: str = "") -> list[Saved]:
    """All of them by name; those of a language first, where one is named."""
    with deps.store.read() as session:
        rows = session.scalars(select(SavedReply).order_by(SavedReply.name, SavedReply.language))
        found = [Saved(r.id, r.name, r.language, r.text, r.asks) for r in rows]
    return sorted(found, key=lambda s: bool(language) and not language.startswith(s.language))


def keep_reply(deps: Deps, saved_id: int | None, given: Saved, person: Known) -> int:
    """Adds a saved reply, or changes one. Raises BadInput."""
    name, text = given.name.strip(), given.text.strip()
    _check(name, given.language, text)
    with deps.store.write() as session:
        same = select(SavedReply.id).where(SavedReply.name == name, SavedReply.language == given.language)
        if session.scalar(same) not in (None, saved_id):
            raise BadInput("There is a saved reply with this name in this language already. Take another name.")
        row = session.get(SavedReply, saved_id) if saved_id is not None else SavedReply()
        if row is None:
            raise BadInput("There is no such saved reply.")
        row.name, row.language, row.text, row.asks, row.changed_at = name, given.language, text, given.asks, deps.now()
        session.add(row)
        session.flush()
        entry = Entry("saved:keep", person.actor, f"saved:{row.id}", after={"name": name, "text": text})
        append(session, deps.vault, entry, deps.now())
        return row.id


def drop_reply(deps: Deps, saved_id: int, person: Known) -> None:
    """Forgets a saved reply; what was written with it stays. Raises BadInput."""
    with deps.store.write() as session:
        row = session.get(SavedReply, saved_id)
        if row is None:
            raise BadInput("There is no such saved reply.")
        entry = Entry("saved:drop", person.actor, f"saved:{saved_id}", before={"name": row.name, "text": row.text})
        session.delete(row)
        append(session, deps.vault, entry, deps.now())


def filled(deps: Deps, saved_id: int, reply_id: int) -> str:
    """A saved reply for this answer: what is known is filled in, other blanks stay and block. Raises BadInput."""
    with deps.store.read() as session:
        row, reply = session.get(SavedReply, saved_id), session.get(Reply, reply_id)
        if row is None or reply is None:
            raise BadInput("There is no such saved reply.")
        facts = _facts(session, reply)
        return _BLANK.sub(lambda found: facts.get(FILLED.get(found[1].lower(), "")) or found[0], row.text)


def _facts(session: Session, reply: Reply) -> dict[str, str]:
    message = session.get_one(Message, reply.message_id)
    author = session.get_one(Author, message.author_id)
    brand = session.get_one(BrandAccount, reply.account_id).handle
    return {
        "name": author.name or author.handle,
        "handle": author.handle,
        "title": title_of(session, reply),
        "brand": brand,
    }


def _check(name: str, language: str, text: str) -> None:
    if not 1 <= len(name) <= 80:
        raise BadInput("A saved reply needs a name of 1 to 80 characters.")
    if not _LANGUAGE.match(language):
        raise BadInput("Say the language in two letters, for example en or fr.")
    if not text or len(text) > LONGEST:
        raise BadInput("The words are empty or too long.")


# ------------------------------------------------------------------ rules


def rules(deps: Deps) -> list[Rule]:
    """The rules in force, by kind."""
    with deps.store.read() as session:
        rows = session.scalars(select(ApprovalRule).order_by(ApprovalRule.kind, ApprovalRule.id))
        return [Rule(r.id, r.kind, r.value) for r in rows]


def add_rule(deps: Deps, kind: str, value: str, person: Known) -> None:
    """A further rule; there is one amount at most, so a new one takes its place. Raises BadInput."""
    value = value.strip()
    if kind not in KINDS:
        raise BadInput(f"There is no kind of rule “{kind}”. Take one of: {', '.join(KINDS)}.")
    if kind == "amount" and (len(value) > 40 or len(amounts(value)) != 1):
        raise BadInput("Say one amount, for example 50 €.")
    if kind != "amount" and value not in KINDS[kind]:
        raise BadInput(f"Take one of: {', '.join(KINDS[kind])}.")
    with deps.store.write() as session:
        same = (ApprovalRule.kind == kind,) + ((ApprovalRule.value == value,) if kind != "amount" else ())
        for row in session.scalars(select(ApprovalRule).where(*same)):
            session.delete(row)
        session.flush()
        session.add(ApprovalRule(kind=kind, value=value, made_at=deps.now()))
        entry = Entry("rule:add", person.actor, f"rule:{kind}", after={"kind": kind, "value": value})
        append(session, deps.vault, entry, deps.now())


def drop_rule(deps: Deps, rule_id: int, person: Known) -> None:
    """Takes a rule out of force. Raises BadInput."""
    with deps.store.write() as session:
        row = session.get(ApprovalRule, rule_id)
        if row is None:
            raise BadInput("There is no such rule.")
        entry = Entry("rule:drop", person.actor, f"rule:{row.kind}", before={"kind": row.kind, "value": row.value})
        session.delete(row)
        append(session, deps.vault, entry, deps.now())
