"""Keys that a member of the forum gives to a program."""

from __future__ import annotations

import base64
import json
import secrets
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Blueprint, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from service.sandbox.consent import page
from service.sandbox.refusal import Refusal, forbidden
from service.sandbox.requests import params, text, world
from service.sandbox.world import UserKey

api = Blueprint("discourse_keys", __name__)
SCOPES = {"read", "write", "message_bus", "push", "notifications", "session_info", "one_time_password"}


@api.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    return jsonify(errors=[refusal.message], error_type=refusal.kind), refusal.status


@api.get("/user-api-key/new")
def ask_for_key() -> ResponseReturnValue:
    asked = {k: text(params(), k) for k in params()}
    _check_key_request(asked)
    question = f"{asked['application_name']} asks for access: {asked['scopes']}"
    members = [user.username for user in world().forum.users.values()]
    return page("Sandbox forum", question, "/user-api-key", asked.items(), members)


@api.post("/user-api-key")
@api.post("/user-api-key.json")
def give_key() -> ResponseReturnValue:
    asked = {k: text(params(), k) for k in params()}
    _check_key_request(asked)
    user = world().forum.user(asked.get("username", ""))
    made = UserKey(secrets.token_hex(16), user.username, tuple(_scopes(asked)), asked["client_id"])
    world().access.user_keys[made.key] = made
    body = json.dumps({"key": made.key, "nonce": asked["nonce"], "push": False, "api": 4}).encode()
    payload = _encrypted(body, asked["public_key"], oaep=asked.get("padding") == "oaep")
    target = asked.get("auth_redirect")
    if not target:
        return jsonify(payload=payload)
    return redirect(f"{target}{'&' if '?' in target else '?'}{urlencode({'payload': payload})}")


def _scopes(asked: dict[str, str]) -> list[str]:
    return [scope.strip() for scope in asked["scopes"].split(",")]


def _check_key_request(asked: dict[str, str]) -> None:
    if not world().options.user_api_keys:
        raise forbidden()
    for name in ("application_name", "client_id", "scopes", "public_key", "nonce"):
        if not asked.get(name):
            raise Refusal(400, f"param is missing or the value is empty: {name}", "invalid_parameters")
    if not set(_scopes(asked)) <= SCOPES:
        raise forbidden()


def _encrypted(body: bytes, pem: str, *, oaep: bool) -> str:
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError as error:
        raise Refusal(400, "public_key is no key in PEM form", "invalid_parameters") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise Refusal(400, "public_key is no RSA key", "invalid_parameters")
    way = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None) if oaep else padding.PKCS1v15()
    return base64.encodebytes(key.encrypt(body, way)).decode()


@api.post("/user-api-key/revoke")
@api.post("/user-api-key/revoke.json")
def revoke_key() -> ResponseReturnValue:
    key = request.headers.get("User-Api-Key", "")
    if world().access.user_keys.pop(key, None) is None:
        raise forbidden()
    return jsonify(success="OK")
