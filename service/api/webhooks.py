"""POST /webhooks/<connection>: size, connection, signature on the raw bytes, commit, and only then 202."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from moderation.errors import BadInput
from plugins.contract import Refused
from service.api.metrics import Metrics
from service.api.problems import Problem
from service.db.inbox_writer import NotStored
from service.usecases.connections import Opened
from service.usecases.receive import NoSuchConnection, Receiver, Unexpected


def make_blueprint(receiver: Receiver, metrics: Metrics) -> Blueprint:
    """The one route that platforms push to."""
    blueprint = Blueprint("webhooks", __name__)

    @blueprint.post("/webhooks/<path:connection>")
    def receive(connection: str) -> Response:
        return _receive(receiver, metrics, connection)

    return blueprint


def _receive(receiver: Receiver, metrics: Metrics, name: str) -> Response:
    body = _raw_body(metrics)
    connection = _find(receiver, metrics, name)
    headers = {k.lower(): v for k, v in request.headers.items()}
    try:
        received = receiver.receive(connection, headers, body)
    except Refused as error:
        metrics.webhook(connection.name, "refused")
        raise Problem(401, str(error), {"WWW-Authenticate": "Signature"}) from None
    except BadInput as error:
        metrics.webhook(connection.name, "unusable")
        raise Problem(400, str(error)) from None
    except (NotStored, Unexpected) as error:
        metrics.webhook(connection.name, "busy" if isinstance(error, NotStored) else "failed")
        raise Problem(500, str(error)) if isinstance(error, Unexpected) else error from None
    metrics.webhook(received.connection, "accepted" if received.admitted else "not_admitted")
    return Response(b'{"status":"accepted"}\n', 202, content_type="application/json")


def _raw_body(metrics: Metrics) -> bytes:
    """The bytes as they came: no form is parsed, and nothing past the limit is read, announced or not."""
    limit = request.max_content_length or 0
    try:
        body = request.get_data(cache=False, parse_form_data=False)
        if request.content_length is None and len(body) >= limit:  # Werkzeug stops there without a word
            raise RequestEntityTooLarge
        return body
    except RequestEntityTooLarge:
        metrics.webhook("", "too_large")
        raise Problem(413, f"The body is larger than {limit} bytes.") from None
    except ClientDisconnected:
        metrics.webhook("", "cut_off")
        raise Problem(400, "The body ended before its announced length.") from None


def _find(receiver: Receiver, metrics: Metrics, name: str) -> Opened:
    try:
        return receiver.find(name)
    except NoSuchConnection as error:
        metrics.webhook("", "unknown")
        raise Problem(404, str(error)) from None
