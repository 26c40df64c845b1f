"""Which language a page speaks, and how numbers and times are said in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, g, has_request_context, request, session
from flask_babel import Babel, format_date, format_datetime, get_locale, ngettext
from flask_babel import gettext as _
from flask_login import current_user

from service.usecases.people import LOCALES

TRANSLATIONS = Path(__file__).parent / "translations"
_HOUR, _DAY = 60, 24 * 60
#: After this many days a date says more than a count of days.
_RECENT_DAYS = 7


def install(app: Flask) -> None:
    """Flask-Babel with our own choice of language; `?lang=` is kept for the session."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(TRANSLATIONS))
    Babel(app, locale_selector=choose)


def choose() -> str:
    """?lang=, then the session, then the person's own, then the browser's."""
    if not has_request_context():
        return LOCALES[0]
    asked = request.args.get("lang", "")
    if asked in LOCALES:
        if request.blueprint == "web" and session.get("lang") != asked:
            session["lang"] = asked
        return asked
    kept = session.get("lang") or (current_user.person.locale if current_user.is_authenticated else "")
    return kept if kept in LOCALES else request.accept_languages.best_match(LOCALES) or LOCALES[0]


def locale() -> str:
    """The language of this request: en or fr."""
    if "tenth_locale" not in g:
        found = get_locale()
        g.tenth_locale = found.language if found else LOCALES[0]
    kept: str = g.tenth_locale
    return kept


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    minutes = max(1, int(seconds // 60))
    if minutes < _HOUR:
        return str(_("%(count)s min", count=minutes))
    if minutes < 2 * _DAY:
        return str(_("%(count)s h", count=minutes // _HOUR))
    days = minutes // _DAY
    return str(ngettext("%(num)s day", "%(num)s days", days))


def ago(at: datetime | None, now: datetime) -> str:
    """ "3 h ago"; a date when that is long past; "never"."""
    if at is None:
        return str(_("never"))
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return str(_("just now"))
    if seconds > _RECENT_DAYS * 86_400:
        return str(format_date(at, "medium"))
    return str(_("%(duration)s ago", duration=duration(seconds)))


def until(at: datetime, now: datetime) -> str:
    """ "in 4 h"; "now" when it is due."""
    seconds = (at - now).total_seconds()
    return str(_("in %(duration)s", duration=duration(seconds)) if seconds > 0 else _("now"))


def exact(at: datetime) -> str:
    """The whole time, for a hover."""
    return str(format_datetime(at.astimezone(UTC), "d MMMM y, HH:mm") + " UTC")
