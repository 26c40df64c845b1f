"""An expert in a trial of grants, and the manager beside them: one grant after the other, from offer to end.

Everything is done as people do it: on the desk's pages, signed in with the forum's own account, and on the forum with
a key of the member's own. A page that does not come is asked for again, once it is known what became of the first try.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.model import Capability
from service.db.grant_tables import GrantRow, ModerationAct, PlatformRight
from service.db.models import Action
from service.deps import Deps
from service.selftest.browser import Browser, Unwell
from service.selftest.grants_platform import Member, Platform
from service.selftest.grants_tasks import Spot, Task
from service.selftest.place import TrialError
from service.selftest.replies_crew import Hand

#: Our seconds between two tries, and between two looks.
PAUSE = 0.2
MANAGER = "trial-manager"
OFFER = "Will you keep an eye on this part of the forum? By our charter, for three months."
REASON = "It breaks the rules of this community: nobody is insulted here."
_ENDED = ("revoked", "expired", "declined")


@dataclass(slots=True)
class Spell:
    """One grant as those who took part saw it, by the trial's clock.

    asked: posts for whose hiding the desk took the order; refused: threads for which it refused while the grant held;
    turned_away: how often it refused once there was none. `begun` and `ended` enclose the time in which the grant held.
    `revoke_s`: from the decision until the desk showed the right as gone and the forum refused the member. `left`: the
    forum let the member although the desk showed the right as gone.
    """

    handle: str
    place: str
    stormy: bool
    grant_id: int = 0
    asked: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    turned_away: int = 0
    begun: datetime | None = None
    ended: datetime | None = None
    revoke_s: float | None = None
    left: bool = False
    astray: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    """What all of them share: the desk, its port, the forum, and the manager's password."""

    deps: Deps
    port: int
    platform: Platform
    password: str


class Expert(Hand):
    """Goes through the tasks with a manager; `spells` is the ledger of it."""

    def __init__(
        self, scene: Scene, handle: str, author_id: int, member: Member, tasks: Sequence[Task], *, stormy: bool
    ) -> None:
        super().__init__(f"expert-{handle}")
        self._scene, self._deps, self._member = scene, scene.deps, member
        self._handle, self._author_id, self._tasks, self._stormy = handle, author_id, tasks, stormy
        self._manager, self._own = Browser(scene.port), Browser(scene.port)
        self.spells: list[Spell] = []

    def work(self) -> None:
        self._until(lambda: bool(self._manager.token), lambda: self._manager.sign_in(MANAGER, self._scene.password))
        for task in self._tasks:
            if self.ended.is_set():
                return
            self.spells.append(Spell(self._handle, task.place, self._stormy))
            self._hold(task, self.spells[-1])
            self._act(task, self.spells[-1])
            self._end(task, self.spells[-1])

    def leave(self) -> None:
        self._manager.close()
        self._own.close()

    # -------------------------------------------------------------- proposed, offered, accepted, given

    def _hold(self, task: Task, spell: Spell) -> None:
        self._until(lambda: self._found(task, spell), lambda: self._propose(task))
        at = f"/grants/{spell.grant_id}"
        self._until(
            lambda: self._state(spell) != "proposed", lambda: self._by_manager(f"{at}/offer", {"message": OFFER})
        )
        self._until(lambda: bool(self._own.token), self._come_in)
        spell.begun = self._deps.now()
        self._until(lambda: self._state(spell) == "active", lambda: self._by_expert(f"{at}/answer", {"answer": "yes"}))
        self._until(lambda: self._right(task) == "held")
        self._expect(spell, self._member.may_moderate(task.spot.topic), "The forum refuses who holds the right.")
        beside = self._member.may_moderate(task.elsewhere.topic)
        self._expect(spell, not beside, "The right holds in the next category, too.")

    def _propose(self, task: Task) -> None:
        terms = {"handle": self._handle, "place": task.key, "template": "keeper", "reason": "Helps others here."}
        self._by_manager("/grants", terms)

    def _come_in(self) -> None:
        come_in(self._own, self._scene.platform.url, self._handle)

    # -------------------------------------------------------------- acts here, is refused there

    def _act(self, task: Task, spell: Spell) -> None:
        self._ask(task.spot, spell, allowed=True)
        self._until(lambda: self._settled(task.spot, spell))
        self._ask(task.elsewhere, spell, allowed=False)

    def _ask(self, spot: Spot, spell: Spell, *, allowed: bool) -> None:
        """Has a message hidden, as far as the desk takes the order; whether it should have is noted."""
        answers: list[bool] = []

        def once() -> None:
            answers.append(self._hide(spot))

        self._until(lambda: bool(answers) or self._ordered(spot, spell), once)
        taken = self._ordered(spot, spell)
        if taken:
            spell.asked.append(spot.post)
        elif spell.ended is None:
            spell.refused.append(spot.thread_id)
        else:
            spell.turned_away += 1
        if not self.ended.is_set():
            self._expect(spell, taken == allowed, f"The desk {'refused' if allowed else 'took'} what it should not.")

    def _hide(self, spot: Spot) -> bool:
        """By the form of the keeper's desk. Whether it takes the order; if not, it says 403."""
        order = {"kind": "hide", "message": str(spot.message_id), "reason": REASON, "csrf_token": self._own.token}
        answer = self._own.client.post(f"/keep/{spot.thread_id}/act", data=order)
        return self._own.said(answer, {303, 403}).status_code == 303

    # -------------------------------------------------------------- revoked everywhere

    def _end(self, task: Task, spell: Spell) -> None:
        if task.queued is not None:
            self._ask(task.queued, spell, allowed=True)
        step = {"step": "revoke", "reason": "The trial of this grant is over."}
        at = f"/grants/{spell.grant_id}/decide"
        self._until(lambda: self._state(spell) in _ENDED, lambda: self._by_manager(at, step))
        spell.ended = self._deps.now()
        self._until(lambda: self._right(task) == "gone")
        if self.ended.is_set():
            return
        spell.left = self._member.may_moderate(task.spot.topic)
        spell.revoke_s = (self._deps.now() - self._decided_at(task)).total_seconds()
        self._ask(task.elsewhere, spell, allowed=False)

    # -------------------------------------------------------------- small parts

    def _until(self, so: Callable[[], bool], do: Callable[[], object] = lambda: None) -> None:
        """Does it until it is so; what a killed process had done all the same is seen by looking first."""
        while not self.ended.is_set() and not so():
            with suppress(httpx.TransportError, Unwell):
                do()
            if so():
                return
            self.ended.wait(PAUSE)

    def _by_manager(self, address: str, fields: dict[str, str]) -> None:
        self._manager.post(address, fields | {"csrf_token": self._manager.token})

    def _by_expert(self, address: str, fields: dict[str, str]) -> None:
        self._own.post(address, fields | {"csrf_token": self._own.token})

    def _expect(self, spell: Spell, well: bool, words: str) -> None:
        if not well:
            spell.astray.append(words)

    def _row(self, session: Session, task: Task) -> PlatformRight | None:
        mine = (PlatformRight.author_id == self._author_id, PlatformRight.community_id == task.community_id)
        return session.scalars(select(PlatformRight).where(*mine)).one_or_none()

    def _right(self, task: Task) -> str:
        with self._deps.store.read() as session:
            row = self._row(session, task)
            return row.state if row is not None else ""

    def _decided_at(self, task: Task) -> datetime:
        with self._deps.store.read() as session:
            row = self._row(session, task)
            assert row is not None
            return row.decided_at

    def _found(self, task: Task, spell: Spell) -> bool:
        """Whether it is proposed; there is one at a time."""
        mine = (GrantRow.author_id == self._author_id, GrantRow.community_id == task.community_id)
        with self._deps.store.read() as session:
            query = select(func.max(GrantRow.id)).where(*mine, GrantRow.state.not_in(_ENDED))
            spell.grant_id = session.scalar(query) or 0
        return bool(spell.grant_id)

    def _state(self, spell: Spell) -> str:
        with self._deps.store.read() as session:
            return session.get_one(GrantRow, spell.grant_id).state

    def _orders(self, spot: Spot, spell: Spell) -> list[str]:
        """States of the orders by this grant to hide a message."""
        query = select(Action.state).join(ModerationAct, ModerationAct.action_id == Action.id)
        where = (ModerationAct.grant_id == spell.grant_id, ModerationAct.message_id == spot.message_id)
        with self._deps.store.read() as session:
            return list(session.scalars(query.where(*where, Action.kind == Capability.HIDE)))

    def _ordered(self, spot: Spot, spell: Spell) -> bool:
        return bool(self._orders(spot, spell))

    def _settled(self, spot: Spot, spell: Spell) -> bool:
        """Whether the first try is over; what became of it may still be looked for."""
        return not {"approved", "sending"} & set(self._orders(spot, spell))


def come_in(browser: Browser, forum: str, handle: str) -> None:
    """“Continue on the forum”, there “sign in as”, and back. Raises Unwell or TransportError: try again."""
    if (fields := browser.door("/external")) is not None:
        _prove(browser, fields, forum, handle)
    browser.come_in()


def _prove(browser: Browser, fields: dict[str, str], forum: str, handle: str) -> None:
    asked = fields | {"provider": "discourse", "server": forum}
    page = browser.said(browser.client.post("/external", data=asked), {200}).text
    link = re.search(r'href="([^"]+/session/sso_provider[^"]+)"', page)
    if link is None:
        raise TrialError("The desk leads nobody to the forum to sign in.")
    way = urlsplit(unescape(link[1]))
    said = dict(parse_qsl(way.query)) | {"username": handle}
    address = f"{way.scheme}://{way.netloc}{way.path}"
    back = httpx.post(address, data=said, trust_env=False, follow_redirects=False).headers["Location"]
    browser.said(browser.client.get(back), {303})
