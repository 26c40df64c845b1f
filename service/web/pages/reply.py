"""The composer: one form in which every button keeps what was typed before it does anything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from moderation.errors import BadInput, NotAllowed, TenthError
from moderation.guards.contract import Finding, Guard
from moderation.model import Capability
from service.usecases import cases, composing, drafts, pictures, replies, saved
from service.usecases.answers import thread_of
from service.usecases.composing import Composer
from service.usecases.conversation import thread_page
from service.usecases.replies import Changed, Guarded, Words
from service.web import forms, language
from service.web.access import me
from service.web.blueprint import deps, needs, web
from service.web.sentences import told

#: A form with a picture in it may be larger than others; what is typed beside it fits into the rest.
_LARGEST_FORM = pictures.LARGEST + 500_000
_WITH_PICTURE = frozenset({"web.save_reply", "web.send_reply", "web.use_saved", "web.read_newer"})


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form where it is not what is kept: it could not be kept, and must not be lost."""

    words: Words
    alt: str = ""


@web.url_value_preprocessor
def _make_room(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    if endpoint in _WITH_PICTURE:
        request.max_content_length = _LARGEST_FORM


@web.post("/cases/<int:case_id>/reply")
@needs(Capability.DRAFT)
def start_reply(case_id: int) -> ResponseReturnValue:
    """The person's own answer to this case, begun at need."""
    kept = composing.own_answer(deps(), case_id, me())
    try:
        return _to_composer(kept or replies.start(deps(), case_id, me()))
    except NotAllowed as refused:
        flash(told(refused), "high")
        return redirect(url_for("web.queue", thread=cases.thread_of(deps(), case_id)), 303)


@web.get("/replies/<int:reply_id>")
@needs(Capability.DRAFT)
def reply(reply_id: int) -> ResponseReturnValue:
    shown = _own(reply_id)
    return _page(shown) if isinstance(shown, Composer) else shown


@web.get("/replies/<int:reply_id>/live")
@needs(Capability.DRAFT)
def live_reply(reply_id: int) -> ResponseReturnValue:
    """What may have changed since the page was made: who answered, what the guards say."""
    shown = _own(reply_id)
    return _live(shown) if isinstance(shown, Composer) else abort(404)


@web.post("/replies/<int:reply_id>/save")
@needs(Capability.DRAFT)
def save_reply(reply_id: int) -> ResponseReturnValue:
    """Keeps the draft; `live` answers with the parts of the page that depend on it."""
    live = "live" in request.form
    return _keeping(reply_id, lambda _v: live_reply(reply_id) if live else _to_composer(reply_id, "text"), live)


@web.post("/replies/<int:reply_id>/send")
@needs(Capability.DRAFT)
def send_reply(reply_id: int) -> ResponseReturnValue:
    """Sends it, or asks for a second person's yes, as rules and the writer's level say."""

    def send(version: int) -> ResponseReturnValue:
        outcome = replies.send(deps(), reply_id, version, me())
        session.pop("undo", None)  # the last decision is this one
        if outcome.state == "waiting":
            flash(_("It waits for a second person. You are told here what they say."))
            return _to_composer(reply_id)
        return to_thread(reply_id)

    return _keeping(reply_id, send)


@web.post("/replies/<int:reply_id>/saved")
@needs(Capability.DRAFT)
def use_saved(reply_id: int) -> ResponseReturnValue:
    """Puts a saved reply under what was typed, with its known blanks filled."""

    def insert(version: int) -> ResponseReturnValue:
        chosen = request.form.get("saved", type=int)
        if chosen is None:
            raise BadInput(_("Choose a saved reply first."))
        words = _words()
        text = "\n\n".join(filter(None, (words.text.strip(), saved.filled(deps(), chosen, reply_id))))
        replies.save(deps(), reply_id, version, _words(text), me())
        return _to_composer(reply_id, "text")

    return _keeping(reply_id, insert)


@web.post("/replies/<int:reply_id>/read")
@needs(Capability.DRAFT)
def read_newer(reply_id: int) -> ResponseReturnValue:
    """The writer has read what came since they began."""

    def read(_version: int) -> ResponseReturnValue:
        replies.seen(deps(), reply_id, me(), request.form.get("upto", type=int))
        return _to_composer(reply_id, "text")

    return _keeping(reply_id, read)


@web.post("/replies/<int:reply_id>/pictures/<int:picture_id>/remove")
@needs(Capability.DRAFT)
def remove_picture(reply_id: int, picture_id: int) -> ResponseReturnValue:
    def remove(_version: int) -> ResponseReturnValue:
        pictures.remove_picture(deps(), reply_id, picture_id, me())
        return _to_composer(reply_id, "pictures")

    return _keeping(reply_id, remove)


@web.get("/replies/<int:reply_id>/pictures/<int:picture_id>")
@needs(Capability.DRAFT)
def picture(reply_id: int, picture_id: int) -> ResponseReturnValue:
    """A picture of a draft, as it will be sent. Its type is what its bytes said."""
    try:
        mime, body = pictures.picture(deps(), reply_id, picture_id, me())
    except TenthError:
        abort(404)
    return Response(body, mimetype=mime, headers={"Content-Disposition": "inline"})


@web.post("/replies/<int:reply_id>/withdraw")
@needs(Capability.DRAFT)
def withdraw_reply(reply_id: int) -> ResponseReturnValue:
    """Takes back what waits for a second person."""
    try:
        replies.withdraw(deps(), reply_id, forms.version(), me())
    except Changed:
        flash(_("Somebody was faster: it does not wait any more."), "med")
    return _to_composer(reply_id)


@web.post("/replies/<int:reply_id>/discard")
@needs(Capability.DRAFT)
def discard_reply(reply_id: int) -> ResponseReturnValue:
    try:
        replies.discard(deps(), reply_id, forms.version(), me())
    except Changed:
        return _stale(reply_id, Typed(_words()))
    flash(_("The draft is given up. Its words stay in the history."))
    return to_thread(reply_id)


@web.post("/replies/<int:reply_id>/undo")
@needs(Capability.DRAFT)
def undo_reply(reply_id: int) -> ResponseReturnValue:
    """Takes back what has not left: the words are in the composer again."""
    try:
        replies.undo(deps(), reply_id, me())
    except BadInput as error:
        flash(told(error), "med")
        return to_thread(reply_id)
    flash(_("Taken back: nothing was sent."))
    return _to_composer(reply_id)


def to_thread(reply_id: int) -> ResponseReturnValue:
    """To the conversation that an answer belongs to."""
    thread = thread_of(deps(), reply_id)
    return redirect(url_for("web.queue", thread=thread, _anchor="answers"), 303) if thread else abort(404)


# ------------------------------------------------------------------ keeping and showing


def _keeping(reply_id: int, then: Callable[[int], ResponseReturnValue], live: bool = False) -> ResponseReturnValue:
    """Keeps all that the form holds, then goes on. Whatever is refused, the page comes back with every word."""
    typed = Typed(_words(checked=False), request.form.get("alt", ""))
    try:
        version = replies.save(deps(), reply_id, forms.version(), _words(), me())
        pictures.describe(deps(), reply_id, _alts(), me())
        _take_picture(reply_id)
        return then(version)
    except Changed:
        return _stale(reply_id, typed, live=live)
    except Guarded as held:
        return _page(composing.composer(deps(), reply_id, me()), found=held.findings), 422
    except TenthError as error:
        shown = _own(reply_id)
        if not isinstance(shown, Composer):
            return shown
        return (_live(shown, told(error)) if live else _page(shown, typed, told(error))), 422


def _take_picture(reply_id: int) -> None:
    sent = request.files.get("picture")
    if sent is not None and sent.filename:
        body = sent.stream.read(pictures.LARGEST + 1)
        pictures.add_picture(deps(), reply_id, body, request.form.get("alt", ""), me())


def _own(reply_id: int) -> Composer | ResponseReturnValue:
    """One's own answer while it may still be worked on; else the way to where it is now."""
    shown = composing.composer(deps(), reply_id, me())
    if shown.writer_id != me().id or not (shown.writable or shown.state == "waiting"):
        return to_thread(reply_id)
    return shown


def _page(shown: Composer, typed: Typed | None = None, problem: str = "", found: Sequence[Finding] = ()) -> str:
    page = thread_page(deps(), shown.thread_id, language.locale())
    links = [f for f in found if f.guard is Guard.LINK]
    return render_template(
        "composer.html",
        c=shown,
        typed=typed,
        problem=problem,
        refused=bool(found),
        found=[*shown.findings, *links],
        saved=saved.saved_replies(deps(), shown.language),
        page=page,
        item=page.item,
        parents={m.remote_id: m for m in page.messages},
        answering=shown.to.id,
        largest=pictures.largest(shown.limits),
        drafted_by=drafts.program_of(deps(), shown.id),
    )


def _live(shown: Composer, problem: str = "", conflict: bool = False) -> str:
    return render_template(
        "reply_live.html", c=shown, found=shown.findings, problem=problem, conflicting=conflict, refused=False
    )


def _stale(reply_id: int, typed: Typed, live: bool = False) -> ResponseReturnValue:
    """Both texts are shown, and the newer version is the one that a further save goes against."""
    shown = composing.composer(deps(), reply_id, me())
    if live:
        return _live(shown, conflict=True), 409
    page = thread_page(deps(), shown.thread_id, language.locale())
    words = {"c": shown, "typed": typed, "page": page, "item": page.item, "mine": shown.writer_id == me().id}
    return render_template("composer_stale.html", **words), 409


def _to_composer(reply_id: int, anchor: str | None = None) -> ResponseReturnValue:
    return redirect(url_for("web.reply", reply_id=reply_id, _anchor=anchor), 303)


# ------------------------------------------------------------------ the form


def _words(text: str | None = None, *, checked: bool = True) -> Words:
    """What the form holds. Unchecked, a time that cannot be read is left out instead of refused."""
    form = request.form
    return Words(
        text=forms.words() if text is None else text,
        content_warning=form.get("content_warning", ""),
        visibility=form.get("visibility", "public"),
        language=form.get("language", "").strip(),
        send_at=_send_at(checked),
        reasons=forms.reasons(),
        account_id=form.get("account", type=int),
    )


def _send_at(checked: bool) -> datetime | None:
    """The time in UTC: as the browser worked it out, or as it was typed, which the field says is UTC."""
    given = request.form.get("send_at") or request.form.get("send_local", "")
    if not given.strip() or ("now" in request.form):
        return None
    try:
        at = datetime.fromisoformat(given.strip())
    except ValueError:
        if checked:
            raise BadInput(_("This is not a time. Write it like 2027-01-31 14:00.")) from None
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _alts() -> dict[int, str]:
    given = ((name.removeprefix("alt_"), value) for name, value in request.form.items() if name.startswith("alt_"))
    return {int(number): value for number, value in given if number.isdecimal() and len(number) < 15}
