"""The public moderation log of a community, for everybody, as a page and as JSON; the switches, for managers."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from moderation.model import Capability
from moderation.statements import LANGUAGES, category_words
from service.usecases import public_log
from service.usecases.public_log import Log, Logged
from service.usecases.rules import in_language
from service.web import language
from service.web.access import me
from service.web.blueprint import deps, needs, web

#: What was done, said so that nobody is named.
_ACTS = {
    Capability.HIDE: _l("A message was hidden"),
    Capability.RESTORE: _l("A hidden message was shown again"),
    Capability.LOCK: _l("A conversation was closed to new messages"),
    Capability.UNLOCK: _l("A conversation was opened again"),
    Capability.MOVE: _l("A conversation was moved"),
    Capability.WARN: _l("A member was warned"),
    Capability.SILENCE: _l("A member may read but not write"),
    Capability.UNSILENCE: _l("A member may write again"),
    Capability.SUSPEND: _l("An account was suspended"),
    Capability.UNSUSPEND: _l("A suspension was lifted"),
}
_BY = {
    "keeper": _l("A trusted member of the community"),
    "moderator": _l("A moderator of the brand"),
    "automated": _l("A rule that a moderator switched on"),
}


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {"logged_act": _act, "logged_by": _by, "logged_why": _why}


@web.get("/log/<int:community_id>")
@needs(Capability.VISIT)
def public_moderation_log(community_id: int) -> ResponseReturnValue:
    return render_template("public_log.html", log=_log(community_id), community_id=community_id)


@web.get("/log/<int:community_id>.json")
@needs(Capability.VISIT)
def public_moderation_feed(community_id: int) -> Response:
    """The same as JSON: `next` is the address of the page before, or null."""
    log = _log(community_id)
    older = log.older and url_for("web.public_moderation_feed", community_id=community_id, before=log.older)
    return jsonify(community=log.community, acts=[_item(act) for act in log.acts], next=older)


@web.get("/log")
@needs(Capability.MANAGE)
def public_logs() -> ResponseReturnValue:
    return render_template("public_logs.html", places=public_log.places(deps()))


@web.post("/log/<int:community_id>/switch")
@needs(Capability.MANAGE)
def switch_public_log(community_id: int) -> ResponseReturnValue:
    on = request.form.get("on") == "1"
    public_log.switch(deps(), community_id, on, me())
    flash(_("The log is public.") if on else _("The log is closed: its address leads nowhere."))
    return redirect(url_for("web.public_logs"), 303)


def _log(community_id: int) -> Log:
    return public_log.log(deps(), community_id, request.args.get("before", type=int)) or abort(404)


def _act(act: Logged) -> str:
    return str(_ACTS[Capability(act.act)])


def _by(act: Logged) -> str:
    return str(_BY[act.by])


def _why(act: Logged) -> str:
    """The rule, else its category; "" where none was named."""
    spoken = language.locale()
    return in_language(act.rule, spoken) or (category_words(act.category, spoken) if act.category else "")


def _item(act: Logged) -> dict[str, Any]:
    times = {"at": act.at, "ends_at": act.ends_at, "overturned_at": act.overturned_at}
    iso = {name: at.isoformat() if at else None for name, at in times.items()}
    rule = {name: act.rule[name] for name in LANGUAGES if act.rule.get(name)}
    return iso | {"act": act.act, "rule": rule or None, "category": act.category or None, "by": act.by}
