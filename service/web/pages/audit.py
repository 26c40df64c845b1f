"""The audit log: who did what to what, filtered; into a file; whether the chain is whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.model import Capability
from moderation.policy import allows
from service.db.audit import verify
from service.usecases import auditing, public_log
from service.usecases.auditing import Sought
from service.web.access import me
from service.web.blueprint import deps, needs, web

_TYPES = {"csv": "text/csv", "json": "application/json"}
_FILTERS = ("who", "what", "subject", "community", "since", "until", "text")
_LONGEST = 200


@web.get("/audit")
@needs(Capability.MANAGE)
def audit_log() -> ResponseReturnValue:
    typed = _typed()
    named = allows(me().asking, Capability.ADMINISTER)
    found = auditing.page(deps(), _sought(typed), request.args.get("before", type=int), names=named)
    people = auditing.usernames(deps()) if named else []
    places = public_log.places(deps())
    return render_template("audit.html", found=found, typed=typed, people=people, places=places)


@web.post("/audit/export")
@needs(Capability.MANAGE)
def export_audit() -> ResponseReturnValue:
    """The whole log, or what the filter finds, as a file that is sent while it is read."""
    form = request.form.get("format", "")
    pieces = auditing.export(deps(), _sought(_typed()), form, me().actor)
    named = {"Content-Disposition": f'attachment; filename="tenth-audit.{form}"'}
    return Response(pieces, mimetype=_TYPES[form], headers=named)


@web.post("/audit/verify")
@needs(Capability.MANAGE)
def verify_audit() -> ResponseReturnValue:
    """Reads the whole chain."""
    with deps().store.read() as session:
        findings = verify(session, deps().vault)
    for finding in findings[:20]:
        flash(_("Entry %(number)s: the log was changed here.", number=finding.seq), "high")
    if not findings:
        flash(_("The chain is whole: no entry was changed, moved or cut off."))
    return redirect(url_for("web.audit_log"), 303)


def _typed() -> dict[str, str]:
    return {name: request.values.get(name, "").strip()[:_LONGEST] for name in _FILTERS}


def _sought(typed: dict[str, str]) -> Sought:
    who = typed["who"]
    if who and allows(me().asking, Capability.ADMINISTER):
        who = auditing.actor_named(deps(), who)
    kept: dict[str, Any] = {name: typed[name] for name in ("what", "subject", "text")}
    community = int(typed["community"]) if typed["community"].isdecimal() else None
    since, until = auditing.day(typed["since"]), auditing.day(typed["until"])
    return Sought(who, community=community, since=since, until=until and until + timedelta(days=1), **kept)
