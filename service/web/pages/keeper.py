"""The keeper's desk: a part of the communities, what needs somebody there, and acts that are held for ten seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from service.usecases import acted, keeper, moderating, rules, seconding, suggesting
from service.usecases.conversation import ThreadPage
from service.usecases.moderating import Wish
from service.usecases.queue import first_words
from service.usecases.replies import Guarded
from service.usecases.wishing import LONGEST_REASON, ON_AUTHORS, ON_MESSAGES
from service.web import acting_words, forms, language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.replying import finding_words
from service.web.sentences import told

log = structlog.get_logger(__name__)


@web.app_context_processor
def _keeper_words() -> dict[str, Any]:
    return {"moderating": _moderating, "seconds_waiting": _seconds_waiting, **acting_words.WORDS}


@web.get("/keep")
@needs(Capability.KEEP)
def keep() -> ResponseReturnValue:
    return _desk()


@web.get("/keep/<int:thread_id>")
@needs(Capability.KEEP)
def keep_thread(thread_id: int) -> ResponseReturnValue:
    return _thread(thread_id)


@web.post("/keep/<int:thread_id>/act")
@needs(Capability.KEEP)
def keep_act(thread_id: int) -> ResponseReturnValue:
    """Asks for an act; what may not be done is refused, and kept, by the use case."""
    try:
        wishes = _wishes(thread_id)
        several = len(wishes) > 1
        if several:
            moderating.act_on_several(deps(), wishes, me())
        else:
            moderating.act(deps(), wishes[0], me())
    except NotAllowed as refused:
        return _refused(thread_id, refused)
    except BadInput as wrong:
        return _thread(thread_id, told(wrong)), 422
    if several or wishes[0].kind is Capability.SUSPEND:
        flash(_("Asked for. It is done when a second person says yes."))
    return redirect(_back(thread_id), 303)


@web.post("/keep/<int:thread_id>/answer")
@needs(Capability.KEEP)
def keep_answer(thread_id: int) -> ResponseReturnValue:
    """Hands an answer for the brand over to be judged."""
    try:
        suggesting.suggest(deps(), me(), thread_id, request.form.get("text", ""))
    except NotAllowed as refused:
        return _refused(thread_id, refused)
    except Guarded as held:
        return _thread(thread_id, answer_problem=" ".join(finding_words(one) for one in held.findings)), 422
    except BadInput as wrong:
        return _thread(thread_id, answer_problem=told(wrong)), 422
    flash(_("Handed over. Somebody of the brand reads it."))
    return redirect(url_for("web.keep_thread", thread_id=thread_id, _anchor="answer"), 303)


@web.post("/keep/acts/<int:action_id>/undo")
@needs(Capability.KEEP)
def keep_undo(action_id: int) -> ResponseReturnValue:
    return _done(lambda: acted.undo(deps(), action_id, me()), lambda: _("Undone: nothing has left."))


@web.post("/keep/acts/<int:action_id>/back")
@needs(Capability.KEEP)
def keep_back(action_id: int) -> ResponseReturnValue:
    reason = request.form.get("reason", "")
    words = _("It is being taken back. Nothing leaves for ten seconds.")
    return _done(lambda: moderating.take_back(deps(), action_id, me(), reason), lambda: words)


@web.post("/keep/acts/<int:action_id>/second")
@needs(Capability.KEEP)
def keep_second(action_id: int) -> ResponseReturnValue:
    """A second person's yes or no."""
    if request.form.get("answer") != "yes":
        reason = request.form.get("reason", "")
        return _done(
            lambda: seconding.refuse_second(deps(), action_id, me(), reason), lambda: _("It will not be done.")
        )
    gone: list[int] = []
    return _done(
        lambda: gone.extend(seconding.second(deps(), action_id, me())),
        lambda: _("It goes in ten seconds.") if gone else _("It is yours now, and waits for another person's yes."),
    )


def _wishes(thread_id: int) -> list[Wish]:
    """What the form asks for. A rule that was chosen is the reason where nothing else was written. Raises BadInput."""
    form = request.form
    try:
        kind = Capability(form.get("kind", ""))
    except ValueError:
        raise BadInput("Choose what is to be done.") from None
    of_one = kind in ON_MESSAGES | ON_AUTHORS
    hours = form.get("hours", type=int) if kind in (Capability.SILENCE, Capability.SUSPEND, Capability.LOCK) else None
    rule_id = form.get("rule", type=int)
    reason = form.get("reason", "").strip()[:LONGEST_REASON] or _title_of(rule_id)
    to = form.get("to", type=int) if kind is Capability.MOVE else None
    one = form.get("message", type=int) if of_one else None
    numbers: list[int | None] = [*form.getlist("several", type=int)] if kind in ON_MESSAGES else []
    wish = Wish(kind, thread_id, reason, one, hours, to, rule_id, law=forms.law())
    return [replace(wish, message_id=number) for number in numbers or [one]]


def _title_of(rule_id: int | None) -> str:
    found = [rule.titled(language.locale()) for rule in rules.all_rules(deps()) if rule.id == rule_id]
    return found[0] if found else ""


def _done(step: Callable[[], object], words: Callable[[], str]) -> ResponseReturnValue:
    try:
        step()
    except NotAllowed as refused:
        return _refused(None, refused)
    except BadInput as wrong:
        return _desk(told(wrong)), 422
    flash(words())
    return redirect(_back(request.form.get("thread", type=int)), 303)


def _back(thread_id: int | None) -> str:
    """Where the form stood: the desk's own page of a conversation, or the keeper's."""
    if thread_id is None:
        return url_for("web.keep")
    return url_for("web.thread" if request.form.get("from") == "queue" else "web.keep_thread", thread_id=thread_id)


def _refused(thread_id: int | None, refused: NotAllowed) -> ResponseReturnValue:
    log.warning("page.refused", page=request.endpoint, who=me().actor, thread=thread_id)
    abort(403, told(refused))


def _opened(thread_id: int) -> ThreadPage:
    try:
        return keeper.opened(deps(), me(), thread_id, language.locale())
    except NotAllowed as refused:
        log.warning("page.refused", page=request.endpoint, who=me().actor, thread=thread_id)
        abort(403, told(refused))
    except BadInput:
        abort(404)


def _thread(thread_id: int, problem: str = "", answer_problem: str = "") -> str:
    page = _opened(thread_id)
    suggestion = suggesting.suggesting(deps(), me(), thread_id)
    parents = {m.remote_id: m for m in page.messages}
    return _render(problem, page=page, parents=parents, suggestion=suggestion, answer_problem=answer_problem)


def _desk(problem: str = "") -> str:
    return _render(problem, page=None, parents={})


def _render(problem: str, **more: Any) -> str:
    mine = acted.acts_of(deps(), me())
    return render_template(
        "keeper.html",
        problem=problem,
        terms=keeper.terms(deps(), me()),
        items=keeper.conversations(deps(), me(), language.locale()),
        mine=mine,
        held=next((one for one in mine if one.undo_until), None),
        sums=acting_words.sums(mine),
        waiting=seconding.waiting(deps(), me()),
        as_of=deps().now(),
        ours={},
        **more,
    )


def _moderating(page: ThreadPage, origin: str = "") -> dict[str, Any] | None:
    """What the form of acts needs; None for those who have no right there."""
    if not current_user.is_authenticated:
        return None
    desk = keeper.desk_of(deps(), me(), page.item.thread_id)
    if desk is None:
        return None
    own = acted.acts_of(deps(), me(), page.item.thread_id, 5)
    touched = [m for m in page.messages if m.id in desk.messages]
    return {
        "desk": desk,
        "messages": [(m.id, f"{m.author}: {first_words(m.text, 60)}", m.marked) for m in reversed(touched)],
        "rules": [(r.id, r.titled(language.locale())) for r in rules.rules_of(deps(), desk.community_id)],
        "held": next((one for one in own if one.undo_until), None),
        "origin": origin,
        "longest": LONGEST_REASON,
        "typed": request.form,
    }


def _seconds_waiting() -> int:
    """How many requests wait for this person."""
    return sum(not one.mine for one in seconding.waiting(deps(), me()))
