"""Private words to one member, about a decision that concerns them: a message, or the forum's official warning.

Discourse opens a public topic for whoever leaves out that it is to be private, so what was made is read again.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from moderation.model import Capability
from plugins.contract import Act, Ambiguous, ConnectorError, Permanent, Receipt
from plugins.discourse.client import Client, number
from plugins.discourse.compose import words_of
from plugins.discourse.reader import READ_TOPICS
from plugins.discourse.sanctions import READ_USER
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import Json

SEND = "send messages (scope topics: write, and a moderator's account)"
READ_SENT = "read the account's own messages"
TAKE_DOWN = "delete posts (scope posts: delete)"
PRIVATE = "private_message"
#: Discourse takes no longer title.
LONGEST_TITLE = 255


def send(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    """Writes to one account, found by number. Only staff may; what turns out to be public is taken down again."""
    if not act.text.strip():
        raise Permanent("The message has no text; nothing was sent.")
    body = {
        "title": _title(act),
        "raw": act.text,
        "archetype": PRIVATE,
        "target_recipients": _recipient(client, settings, act),
    }
    if act.kind == Capability.WARN:
        body["is_warning"] = "true"  # by this word alone: Discourse takes a JSON true for no
    made = client.write("POST", "/posts.json", SEND, body)
    topic_id, post_id = made.get("topic_id"), made.get("id")
    if not isinstance(topic_id, int) or not isinstance(post_id, int):
        raise Ambiguous("The forum took the message and did not say which one it became.")
    return _proven(client, settings, act, _topic(client, topic_id), post_id)


def find(client: Client, settings: DiscourseSettings, act: Act, since: datetime) -> Receipt | None:
    """Our own message with these words to this account, later than `since`; titles are changed by the forum."""
    path = f"/topics/private-messages-sent/{quote(settings.api_username, safe='')}.json"
    listed = client.get(path, READ_SENT).get("topic_list")
    rows = listed.get("topics") if isinstance(listed, dict) else None
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or not _is_later(row.get("created_at"), since):
            continue
        topic = client.get(f"/t/{number(str(row.get('id')))}.json", READ_TOPICS, {"include_raw": "true"})
        if _is_it(topic, settings, act):
            return _receipt(client, settings, topic)
    return None


# ------------------------------------------------------------------ what was made


def _topic(client: Client, topic_id: int) -> Json:
    """What the message became. It is there already, so whatever goes wrong here leaves a doubt."""
    try:
        return client.get(f"/t/{topic_id}.json", READ_TOPICS, {"include_raw": "true"})
    except ConnectorError as error:
        words = f"The forum took the message and does not show it: {error}"
        raise Ambiguous(words, detail=error.detail, status=error.status) from error


def _proven(client: Client, settings: DiscourseSettings, act: Act, topic: Json, post_id: int) -> Receipt:
    if topic.get("archetype") != PRIVATE:
        _take_down(client, post_id)
        raise Permanent("The forum made the message public, so it was taken down again at once.")
    if act.kind == Capability.WARN and topic.get("is_warning") is not True:
        raise Permanent("The forum sent the words as a message and not as an official warning.")
    return _receipt(client, settings, topic)


def _take_down(client: Client, post_id: int) -> None:
    try:
        client.write("DELETE", f"/posts/{post_id}.json", TAKE_DOWN)
    except ConnectorError as error:
        words = f"The forum made the message public and does not take it down ({error}). Delete it there now."
        raise Permanent(words, detail=error.detail, status=error.status) from error


def _is_it(topic: Json, settings: DiscourseSettings, act: Act) -> bool:
    posts = (topic.get("post_stream") or {}).get("posts") or [{}]
    first = posts[0]
    people = (topic.get("details") or {}).get("allowed_users") or ()
    return (
        topic.get("archetype") == PRIVATE
        and (act.kind != Capability.WARN or topic.get("is_warning") is True)
        and str(first.get("username", "")).casefold() == settings.api_username.casefold()
        and words_of(str(first.get("raw") or "")) == words_of(act.text)
        and act.target in {str(person.get("id")) for person in people}
    )


def _is_later(stamp: object, since: datetime) -> bool:
    try:
        return datetime.fromisoformat(str(stamp)) >= since
    except (ValueError, TypeError):
        return False


# ------------------------------------------------------------------ small parts


def username_of(client: Client, account_id: str) -> str:
    """What an account is called by now: a name can pass to somebody else, a number cannot."""
    user = client.get(f"/admin/users/{number(account_id)}.json", READ_USER)
    name = user.get("username")
    if str(user.get("id")) != account_id or not isinstance(name, str) or not name or "," in name:
        raise Permanent("The forum does not say what this account is called; nothing was sent.")
    return name


def _recipient(client: Client, settings: DiscourseSettings, act: Act) -> str:
    name = username_of(client, act.target)
    if name.casefold() == settings.api_username.casefold():
        raise Permanent("This is the account that Tenth acts as; nothing was sent.")
    return name


def _title(act: Act) -> str:
    """The option `title`, or the first line of the words."""
    title = " ".join(str(act.options.get("title") or act.text.strip().splitlines()[0]).split())
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def _receipt(client: Client, settings: DiscourseSettings, topic: Json) -> Receipt:
    return Receipt(str(topic.get("id")), f"{settings.url}/t/-/{topic.get('id')}", client.now())
