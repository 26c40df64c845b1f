"""The rules of the communities: for everybody to read, for managers to write."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.statements import LANGUAGES
from service.usecases import rules
from service.usecases.granted import places
from service.web import redressing
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told


@web.get("/rules")
@needs(Capability.VISIT)
def show_rules() -> ResponseReturnValue:
    return render_template("rules.html", groups=rules.public(deps()))


@web.get("/rules/edit")
@needs(Capability.MANAGE)
def edit_rules() -> ResponseReturnValue:
    return _page()


@web.post("/rules/edit")
@needs(Capability.MANAGE)
def add_rule() -> ResponseReturnValue:
    return _done(lambda: rules.add(deps(), _draft(), me().actor), _("The rule is in force."))


@web.post("/rules/<int:rule_id>")
@needs(Capability.MANAGE)
def change_rule(rule_id: int) -> ResponseReturnValue:
    if request.form.get("step") == "end":
        return _done(lambda: rules.end(deps(), rule_id, me().actor), _("The rule is out of force."))
    return _done(lambda: rules.edit(deps(), rule_id, _draft(), me().actor), _("The new wording is in force."))


def _draft() -> rules.Draft:
    """What was typed. Raises BadInput."""
    form = request.form
    place = form.get("community", "")
    if place and not place.isdecimal():
        raise BadInput("There is no such community.")
    title = {lang: form.get(f"title_{lang}", "") for lang in LANGUAGES}
    text = {lang: form.get(f"text_{lang}", "") for lang in LANGUAGES}
    return rules.Draft(int(place) if place else None, title, text, form.get("category", ""))


def _done(step: Callable[[], object], words: str) -> ResponseReturnValue:
    try:
        step()
    except BadInput as error:
        return _page(told(error)), 422
    flash(words)
    return redirect(url_for("web.edit_rules"), 303)


def _page(problem: str = "") -> str:
    return render_template(
        "rules_edit.html",
        problem=problem,
        rules=rules.all_rules(deps()),
        communities=[place for place in places(deps()) if place.community_id is not None],
        categories=redressing.categories(),
        typed=request.form,
        most_title=rules.TITLE,
        most_text=rules.TEXT,
        **redressing.WORDS,
    )
