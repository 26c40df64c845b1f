"""Thanks: the public page of rock stars, the choice to stand on it, and a year's help told to who gave it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.model import Capability
from service.usecases import thanks
from service.usecases.helped_whom import helped_year
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {"star_choices": lambda: thanks.choices(deps(), me()), "month": lambda at: format_date(at, "MMMM yyyy")}


@web.get("/stars")
@needs(Capability.VISIT)
def stars() -> ResponseReturnValue:
    """Who is thanked, for everybody."""
    return render_template("stars.html", places=thanks.by_place(thanks.stars(deps())))


@web.post("/stars/listing")
@needs(Capability.ACCOUNT)
def choose_listing() -> ResponseReturnValue:
    """An account of one's own is named in public, or is not any more."""
    shown, author_id = request.form.get("shown") == "1", request.form.get("author", -1, type=int)
    try:
        thanks.decide(deps(), author_id, shown, me())
    except TenthError as error:
        flash(told(error), "high")
    else:
        flash(_("You are named on the public page now.") if shown else _("You are off the public page."))
    return redirect(url_for("web.all_grants", _anchor="named"), 303)


@web.get("/stars/year")
@needs(Capability.ACCOUNT)
def year_of_help() -> ResponseReturnValue:
    return render_template("stars_year.html", found=helped_year(deps(), me(), request.args.get("year", type=int)))
