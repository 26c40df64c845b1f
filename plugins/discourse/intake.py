"""What comes in: webhooks, believed only when signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

from moderation.errors import BadInput
from plugins.contract import Delivery, Refused
from plugins.discourse.parse import ANSWER_EVENTS, WEBHOOK_EVENTS
from plugins.discourse.reports import slim_report
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import (
    Json,
    dump,
    is_message,
    is_private,
    slim_post,
    slim_topic,
)

SIGNATURE = "x-discourse-event-signature"
EVENT_ID = "x-discourse-event-id"
EVENT = "x-discourse-event"
EVENT_TYPE = "x-discourse-event-type"
MAX_KEY = 200


def receive(headers: Mapping[str, str], body: bytes, settings: DiscourseSettings, now: datetime) -> Delivery:
    """Verifies on the raw bytes, names the delivery, and keeps no private message, whisper or unused event.

    `now` dates a recovery, because the forum does not.
    """
    verify(headers, body, settings)
    key, event, kind = _named(headers)
    payload = _payload(body)
    if kind == "ping":
        return Delivery(key, "ping", body)
    record = payload.get(kind)
    if event not in WEBHOOK_EVENTS:
        return Delivery(key, event, b"", admitted=False)
    if not isinstance(record, dict):
        raise BadInput(f"The webhook's body has no “{kind}” object.")
    if not _admitted(record, settings):
        return Delivery(key, event, b"", admitted=False)
    if kind == "reviewable":
        report = slim_report(record, payload)
        return Delivery(key, event, dump({"reviewable": report}) if report else b"", admitted=report is not None)
    if kind == "topic":
        return Delivery(key, event, dump({"topic": slim_topic(record)}))
    if event in ANSWER_EVENTS:
        return Delivery(key, event, dump({"post": slim_post(record | {"raw": None, "cooked": None})}))
    extra = {"recovered_at": now.isoformat()} if event == "post_recovered" else {}
    return Delivery(key, event, dump({"post": slim_post(record) | extra}))


def verify(headers: Mapping[str, str], body: bytes, settings: DiscourseSettings) -> None:
    """Refuses whatever is not signed with our secret.

    The address that a forum calls itself by decides nothing: it is not secret, and a forum that we reach inside a
    network has another one outside.
    """
    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    if not secret:
        raise Refused("This connection has no webhook secret, so no webhook can be believed.")
    given = headers.get(SIGNATURE, "")
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise Refused("The webhook is not signed with this connection's secret.")


def _named(headers: Mapping[str, str]) -> tuple[str, str, str]:
    """The event's id, its name, and the key of the body under which its record is."""
    key, event, kind = (headers.get(name, "").strip() for name in (EVENT_ID, EVENT, EVENT_TYPE))
    for value, name in ((key, EVENT_ID), (kind, EVENT_TYPE)):
        if not value or len(value) > MAX_KEY or not value.isprintable():
            raise BadInput(f"The webhook has no usable {name} header.")
    return key, event[:MAX_KEY] or kind, kind


def _payload(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("The webhook's body is not JSON.") from error
    if not isinstance(found, dict):
        raise BadInput("The webhook's body is not a JSON object.")
    return found


def _admitted(record: Json, settings: DiscourseSettings) -> bool:
    slug = record.get("category_slug")
    wanted = settings.takes(record.get("category_id"), slug if isinstance(slug, str) else "")
    return wanted and is_message(record) and not is_private(record)
