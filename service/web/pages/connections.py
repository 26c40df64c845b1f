"""Connections: what Tenth reads, where it may act, what is broken; and the global stop."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import TenthError
from moderation.model import Capability
from service.usecases import connections as kept
from service.usecases import desk, switches
from service.usecases.desk import Source
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told


@web.get("/connections")
@needs(Capability.SEE)
def connections() -> ResponseReturnValue:
    with deps().store.read() as session:
        since = switches.stopped_since(session)
    return render_template("connections.html", sources=desk.sources(deps()), stopped_since=since)


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


def _reason() -> str:
    return request.form.get("reason", "").strip()[:500]


def _back(connection_id: int) -> ResponseReturnValue:
    return redirect(url_for("web.connections", _anchor=f"c{connection_id}"), 303)
