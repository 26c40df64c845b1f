"""Saved replies, and the rules that want a second person."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import BadInput
from moderation.model import Capability
from service.usecases import desk, incidents, saved
from service.usecases.saved import Saved
from service.web import forms, language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told


@web.get("/saved")
@needs(Capability.DRAFT)
def saved_replies() -> ResponseReturnValue:
    return _page()


@web.post("/saved")
@needs(Capability.MANAGE)
def add_saved() -> ResponseReturnValue:
    return _keep(None)


@web.post("/saved/<int:saved_id>")
@needs(Capability.MANAGE)
def change_saved(saved_id: int) -> ResponseReturnValue:
    return _keep(saved_id)


@web.post("/saved/<int:saved_id>/drop")
@needs(Capability.MANAGE)
def drop_saved(saved_id: int) -> ResponseReturnValue:
    saved.drop_reply(deps(), saved_id, me())
    flash(_("It is gone from the list. What was written with it stays."))
    return redirect(url_for("web.saved_replies"), 303)


@web.get("/answering")
@needs(Capability.MANAGE)
def answering() -> ResponseReturnValue:
    return _rules()


@web.post("/answering/rules")
@needs(Capability.MANAGE)
def add_approval_rule() -> ResponseReturnValue:
    try:
        saved.add_rule(deps(), request.form.get("kind", ""), request.form.get("value", ""), me())
    except BadInput as error:
        return _rules(told(error)), 422
    flash(_("The rule is in force, for what waits to be sent, too."))
    return redirect(url_for("web.answering"), 303)


@web.post("/answering/rules/<int:rule_id>/drop")
@needs(Capability.MANAGE)
def drop_approval_rule(rule_id: int) -> ResponseReturnValue:
    saved.drop_rule(deps(), rule_id, me())
    flash(_("The rule is out of force."))
    return redirect(url_for("web.answering"), 303)


@web.post("/answering/incidents")
@needs(Capability.MANAGE)
def open_incident() -> ResponseReturnValue:
    form = request.form
    try:
        incidents.open_incident(deps(), form.get("community", 0, type=int), form.get("about", ""), me())
    except BadInput as error:
        return _rules(told(error)), 422
    flash(_("The incident is open. Everybody sees it in the queue."))
    return redirect(url_for("web.answering", _anchor="incidents"), 303)


@web.post("/answering/incidents/<int:community_id>/close")
@needs(Capability.MANAGE)
def close_incident(community_id: int) -> ResponseReturnValue:
    incidents.close_incident(deps(), community_id, me())
    flash(_("The incident is closed."))
    return redirect(url_for("web.answering", _anchor="incidents"), 303)


def _keep(saved_id: int | None) -> ResponseReturnValue:
    form = request.form
    given = Saved(saved_id or 0, form.get("name", ""), form.get("language", ""), forms.words(), "asks" in form)
    try:
        kept = saved.keep_reply(deps(), saved_id, given, me())
    except BadInput as error:
        return _page(given, told(error)), 422
    flash(_("Kept."))
    return redirect(url_for("web.saved_replies", _anchor=f"s{kept}"), 303)


def _page(typed: Saved | None = None, problem: str = "") -> str:
    found = saved.saved_replies(deps())
    words = {"filled": tuple(_filled()), "typed": typed, "problem": problem}
    return render_template("saved.html", saved=found, **words)


def _filled() -> list[str]:
    """The blanks that fill themselves, as this language names them."""
    names = list(saved.FILLED)
    return names[1::2] if language.locale() == "fr" else names[::2]


def _rules(problem: str = "") -> str:
    words = {"rules": saved.rules(deps()), "kinds": saved.KINDS, "places": desk.places(deps()), "problem": problem}
    return render_template("answering.html", **words, about=request.form.get("about", "") if problem else "")
