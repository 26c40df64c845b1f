"""Rock stars: members who help, with their evidence and what speaks against; and the ties that people declare."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.trust import LEAST_PEOPLE, LEAST_VOICES, Against, Reputation
from moderation.trust_voices import HALF_LIFE_DAYS
from service.usecases import reputation, ties
from service.usecases.reputation import Candidate
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.judged import rate
from service.web.pages.quality import percent
from service.web.show import Badge

_AGAINST = {
    Against.STAFF: (_l("Belongs to the brand"), "shadow"),
    Against.PARTNER: (_l("A partner of the brand"), "shadow"),
    Against.PAID: (_l("Is paid by the brand"), "shadow"),
    Against.BOT: (_l("A program, not a person"), "x"),
    Against.CONFLICT: (_l("A conflict of interest here"), "shadow"),
    Against.CIRCLE: (_l("A closed circle"), "people"),
    Against.TOXIC: (_l("Too often hostile"), "pulse"),
    Against.REPORTS: (_l("Reports mostly wrong"), "flag"),
    Against.FEW: (_l("Too few voices yet"), "clock-in"),
    Against.NEW: (_l("Not here for long"), "clock-in"),
}
_KINDS = {
    Against.STAFF: _l("staff"),
    Against.PARTNER: _l("partner"),
    Against.PAID: _l("paid"),
    Against.CONFLICT: _l("conflict of interest"),
}
#: What may pass with time; everything else is for people to weigh.
_PASSING = frozenset({Against.FEW, Against.NEW})
LONGEST_REASON = 500


@web.get("/rock-stars")
@needs(Capability.MANAGE)
def rockstars() -> ResponseReturnValue:
    return _page()


@web.post("/rock-stars/authors/<int:author_id>/marks")
@needs(Capability.MANAGE)
def mark_author(author_id: int) -> ResponseReturnValue:
    """Declares a tie of somebody to the brand."""
    kind, reason = request.form.get("kind", ""), request.form.get("reason", "")[:LONGEST_REASON]
    area = request.form.get("area", "") if kind == Against.CONFLICT else ""
    return _done(
        lambda: ties.mark(deps(), author_id, kind, area, reason, me().actor),
        _("The tie is noted. It counts from now on."),
        _("Choose what the tie is, say why, and for a conflict of interest in which area."),
    )


@web.post("/rock-stars/domains")
@needs(Capability.MANAGE)
def mark_domain() -> ResponseReturnValue:
    """Declares a tie of everybody at a domain."""
    domain, kind = request.form.get("domain", ""), request.form.get("kind", "")
    reason = request.form.get("reason", "")[:LONGEST_REASON]
    return _done(
        lambda: ties.mark_domain(deps(), domain, kind, reason, me().actor),
        _("Everybody at this domain is noted as tied to the brand."),
        _("Name a domain like brava.example, and say why."),
    )


@web.post("/rock-stars/marks/<int:mark_id>/end")
@needs(Capability.MANAGE)
def end_mark(mark_id: int) -> ResponseReturnValue:
    reason = request.form.get("reason", "")[:LONGEST_REASON]
    return _done(
        lambda: ties.end_mark(deps(), mark_id, reason, me().actor),
        _("The tie is taken back; the log keeps that it stood."),
        _("Say why it is taken back. Or somebody was faster."),
    )


@web.post("/rock-stars/products")
@needs(Capability.MANAGE)
def set_products() -> ResponseReturnValue:
    names = request.form.get("names", "").splitlines()
    return _done(
        lambda: ties.set_products(deps(), names, me().actor),
        _("The products are kept; conversations are being read again for them."),
        _("At most 200 products, one a line, each of at most 80 characters."),
    )


def _done(act: Callable[[], object], well: str, badly: str) -> ResponseReturnValue:
    try:
        act()
    except BadInput:
        return _page(badly), 422
    flash(well)
    return redirect(url_for("web.rockstars", area=request.args.get("area") or None), 303)


def _page(problem: str = "") -> str:
    area = request.args.get("area", "")
    try:
        found = reputation.rockstars(deps(), area)
    except BadInput:
        abort(404)
    known = reputation.areas(deps())
    words = {"against_badge": against_badge, "against_words": against_words, "surely": surely, "kinds": _KINDS}
    return render_template(
        "rockstars.html",
        found=found,
        area=area,
        areas=known,
        chosen=next((a.name for a in known if a.key == area), ""),
        domains=ties.domains(deps()),
        products=ties.products(deps()),
        problem=problem,
        percent=percent,
        half_life=int(HALF_LIFE_DAYS),
        **words,
    )


def against_badge(why: Against) -> Badge:
    """What speaks against somebody, in two or three words."""
    word, icon = _AGAINST[why]
    return Badge(str(word), "" if why in _PASSING else "med", icon)


def against_words(why: Against, of: Candidate) -> str:
    """The same in a sentence, with its figures."""
    known = of.reputation
    sentences = {
        Against.STAFF: _("The platform or one of us says so. Staff are never proposed as independent."),
        Against.PARTNER: _("Partners are never proposed as independent."),
        Against.PAID: _("Whoever is paid is never proposed as independent."),
        Against.BOT: _("The platform marks this account as automatic."),
        Against.CONFLICT: _("Declared for this area; elsewhere they may be proposed."),
        Against.CIRCLE: ngettext(
            "Praise comes from %(num)s account that hardly anybody else deals with.",
            "Praise comes from %(num)s accounts that hardly anybody else deals with.",
            of.circle.size - 1 if of.circle else 0,
        ),
        Against.TOXIC: _("%(count)s of %(of)s messages are hostile.", count=known.toxic.good, of=known.toxic.of),
        Against.REPORTS: _(
            "%(count)s of %(of)s reports were right.",
            count=known.reports.upheld,
            of=known.reports.upheld + known.reports.rejected,
        ),
        Against.FEW: ngettext(
            "Praised by %(num)s person, worth %(voices)s voices; it takes %(least)s people and %(worth)s voices.",
            "Praised by %(num)s people, worth %(voices)s voices; it takes %(least)s people and %(worth)s voices.",
            known.people,
            voices=rate(known.voices),
            least=LEAST_PEOPLE,
            worth=rate(LEAST_VOICES),
        ),
        Against.NEW: ngettext("Active in %(num)s week so far.", "Active in %(num)s weeks so far.", known.weeks),
    }
    return str(sentences[why])


def surely(of: Reputation) -> str:
    """How sure it is that their answers help, in a word."""
    if of.helped.low >= 0.4:
        return str(_("very surely"))
    if of.helped.low >= 0.2:
        return str(_("surely"))
    return str(_("probably")) if of.helped.low >= 0.1 else str(_("perhaps"))
