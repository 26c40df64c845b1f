"""DiscourseConnect, the forum as provider: it tells another site who its member is, in signed words."""

from __future__ import annotations

import base64
import hashlib
import hmac
from binascii import Error as Base64Error
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, jsonify, redirect
from flask.typing import ResponseReturnValue

from service.sandbox.consent import page
from service.sandbox.forum import User
from service.sandbox.refusal import Refusal
from service.sandbox.requests import params, text, world

api = Blueprint("discourse_connect", __name__)


@api.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    return jsonify(errors=[refusal.message], error_type=refusal.kind), refusal.status


@api.get("/session/sso_provider")
def ask_who() -> ResponseReturnValue:
    asked = params()
    _connect_payload(text(asked, "sso"), text(asked, "sig"))
    members = [user.username for user in world().forum.users.values()]
    kept = [("sso", text(asked, "sso")), ("sig", text(asked, "sig"))]
    return page("Sandbox forum", "Another site asks who you are.", "/session/sso_provider", kept, members)


@api.post("/session/sso_provider")
def say_who() -> ResponseReturnValue:
    asked = params()
    payload = _connect_payload(text(asked, "sso"), text(asked, "sig"))
    answer = urlencode(_identity(world().forum.user(text(asked, "username"))) | {"nonce": payload["nonce"]})
    encoded = base64.b64encode(answer.encode()).decode()
    query = urlencode({"sso": encoded, "sig": connect_signature(world().options.connect_secret, encoded)})
    target = payload["return_sso_url"]
    return redirect(f"{target}{'&' if '?' in target else '?'}{query}")


def connect_signature(secret: str, encoded: str) -> str:
    """Over the base64 text itself, in hexadecimal."""
    return hmac.new(secret.encode(), encoded.encode(), hashlib.sha256).hexdigest()


def _connect_payload(encoded: str, signature: str) -> dict[str, str]:
    expected = connect_signature(world().options.connect_secret, encoded)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise Refusal(422, "Bad signature for payload", "invalid_parameters")
    try:
        payload = dict(parse_qsl(base64.b64decode(encoded).decode()))
    except (Base64Error, UnicodeDecodeError) as error:
        raise Refusal(422, "Bad payload", "invalid_parameters") from error
    if not payload.get("nonce") or not payload.get("return_sso_url"):
        raise Refusal(400, "return_sso_url is blank, it must be provided", "invalid_parameters")
    return payload


def _identity(user: User) -> dict[str, str]:
    groups = [g.name for g in world().forum.groups.values() if user.username in g.members]
    return {
        "external_id": str(user.id),
        "username": user.username,
        "name": user.name,
        "email": f"{user.username}@mail.example",
        "admin": str(user.admin).lower(),
        "moderator": str(user.moderator).lower(),
        "groups": ",".join(groups),
    }
