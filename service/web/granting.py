"""What the page of grants shows: words for capabilities and states, places to choose, rights on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from moderation.errors import BadInput
from moderation.grants import ENDED, GrantState
from service.deps import Deps
from service.usecases import granted
from service.usecases.granted import Place, Shown

_CAPABILITIES = {
    "see": _l("see the conversations"),
    "triage": _l("sort the queue"),
    "draft": _l("write drafts for the brand"),
    "hide": _l("hide messages"),
    "restore": _l("bring hidden messages back"),
    "lock": _l("close conversations"),
    "unlock": _l("open closed conversations"),
    "move": _l("move conversations"),
    "mark_answer": _l("mark the answer"),
    "silence": _l("silence somebody"),
    "unsilence": _l("end a silence"),
    "resolve_report": _l("settle reports"),
}
_STATES = {
    "proposed": _l("proposed"),
    "offered": _l("offered"),
    "active": _l("active"),
    "suspended": _l("suspended"),
    "expired": _l("over"),
    "revoked": _l("revoked"),
    "declined": _l("declined"),
}
_TEMPLATES = {
    "answerer": _l("Answerer"),
    "keeper": _l("Keeper of a part"),
    "night_watch": _l("Night watch"),
}
_DRIFT = {
    "missing": _l("missing on the platform"),
    "lingering": _l("still on the platform"),
    "foreign": _l("not given by us"),
}
_MOVING = {"giving": _l("is being given"), "taking": _l("is being taken away")}


@dataclass(frozen=True, slots=True)
class Sorted:
    """Grants as a page takes them: what waits, what holds, what is over."""

    waiting: tuple[Shown, ...]
    holding: tuple[Shown, ...]
    ended: tuple[Shown, ...]


def sorted_out(found: Sequence[Shown]) -> Sorted:
    """Those that end soonest first among those that hold."""
    waiting = tuple(g for g in found if g.state in (GrantState.PROPOSED, GrantState.OFFERED))
    holding = [g for g in found if g.state in (GrantState.ACTIVE, GrantState.SUSPENDED)]
    holding.sort(key=lambda one: (one.ends_at or one.made_at, one.id))
    return Sorted(waiting, tuple(holding), tuple(g for g in found if g.state in ENDED))


def grant_word(kind: str, word: str) -> str:
    """The word for a capability, state, template, difference or turn, in the reader's language."""
    return str(_WORDS[kind].get(word, word))


def grant_capabilities(grant: Shown) -> list[str]:
    """What a grant lets somebody do, in words, with its limits where they belong."""
    found = []
    for one in grant.capabilities:
        words = grant_word("capability", one)
        if one == "silence" and grant.silence_hours:
            words = ngettext(
                "silence somebody for at most %(num)s hour",
                "silence somebody for at most %(num)s hours",
                grant.silence_hours,
            )
        found.append(words)
    return found


def days_left(grant: Shown, now: datetime) -> str:
    """How long a grant holds on."""
    left = (grant.ends_at - now).days if grant.ends_at else grant.days
    return str(_("ends today") if left < 1 else ngettext("%(num)s day left", "%(num)s days left", left))


def place_of(deps: Deps, typed: str) -> Place:
    """The place that was chosen: `connection:community`. Raises BadInput."""
    for place in granted.places(deps):
        if typed == place.key:
            return place
    raise BadInput("Choose where it holds.")


_WORDS = {
    "capability": _CAPABILITIES,
    "state": _STATES,
    "template": _TEMPLATES,
    "drift": _DRIFT,
    "moving": _MOVING,
}
WORDS = (grant_word, grant_capabilities, days_left)
