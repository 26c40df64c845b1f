"""Connections: what Tenth reads, where it may act, what is broken; and the global stop."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import BadInput, TenthError
from moderation.model import Capability
from service.usecases import connections as kept
from service.usecases import desk, keeping, switches
from service.usecases.desk import Source
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told


@web.get("/connections")
@needs(Capability.SEE)
def connections() -> ResponseReturnValue:
    with deps().store.read() as session:
        since = switches.stopped_since(session)
    kept_days = keeping.kept_days(deps())
    return render_template("connections.html", sources=desk.sources(deps()), stopped_since=since, kept_days=kept_days)


@web.post("/connections/<int:connection_id>/check")
@needs(Capability.MANAGE)
def check(connection_id: int) -> ResponseReturnValue:
    """Asks the platform about our credentials and says what it answered."""
    source = _source(connection_id)
    try:
        found = desk.check_now(deps(), connection_id, me().actor)
    except TenthError as error:
        flash(_("%(name)s: %(problem)s", name=source.name, problem=told(error)), "high")
        return _back(connection_id)
    if found is None:
        flash(_("%(name)s is read from a file: there is nobody to ask.", name=source.name))
    elif found.missing:
        what = "; ".join(found.missing)
        flash(_("%(name)s answers, but a right is missing: %(what)s", name=source.name, what=what), "med")
    else:
        flash(_("%(name)s answers and accepts our credentials (%(account)s).", name=source.name, account=found.account))
    return _back(connection_id)


@web.post("/connections/<int:connection_id>/poll")
@needs(Capability.MANAGE)
def poll(connection_id: int) -> ResponseReturnValue:
    source = _source(connection_id)
    kept.poll_soon(deps(), connection_id)
    flash(_("%(name)s is read next, within seconds.", name=source.name))
    return _back(connection_id)


@web.get("/connections/<int:connection_id>/live")
@needs(Capability.MANAGE)
def ask_live(connection_id: int) -> ResponseReturnValue:
    """Asks again before a connection may act in public."""
    return render_template("live.html", source=_source(connection_id))


@web.post("/connections/<int:connection_id>/live")
@needs(Capability.MANAGE)
def go_live(connection_id: int) -> ResponseReturnValue:
    return _set_shadow(connection_id, False)


@web.post("/connections/<int:connection_id>/shadow")
@needs(Capability.MANAGE)
def go_shadow(connection_id: int) -> ResponseReturnValue:
    return _set_shadow(connection_id, True)


@web.get("/connections/<int:connection_id>/retention")
@needs(Capability.MANAGE)
def ask_keep_for(connection_id: int) -> ResponseReturnValue:
    """Says what would go before it goes: with `days` in the address, how many messages that is."""
    source, typed = _source(connection_id), request.args.get("days")
    kept, old = keeping.kept_days(deps()).get(connection_id), None
    if typed is not None:
        try:
            old = keeping.past_days(deps(), connection_id, _days(typed))
        except BadInput as error:
            flash(told(error), "high")
    shown = str(kept or "") if typed is None else typed
    return render_template("retention.html", source=source, kept=kept, old=old, days=shown)


@web.post("/connections/<int:connection_id>/retention")
@needs(Capability.MANAGE)
def keep_for(connection_id: int) -> ResponseReturnValue:
    """How many days the words of a connection are kept; an empty field: as long as the desk is."""
    source = _source(connection_id)
    try:
        days = _days(request.form.get("days", ""))
        keeping.keep_for(deps(), connection_id, days, me())
    except BadInput as error:
        flash(told(error), "high")
        return redirect(url_for("web.ask_keep_for", connection_id=connection_id), 303)
    if days is None:
        flash(_("%(name)s: words are kept as long as this desk is.", name=source.name))
    else:
        flash(_("%(name)s: what is older is emptied within the hour, and from now on.", name=source.name))
    return _back(connection_id)


@web.get("/stop")
@needs(Capability.MANAGE)
def ask_stop() -> ResponseReturnValue:
    """Asks again before everything is stopped, or sent again."""
    with deps().store.read() as session:
        since = switches.stopped_since(session)
    return render_template("stop.html", stopped_since=since)


@web.post("/stop")
@needs(Capability.MANAGE)
def stop() -> ResponseReturnValue:
    switches.set_stop(deps(), True, me().actor, _reason())
    flash(_("Sending is stopped: nothing leaves Tenth until somebody lifts the stop."), "high")
    return redirect(url_for("web.connections"), 303)


@web.post("/stop/lift")
@needs(Capability.MANAGE)
def lift_stop() -> ResponseReturnValue:
    switches.set_stop(deps(), False, me().actor, _reason())
    flash(_("The stop is lifted: sending is on again."))
    return redirect(url_for("web.connections"), 303)


def _set_shadow(connection_id: int, shadow: bool) -> ResponseReturnValue:
    source = _source(connection_id)
    kept.set_shadow(deps(), connection_id, shadow, me().actor, _reason())
    if shadow:
        flash(_("%(name)s is in shadow: it reads and sends nothing.", name=source.name))
    else:
        flash(_("%(name)s is live: what the team decides is sent.", name=source.name))
    return _back(connection_id)


def _source(connection_id: int) -> Source:
    return desk.source(deps(), connection_id) or abort(404)


def _days(typed: str) -> int | None:
    """What somebody typed; what is no number is 0, which is refused like every other that cannot be."""
    typed = typed.strip()
    return (int(typed) if typed.isdecimal() and len(typed) <= 6 else 0) if typed else None


def _reason() -> str:
    return request.form.get("reason", "").strip()[:500]


def _back(connection_id: int) -> ResponseReturnValue:
    return redirect(url_for("web.connections", _anchor=f"c{connection_id}"), 303)
