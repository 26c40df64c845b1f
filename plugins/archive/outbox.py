"""A Mastodon account's outbox.json: each public Note becomes the same line that JSONL would hold. Pure."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlsplit

from moderation.errors import BadInput
from moderation.model import AuthorRole

#: The three spellings of "everybody" in ActivityPub (§ 5.6).
PUBLIC = frozenset({"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"})
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_PARAGRAPH = re.compile(r"</p>\s*<p[^<>]*>", re.IGNORECASE)
#: No "<" inside, so that the search stays linear on any input (an HTML parser's is not, on a deep nesting).
_TAG = re.compile(r"</?[a-z!][^<>]*>", re.IGNORECASE)

Json = dict[str, Any]


def items(document: Any) -> list[Any]:
    """The activities of the collection."""
    found = document.get("orderedItems") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise BadInput("outbox has no list “orderedItems”")
    return found


def note(activity: Any) -> Json | None:
    """The Note that an activity made; None for a boost, which holds nobody's words."""
    kind = activity.get("type") if isinstance(activity, dict) else None
    if kind == "Announce":
        return None
    made = activity.get("object") if kind == "Create" else None
    if not isinstance(made, dict) or made.get("type") != "Note":
        raise BadInput("item is not a Create activity with a Note in it")
    return made


def note_id(made: Json) -> str:
    """The id that the server gave."""
    return _text(made, "id")


def is_public(made: Json) -> bool:
    """Whether everybody was addressed, in `to` or (unlisted) in `cc`."""
    return any(PUBLIC.intersection(_strings(made.get(field))) for field in ("to", "cc"))


def line(made: Json, threads: dict[str, str]) -> Json:
    """The archive's line for a Note. `threads` collects the thread of each id, so that an answer finds its own.

    Only the owner can export an account, so its posts are the brand's.
    """
    name, answered = note_id(made), made.get("inReplyTo")
    author = _text(made, "attributedTo")
    threads[name] = _thread(made, threads)
    return {
        "thread": threads[name],
        "id": name,
        "author": handle(author),
        "created_at": made.get("published"),
        "text": plain(_text(made, "content")),
        "community": handle(author),
        "lang": language(made),
        "in_reply_to": answered,
        "role": AuthorRole.BRAND.value,
        "url": made["url"] if isinstance(made.get("url"), str) else None,
        "edited_at": made.get("updated"),
        "content_warning": made.get("summary"),
    }


def handle(actor: str) -> str:
    """`name@server` out of the address of an account; the address itself where it has another form."""
    try:
        parts = urlsplit(actor)
    except ValueError as error:
        raise BadInput("“attributedTo” is not an address") from error
    name = parts.path.rstrip("/").rpartition("/")[2].removeprefix("@")
    return f"{name}@{parts.netloc}" if name and parts.netloc else actor


def plain(content: str) -> str:
    """Text out of HTML, with its line breaks. It is text from here on: escaped wherever it is shown."""
    broken = _BREAK.sub("\n", _PARAGRAPH.sub("\n\n", content))
    return html.unescape(_TAG.sub("", broken)).strip()


def language(made: Json) -> str:
    """The language that `contentMap` names, when it names one."""
    languages = made.get("contentMap")
    return next(iter(languages)) if isinstance(languages, dict) and len(languages) == 1 else ""


def _thread(made: Json, threads: dict[str, str]) -> str:
    """The server's conversation, else the thread of what is answered, else the note itself."""
    conversation, answered = made.get("conversation") or made.get("context"), made.get("inReplyTo")
    if isinstance(conversation, str):
        return conversation
    if isinstance(answered, str):
        return threads.get(answered, answered)
    return note_id(made)


def _text(made: Json, name: str) -> str:
    value = made.get(name)
    if not isinstance(value, str):
        raise BadInput(f"note lacks “{name}”")
    return value


def _strings(value: Any) -> list[str]:
    """ActivityStreams writes one value bare and several as a list."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str)]
