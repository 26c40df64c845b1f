"""Words for acts of moderation: what each does, what takes it back, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from service.usecases.acted import Acted
from service.usecases.keeper import Offered
from service.web.show import Badge

#: Act -> what its button says, its icon, its key, what is said once it is asked for.
_ACTS = {
    "hide": (_l("Hide"), "hide", "h", _l("Hidden")),
    "restore": (_l("Bring back"), "eye", "r", _l("Brought back")),
    "lock": (_l("Close"), "lock", "l", _l("Closed")),
    "unlock": (_l("Open again"), "release", "n", _l("Opened again")),
    "mark_answer": (_l("Mark as the answer"), "check", "m", _l("Marked as the answer")),
    "move": (_l("Move"), "out", "v", _l("Moved")),
    "warn": (_l("Warn"), "warn", "w", _l("Warned")),
    "silence": (_l("Silence"), "snooze", "s", _l("Silenced")),
    "unsilence": (_l("End the silence"), "refresh", "", _l("Silence ended")),
    "suspend": (_l("Suspend"), "stop", "", _l("Suspended")),
    "unsuspend": (_l("End the suspension"), "refresh", "", _l("Suspension ended")),
}
_ROLES = {
    "owner": _l("an owner"),
    "manager": _l("a manager"),
    "responder": _l("somebody of the brand"),
    "rock_star": _l("a keeper"),
}
_STATES = {
    "waiting": (_l("Waits for a second person"), "med", "people"),
    "approved": (_l("Leaves in a moment"), "", "clock-in"),
    "sending": (_l("On its way"), "", "clock-in"),
    "unknown": (_l("Not known whether it was done"), "med", "warn"),
    "failed": (_l("Could not be done"), "high", "x"),
    "cancelled": (_l("Not done"), "", "x"),
}
_APPEALS = {
    "open": (_l("Contested: waits for a decision"), "med", "flag"),
    "upheld": (_l("Contested, and stood"), "good", "check"),
    "overturned": (_l("Contested, and overturned"), "high", "back"),
}


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the acts shown: how many were done, stood, were taken back, are contested."""

    done: int
    stood: int
    back: int
    contested: int


def act_word(kind: str) -> str:
    """What an act's button says."""
    return str(_ACTS[kind][0])


def act_icon(kind: str) -> str:
    return _ACTS[kind][1]


def act_key(kind: str) -> str:
    """The single key that asks for an act; "" for what should take more than one key."""
    return _ACTS[kind][2]


def acted_word(kind: str) -> str:
    """An act in the past."""
    return str(_ACTS[kind][3])


def inverse_words(act: Offered) -> str:
    """What takes an act back, said before it is done."""
    if act.two:
        return str(_("needs a second person’s yes; taken back by “%(act)s”", act=act_word(act.inverse or act.kind)))
    if act.inverse is None:
        return str(_("cannot be taken back"))
    return str(_("taken back by “%(act)s”", act=act_word(act.inverse)))


def became(one: Acted) -> Badge:
    """What became of an act."""
    if one.appeal in _APPEALS:
        return _badge(_APPEALS[one.appeal])
    if one.state != "done":
        return _badge(_STATES[one.state])
    if one.taken_back_by:
        who = str(_ROLES.get(one.taken_back_by, _("somebody")))
        return Badge(str(_("Taken back by %(who)s", who=who)), "med", "back")
    return Badge(str(_("Stands")), "good", "check")


def sums(acts: Sequence[Acted]) -> Sums:
    """The figures over somebody's acts."""
    done = [one for one in acts if one.state == "done" and one.undoes_id is None]
    back = sum(bool(one.taken_back_by) for one in done)
    return Sums(len(done), len(done) - back, back, sum(one.appeal == "open" for one in done))


def _badge(words: tuple[object, str, str]) -> Badge:
    return Badge(str(words[0]), words[1], words[2])


WORDS = {word.__name__: word for word in (act_word, act_icon, act_key, acted_word, inverse_words, became)}
