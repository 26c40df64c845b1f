"""How good the line is, by community: what it found and missed, whether people agree, what it learned from them."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_percent
from flask_babel import gettext as _

from moderation.errors import BadInput
from moderation.learned import learned_in_words
from moderation.model import Capability
from moderation.quality import ENOUGH
from moderation.words import Spoken
from service.usecases import learning
from service.usecases.quality import Learned, Quality
from service.usecases.quality import quality as measured
from service.web import language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.show import Badge

#: What is worth saying of what was learned, on one screen.
SAID = 8


@web.get("/quality")
@needs(Capability.SEE)
def quality() -> ResponseReturnValue:
    found = measured(deps())
    words = {"percent": percent, "verdict": verdict, "beyond_chance": beyond_chance, "changes": changes, "trial": trial}
    return render_template("quality.html", communities=found, enough=ENOUGH, **words)


@web.post("/quality/<int:community_id>/revert")
@needs(Capability.MANAGE)
def revert_learning(community_id: int) -> ResponseReturnValue:
    try:
        learning.revert(deps(), community_id, me().actor)
    except BadInput:
        flash(_("The shipped weights are in use already: somebody was faster."))
    else:
        flash(_("The shipped weights are back. What your team decides is still learned from."))
    return redirect(url_for("web.quality", _anchor=f"c{community_id}"), 303)


def percent(share: float, places: int = 0) -> str:
    """A share as the language writes it."""
    figure = "0.0" if places else "0"
    return str(format_percent(share, f"{figure}\u00a0%" if language.locale() == "fr" else f"{figure}%"))


def verdict(of: Quality) -> Badge:
    """The recall as a word: what its interval allows to say."""
    if of.recall is None:
        return Badge(_("Not known yet"), "", "clock-in")
    if of.recall.low >= 0.7:
        return Badge(_("Finds most of it"), "good", "check")
    if of.recall.high < 0.7:
        return Badge(_("Misses much"), "high", "warn")
    return Badge(_("Still uncertain"), "med", "clock-soon")


def beyond_chance(kappa: float) -> str:
    """Cohen's kappa in the words of Landis and Koch (1977)."""
    steps = ((0.2, _("hardly beyond chance")), (0.4, _("a little beyond chance")), (0.6, _("fairly well")))
    found = next((words for limit, words in steps if kappa < limit), None)
    return str(found or (_("well") if kappa < 0.8 else _("very well")))


def changes(learned: Learned) -> list[Spoken]:
    """What was learned in words, the greatest change first."""
    return learned_in_words(learned.tuning, language.locale())[:SAID]


def trial(learned: Learned) -> Badge:
    """What became of the newest trial."""
    if learned.reason == "few":
        return Badge(_("Too few decisions yet"), "", "clock-in")
    states = {
        "active": Badge(_("In use"), "good", "check"),
        "refused": Badge(_("Not used: it ranked no better"), "", "x"),
        "reverted": Badge(_("Put back by hand"), "med", "back"),
    }
    return states[learned.state]
