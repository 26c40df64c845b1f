"""What became of the grants of a trial: the forum's own books held against who held which grant when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select

from moderation.model import Capability
from service.db.audit import verify
from service.db.models import Action, AuditEntry, Outbox
from service.deps import Deps
from service.selftest.grants_books import Effect
from service.selftest.grants_person import Spell
from service.usecases.rights import LEASE

GROUP = "tenth-"


@dataclass(slots=True)
class Tally:
    """acts: posts that the forum shows as hidden under a grant. undone: orders that were taken and not carried out.

    acts_outside: changes on the forum that no active grant accounts for, `outside` in words. unaudited: of the refusals
    to somebody who held a grant elsewhere, those that the audit log does not know. rights_left_on_platform: members who
    may still moderate by the forum's own rule, or were let when the desk showed their right as gone. astray: the desk
    says something else than the forum.
    """

    grants: int = 0
    acts: int = 0
    undone: int = 0
    acts_outside: int = 0
    refused: int = 0
    unaudited: int = 0
    rights_left_on_platform: int = 0
    chain_ok: bool = True
    astray: int = 0
    outside: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def count(deps: Deps, effects: Sequence[Effect], rights: Collection[tuple[str, str]], spells: Sequence[Spell]) -> Tally:
    """`effects` are the forum's books, `rights` who may moderate where at the end."""
    sent = _sent(deps)
    strange = [effect for effect in effects if not accounted(effect, spells, sent)]
    hidden = {effect.subject for effect in effects if effect.made and effect.what == "hidden"}
    asked = {post for spell in spells for post in spell.asked}
    left = sorted({*(f"{name} in {place}" for name, place in rights), *(_at(s) for s in spells if s.left)})
    wrong = [f"{_at(spell)}: {words}" for spell in spells for words in spell.astray]
    wrong += [f"post {post} is not hidden, though the desk says so" for post in sorted(_done(deps) - hidden)]
    refused = [thread for spell in spells for thread in spell.refused]
    with deps.store.read() as session:
        findings = verify(session, deps.vault)
    return Tally(
        grants=sum(1 for spell in spells if spell.revoke_s is not None),
        acts=len(hidden & asked),
        undone=len(asked - hidden),
        acts_outside=len(strange),
        refused=len(refused) + sum(spell.turned_away for spell in spells),
        unaudited=_unaudited(deps, refused),
        rights_left_on_platform=len(left),
        chain_ok=not findings,
        astray=len(wrong),
        outside=[_in_words(effect) for effect in strange],
        left=left,
        wrong=wrong,
    )


def accounted(effect: Effect, spells: Iterable[Spell], sent: dict[str, list[datetime]]) -> bool:
    """Whether a grant explains a change: a post hidden where and while it held, or the right itself.

    A call that had left when the grant ended may arrive after it: `sent` says when each post's calls were sent. Nobody
    needs a grant to be taken out of a group.
    """
    if effect.what == "hidden" and effect.made:
        held = [s for s in spells if s.place == effect.place and effect.subject in s.asked]
        return any(_within(s, at) for s in held for at in (effect.arrived, *sent.get(effect.subject, ())))
    if effect.what == "member" and effect.place.startswith(GROUP):
        held = [s for s in spells if (s.handle, s.place) == (effect.subject, effect.place.removeprefix(GROUP))]
        return not effect.made or any(_within(s, effect.arrived, LEASE) for s in held)
    places = {spell.place for spell in spells}
    if effect.what == "group" and effect.made:
        return effect.subject.removeprefix(GROUP) in places
    return effect.what == "moderated" and effect.made and effect.place == GROUP + effect.subject


def _within(spell: Spell, at: datetime, after: timedelta = timedelta()) -> bool:
    return spell.begun is not None and spell.begun <= at and (spell.ended is None or at <= spell.ended + after)


def _sent(deps: Deps) -> dict[str, list[datetime]]:
    """When the calls left that hide each post."""
    query = select(Action.target, Outbox.sending_at).join(Outbox, Outbox.action_id == Action.id)
    found: dict[str, list[datetime]] = {}
    with deps.store.read() as session:
        for target, at in session.execute(query.where(Action.kind == Capability.HIDE)):
            found.setdefault(target, []).append(at)
    return found


def _done(deps: Deps) -> set[str]:
    """Posts of which the desk says that they were hidden."""
    query = select(Action.target).where(Action.kind == Capability.HIDE, Action.state == "done")
    with deps.store.read() as session:
        return set(session.scalars(query))


def _unaudited(deps: Deps, threads: Sequence[int]) -> int:
    """How many refusals are missing in the audit log; one may be there twice, when its answer got lost."""
    query = select(AuditEntry.subject, func.count()).where(AuditEntry.kind == "act:refuse")
    with deps.store.read() as session:
        kept = {subject: int(number) for subject, number in session.execute(query.group_by(AuditEntry.subject))}
    return sum(max(0, threads.count(thread) - kept.get(f"thread:{thread}", 0)) for thread in set(threads))


def _at(spell: Spell) -> str:
    return f"{spell.handle} in {spell.place}, grant {spell.grant_id}"


def _in_words(effect: Effect) -> str:
    verb = "became" if effect.made else "is no longer"
    return f"{effect.at:%H:%M:%S} {effect.by or 'somebody'}: {effect.subject} {verb} {effect.what} {effect.place}"
