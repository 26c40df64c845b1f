"""Teams, who gets what, and labels: everybody may read the page, managers change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.routing import ANY
from moderation.words import TOPICS
from service.usecases import desk, labels, routing, teams
from service.web import language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.show import rule_words

_SHIPPED = {
    "Support": _l("Support"),
    "Product": _l("Product"),
    "Communication": _l("Communication"),
    "Legal": _l("Legal"),
}
_SPOKEN = {"en": _l("English"), "fr": _l("French")}


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {"team_word": team_word, "topic_word": topic_word, "danger_word": danger_word, "spoken": spoken}


def team_word(name: str) -> str:
    """A team's name; those that a desk starts with are said in the reader's language."""
    return str(_SHIPPED.get(name, name))


def topic_word(topic: str) -> str:
    """What a message is about, in words."""
    return TOPICS[language.locale()].get(topic, topic)


def danger_word(danger: str) -> str:
    """A rule of danger in words."""
    return _("any rule of danger") if danger == ANY else rule_words((danger,))


def spoken(code: str) -> str:
    """A language in words, where we have one for it."""
    return str(_SPOKEN.get(code, code))


@web.get("/teams")
@needs(Capability.SEE)
def teams_page() -> ResponseReturnValue:
    return render_template(
        "teams.html",
        teams=teams.teams(deps()),
        plan=routing.plan(deps()),
        labels=labels.labels(deps()),
        people=teams.candidates(deps()),
        places=desk.places(deps()),
        topics=routing.TOPICS,
        dangers=routing.DANGERS,
    )


@web.post("/teams")
@needs(Capability.MANAGE)
def add_team() -> ResponseReturnValue:
    name, languages = request.form.get("name", ""), request.form.get("languages", "")
    return _tried(lambda: teams.add_team(deps(), name, languages, me().actor), _name_refused(), "teams")


@web.post("/teams/<int:team_id>")
@needs(Capability.MANAGE)
def change_team(team_id: int) -> ResponseReturnValue:
    form = request.form
    name, languages, members = form.get("name", ""), form.get("languages", ""), form.getlist("member", type=int)
    change = lambda: teams.change_team(deps(), team_id, name, languages, members, me().actor)  # noqa: E731
    return _tried(change, _name_refused(), "teams")


@web.post("/teams/<int:team_id>/close")
@needs(Capability.MANAGE)
def close_team(team_id: int) -> ResponseReturnValue:
    gone = _("This team was closed already.")
    return _tried(lambda: teams.close_team(deps(), team_id, me().actor), gone, "teams")


@web.post("/teams/rules")
@needs(Capability.MANAGE)
def add_routing_rule() -> ResponseReturnValue:
    form = request.form
    wanted = routing.Wanted(
        team_id=form.get("team", 0, type=int),
        community_id=form.get("community", type=int),
        topic=form.get("topic", ""),
        danger=form.get("danger", ""),
        language=form.get("language", ""),
    )
    refused = _("This rule names something that is not there. A language is a code such as “fr”.")
    return _tried(lambda: routing.add_rule(deps(), wanted, me().actor), refused, "rules")


@web.post("/teams/rules/<int:rule_id>/<way>")
@needs(Capability.MANAGE)
def change_routing_rule(rule_id: int, way: str) -> ResponseReturnValue:
    """Moves a rule `up` or `down`, or takes it away (`remove`)."""
    if way not in ("up", "down", "remove"):
        abort(404)
    steps: dict[str, Callable[[], Any]] = {
        "remove": lambda: routing.remove_rule(deps(), rule_id, me().actor),
        "up": lambda: routing.move_rule(deps(), rule_id, True, me().actor),
        "down": lambda: routing.move_rule(deps(), rule_id, False, me().actor),
    }
    return _tried(steps[way], _("This rule was taken away already."), "rules")


@web.post("/teams/rules/anew")
@needs(Capability.MANAGE)
def route_anew() -> ResponseReturnValue:
    done = routing.route_anew(deps(), me().actor)
    words = ngettext("%(num)s conversation has a team by a rule.", "%(num)s conversations have a team by a rule.", done)
    flash(words)
    return _back("rules")


@web.post("/labels")
@needs(Capability.MANAGE)
def add_label() -> ResponseReturnValue:
    refused = _("This label is on the list already, has no name, or the list is full.")
    return _tried(lambda: labels.add_label(deps(), request.form.get("name", ""), me().actor), refused, "labels")


@web.post("/labels/<int:label_id>/close")
@needs(Capability.MANAGE)
def close_label(label_id: int) -> ResponseReturnValue:
    gone = _("This label was taken off the list already.")
    return _tried(lambda: labels.close_label(deps(), label_id, me().actor), gone, "labels")


def _name_refused() -> str:
    return str(_("This name is taken or too long, or a language is no code such as “en” or “fr”. Nothing was changed."))


def _tried(change: Callable[[], Any], refused: str, anchor: str) -> ResponseReturnValue:
    """Makes a change and goes back to the page; what cannot be is said there, in the reader's language."""
    try:
        change()
    except BadInput:
        flash(refused, "high")
    return _back(anchor)


def _back(anchor: str) -> ResponseReturnValue:
    return redirect(url_for("web.teams_page", _anchor=anchor), 303)
