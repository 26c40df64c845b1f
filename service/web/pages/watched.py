"""Watched words: written as drafts, tried on the last 30 days, switched on and off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.model import Capability
from service.usecases import backtest, rules, watching
from service.usecases.watching import Wanted
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {"watched_in": watched_in}


def watched_in(thread_id: int) -> list[tuple[str, str]]:
    """What was found in a conversation, and why it is looked for."""
    return watching.why(deps(), thread_id)


@web.get("/watched")
@needs(Capability.MANAGE)
def watched() -> ResponseReturnValue:
    return _page()


@web.post("/watched")
@needs(Capability.MANAGE)
def add_watch() -> ResponseReturnValue:
    form = request.form
    wanted = Wanted(
        form.get("kind", ""),
        form.get("pattern", ""),
        form.get("does", ""),
        form.get("reason", ""),
        _number("place"),
        _number("rule"),
    )
    return _done(lambda: watching.add(deps(), wanted, me()), _("It is kept as a draft: it counts, and does nothing."))


@web.post("/watched/<int:watch_id>/try")
@needs(Capability.MANAGE)
def try_watch(watch_id: int) -> ResponseReturnValue:
    words = _("It is being tried on the last 30 days. Look again in a moment.")
    return _done(lambda: backtest.ask(deps(), watch_id, me()), words, watch_id)


@web.post("/watched/<int:watch_id>/switch")
@needs(Capability.MANAGE)
def switch_watch(watch_id: int) -> ResponseReturnValue:
    mode = request.form.get("mode", "")
    words = {"on": _("It is on, for what is written from now on."), "off": _("It is off.")}
    said = words.get(mode, _("It is a draft: it counts, and does nothing."))
    return _done(lambda: watching.switch(deps(), watch_id, mode, me()), said, watch_id)


def _number(name: str) -> int | None:
    """A choice by number; what is none of ours is a number that nothing has."""
    value = request.form.get(name, "")
    return int(value) if value.isdecimal() and len(value) <= 12 else 0 if value else None


def _done(step: Callable[[], object], words: str, watch_id: int | None = None) -> ResponseReturnValue:
    try:
        step()
    except TenthError as error:
        return _page(told(error)), 422
    flash(words)
    return redirect(url_for("web.watched", _anchor=f"w{watch_id}" if watch_id else None), 303)


def _page(problem: str = "") -> str:
    found = watching.watches(deps())
    return render_template(
        "watched.html",
        problem=problem,
        live=[one for one in found if one.mode != "off"],
        ended=[one for one in found if one.mode == "off"],
        places=watching.places(deps()),
        rules=rules.all_rules(deps()),
        typed=request.form,
    )
