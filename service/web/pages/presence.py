"""Who else has a case open: beats that keep it, and a small answer that is unchanged most of the time."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.model import Capability
from service.usecases import presence
from service.usecases.presence import Around, Here
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.show import ago


@web.app_context_processor
def _words() -> dict[str, Any]:
    return {"here_words": here_words, "taken_words": taken_words}


@web.get("/cases/<int:case_id>/presence")
@needs(Capability.SEE)
def who_is_here(case_id: int) -> ResponseReturnValue:
    """`here` and `taken` are sentences in the reader's language; `version` is the case's."""
    found = presence.around(deps(), case_id, me())
    said = {"here": [here_words(one) for one in found.here], "taken": taken_words(found), "version": found.version}
    response: Response = jsonify(said)
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


@web.post("/cases/<int:case_id>/presence")
@needs(Capability.SEE)
def be_here(case_id: int) -> ResponseReturnValue:
    """A beat: I have it open (`typing=1`: I write), or I closed it (`gone=1`)."""
    if request.form.get("gone") == "1":
        presence.leave(deps(), case_id, me())
    else:
        presence.look(deps(), case_id, me(), request.form.get("typing") == "1")
    return "", 204


def here_words(one: Here) -> str:
    """One person who has the case open, in words."""
    if one.typing:
        return str(_("%(name)s is writing", name=one.name))
    return str(_("%(name)s has it open, came %(when)s", name=one.name, when=ago(one.since)))


def taken_words(found: Around) -> str:
    """Who took the case over from the reader, and what they said; "" when nobody did."""
    if found.taken is None:
        return ""
    who, note = found.taken.who, found.taken.note
    return str(_("%(name)s took it over from you: “%(note)s”", name=who, note=note))
