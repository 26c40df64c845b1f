"""Deliveries that could not be read: what is known of them, and new tries. Their content is never shown."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from moderation.model import Capability
from service.usecases import deadletters
from service.web.access import me
from service.web.blueprint import deps, needs, web


@web.get("/dead-letters")
@needs(Capability.SEE)
def dead_letters() -> ResponseReturnValue:
    letters, older = deadletters.dead_letters(deps(), request.args.get("before", type=int))
    return render_template("dead_letters.html", letters=letters, older=older)


@web.post("/dead-letters/<int:letter_id>/retry")
@needs(Capability.MANAGE)
def retry_letter(letter_id: int) -> ResponseReturnValue:
    return _retried(deadletters.retry(deps(), me().actor, [letter_id]))


@web.post("/dead-letters/retry")
@needs(Capability.MANAGE)
def retry_letters() -> ResponseReturnValue:
    return _retried(deadletters.retry(deps(), me().actor))


def _retried(count: int) -> ResponseReturnValue:
    if count:
        flash(ngettext("%(num)s delivery is read again now.", "%(num)s deliveries are read again now.", count))
    else:
        flash(_("Nothing to try again: somebody was faster, or it was read meanwhile."))
    return redirect(url_for("web.dead_letters"), 303)
