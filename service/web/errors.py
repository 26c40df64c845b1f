"""Error pages that say what to do. The API answers for itself: only our pages and unknown addresses are handled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException, InternalServerError

from moderation.errors import BadInput
from service.web.blueprint import web
from service.web.sentences import told

_MACHINES = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics")
#: Code -> (title, what to do).
PAGES: dict[int, tuple[Any, Any]] = {
    400: (_l("This request cannot be used"), _l("Go back, look at what was sent, and try again.")),
    401: (_l("You are signed out"), _l("Sign in again; then go back to the page where you were.")),
    403: (_l("This is not yours to open"), _l("Your role does not include it. Ask an owner or a manager.")),
    404: (_l("There is nothing here"), _l("The address may be mistyped, or the conversation may be gone.")),
    405: (_l("This address works differently"), _l("Use the buttons of the page instead of the address.")),
    413: (_l("That is too much at once"), _l("Send less text, or a smaller file.")),
    429: (_l("Too many tries"), _l("Wait a few minutes, then try again. If you forgot your password, ask an owner.")),
    500: (
        _l("Something broke on our side"),
        _l("Nothing you did was lost before this. Try again; if it stays, tell an owner."),
    ),
}
_CSRF = (_l("This form is too old"), _l("Go back, load the page again and repeat it. Nothing was changed."))


def install(app: Flask) -> None:
    """Handlers for addresses that belong to nobody; our blueprint has its own, below."""
    for code in (404, 405):
        app.register_error_handler(code, _unknown(app, code))


def page(code: int, title: Any = None, what: Any = None) -> ResponseReturnValue:
    """An error page with its status."""
    known = PAGES.get(code, PAGES[500])
    return render_template("error.html", code=code, title=title or known[0], what=what or known[1]), code


def _page(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if isinstance(error, InternalServerError):
        return page(500)
    own = error.description if code == 403 and error.description != type(error).description else None
    return page(code, what=own)


def _csrf(_error: CSRFError) -> ResponseReturnValue:
    return page(400, *_CSRF)


def _bad_input(error: BadInput) -> ResponseReturnValue:
    return page(400, what=told(error))


def _beyond(_error: Exception) -> ResponseReturnValue:
    """A number larger than any database keeps, or a sign that it refuses: nobody's address, and no fault of ours."""
    return page(400)


for _code in PAGES:
    web.register_error_handler(_code, _page)
web.register_error_handler(CSRFError, _csrf)
web.register_error_handler(BadInput, _bad_input)
for _kind in (OverflowError, DataError):
    web.register_error_handler(_kind, _beyond)


def _unknown(app: Flask, code: int) -> Callable[[HTTPException], ResponseReturnValue]:
    """A page for addresses outside the machines' ones; those get what they would have got without us."""
    before: dict[Any, Any] = dict(app.error_handler_spec[None].get(code, {}))

    def answer(error: HTTPException) -> ResponseReturnValue:
        if not request.path.startswith(_MACHINES):
            return page(code)
        generic: dict[Any, Any] = current_app.error_handler_spec[None].get(None, {})
        for blueprint in request.blueprints:
            generic = {**generic, **current_app.error_handler_spec[blueprint].get(None, {})}
        for kind in type(error).__mro__:
            handler: Any = before.get(kind) or generic.get(kind)
            if handler is not None:
                answered: ResponseReturnValue = handler(error)
                return answered
        return error.get_response()

    return answer
