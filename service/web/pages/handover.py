"""The shift's handover: one screen, made for printing."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from moderation.model import Capability
from service.usecases.handover import LONGEST
from service.usecases.handover import handover as made
from service.web.blueprint import deps, needs, web

#: Lengths of a shift that the page offers, in hours.
SHIFTS = (4, 8, 12, 24)


@web.get("/handover")
@needs(Capability.SEE)
def handover() -> ResponseReturnValue:
    hours = min(max(request.args.get("hours", 8, type=int), 1), LONGEST)
    return render_template("handover.html", page=made(deps(), hours), hours=hours, shifts=SHIFTS)
