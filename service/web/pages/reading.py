"""What we read and why: for the people whose posts are read. Needs no sign-in, names nothing restricted."""

from __future__ import annotations

from itertools import groupby

from flask import render_template
from flask.typing import ResponseReturnValue

from moderation.model import Capability
from service.usecases import desk
from service.web.blueprint import deps, needs, web


@web.get("/about/reading")
@needs(Capability.VISIT)
def reading() -> ResponseReturnValue:
    read = desk.what_is_read(deps())
    groups = [(first, list(rest)) for first, rest in groupby(read, key=lambda p: (p.connection, p.label, p.server))]
    return render_template(
        "reading.html", groups=groups, days=deps().settings.keep_deliveries_days, scorer=deps().settings.scorer
    )
