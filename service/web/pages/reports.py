"""Reports of members: one row for each subject, one decision for all its reports, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from moderation.errors import TenthError
from moderation.model import Capability
from moderation.reports import Verdict
from service.usecases import report_closing, report_deciding, report_subjects, reports, reports_decided, rules
from service.usecases.report_deciding import LONGEST_REASON, Ruling
from service.usecases.reports import Complaint, Group
from service.usecases.reports_decided import Settled
from service.web import forms, language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told
from service.web.show import Badge

_WEIGHTS = ((0.5, _l("Weighs much"), "high", "band-high"), (0.25, _l("Weighs some"), "med", "band-medium"))
_LIGHT = (_l("Weighs little"), "", "band-low")
_REASONS = {
    "spam": _l("spam"),
    "abuse": _l("rude or hostile"),
    "off_topic": _l("off topic"),
    "rules": _l("against the rules"),
    "legal": _l("against the law"),
    "other": _l("something else"),
}
_ACTS = {
    "hide": (_l("Hide the post"), "hide"),
    "lock": (_l("Close the conversation"), "lock"),
    "silence": (_l("Silence for a day"), "snooze"),
}
_DONE = {"hide": _l("post hidden"), "lock": _l("conversation closed"), "silence": _l("author silenced for a time")}
_ACT_STATES = {
    "approved": _l("leaves in a moment"),
    "sending": _l("on its way"),
    "done": _l("done"),
    "failed": _l("could not be done"),
    "unknown": _l("not known whether it was done"),
    "cancelled": _l("taken back"),
}
_CLOSINGS = {
    "none": (_l("This platform lets nobody close reports from outside: close it there"), "", "plug"),
    "lacking": (_l("Our account has no right to close reports there: close it there"), "med", "plug"),
    "open": (_l("Not closed on the platform"), "med", "warn"),
    "approved": (_l("Closed on the platform in a moment"), "", "clock-in"),
    "sending": (_l("Being closed on the platform"), "", "clock-in"),
    "done": (_l("Closed on the platform"), "good", "check"),
    "failed": (_l("Not closed on the platform"), "high", "warn"),
    "unknown": (_l("Not known whether it is closed on the platform"), "med", "warn"),
    "cancelled": (_l("Not closed on the platform"), "med", "warn"),
}


@web.app_context_processor
def _report_words() -> dict[str, Any]:
    return {"reports_waiting": reports_waiting}


def reports_waiting() -> int | None:
    """How many subjects wait for whoever asks; None for those who decide about none."""
    if not current_user.is_authenticated or not report_subjects.may_decide(me().asking, deps().now()):
        return None
    return reports.waiting_count(deps(), me())


@web.get("/reports")
@needs(Capability.ACCOUNT)
def all_reports() -> ResponseReturnValue:
    return _page()


@web.post("/reports/<int:report_id>/decide")
@needs(Capability.ACCOUNT)
def decide_report(report_id: int) -> ResponseReturnValue:
    """One decision for every open report of the same subject."""
    return _done(lambda: report_deciding.decide(deps(), report_id, _ruling(), me()))


@web.post("/reports/decisions/<int:decision_id>/undo")
@needs(Capability.ACCOUNT)
def undo_report(decision_id: int) -> ResponseReturnValue:
    return _done(
        lambda: report_deciding.take_back(deps(), decision_id, me()), _("Taken back. The reports are open again.")
    )


@web.post("/reports/decisions/<int:decision_id>/close")
@needs(Capability.ACCOUNT)
def close_report(decision_id: int) -> ResponseReturnValue:
    """Asks once more for what is not closed on the platform."""
    return _done(
        lambda: report_closing.close_again(deps(), decision_id, me()), _("It is being closed on the platform.")
    )


def _ruling() -> Ruling:
    """What the form says. A rule that was chosen is the reason where nothing else was written."""
    form = request.form
    asked = form.get("ruling", "")
    verdict = Verdict.DISMISSED if asked == Verdict.DISMISSED else Verdict.UPHELD
    act = Capability(asked) if asked in _ACTS else None
    rule_id = form.get("rule", type=int)
    reason = form.get("reason", "").strip()[:LONGEST_REASON]
    if not reason and rule_id is not None and verdict is Verdict.UPHELD:
        reason = next((r.titled(language.locale()) for r in rules.all_rules(deps()) if r.id == rule_id), "")
    return Ruling(verdict, reason, act, rule_id=rule_id, law=forms.law())


def _done(step: Callable[[], object], words: str = "") -> ResponseReturnValue:
    _refuse_others()
    try:
        step()
    except TenthError as error:
        return _page(told(error)), 422
    if words:
        flash(words)
    return redirect(url_for("web.all_reports"), 303)


def _page(problem: str = "") -> str:
    _refuse_others()
    found = reports.groups(deps(), me())
    return render_template(
        "reports.html",
        found=found,
        decided=reports_decided.lately(deps(), me()),
        rules={one.community_id: rules.rules_of(deps(), one.community_id) for one in found.groups},
        problem=problem,
        acts=_ACTS,
        longest=LONGEST_REASON,
        typed=request.form,
        tried=(request.view_args or {}).get("report_id"),
        **{word.__name__: word for word in _WORDS},
    )


def _refuse_others() -> None:
    if not report_subjects.may_decide(me().asking, deps().now()):
        abort(403, _("Your role does not include this."))


# ------------------------------------------------------------------ words


def weight_badge(group: Group) -> Badge:
    """How much the reports of a subject weigh, in words."""
    for least, word, tone, icon in _WEIGHTS:
        if group.weight >= least:
            return Badge(str(word), tone, icon)
    word, tone, icon = _LIGHT
    return Badge(str(word), tone, icon)


def reason_word(reason: str) -> str:
    """What a report complains of."""
    return str(_REASONS.get(reason, _REASONS["other"]))


def record_words(one: Complaint) -> str:
    """How often somebody's reports were right."""
    decided = one.right + one.wrong
    if not decided:
        return str(_("first report"))
    return str(_("%(right)s of %(decided)s reports right", right=one.right, decided=decided))


def closing_badge(one: Settled) -> Badge:
    """How a decision stands on the platform."""
    word, tone, icon = _CLOSINGS[one.closing]
    return Badge(str(word), tone, icon)


def act_words(one: Settled) -> str:
    """What was done to the subject, and how far it has come; "" where nothing was to be done."""
    if not one.act:
        return ""
    done, state = _DONE.get(one.act, one.act), _ACT_STATES.get(one.act_state, one.act_state)
    return str(_("%(act)s: %(state)s", act=done, state=state))


def told_words(one: Settled) -> str:
    """Whether those who reported are told."""
    if one.told:
        return str(_("Whoever reported it is told."))
    if one.tells:
        return str(_("The platform tells whoever reported it."))
    return str(_("Nobody who reported it is told: the platform does not do so, and carries no notice of ours."))


_WORDS = (weight_badge, reason_word, record_words, closing_badge, act_words, told_words)
