"""Asking another server who somebody is, and reading its answer. Nothing here decides what follows from it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from service.auth.external import discourse, mastodon, oidc
from service.auth.external.address import host_of, key_of, server_origin
from service.auth.external.mastodon import App, Server
from service.auth.external.oidc import Company
from service.auth.external.proof import Proof, Provider, Trouble, Why
from service.db.identity_tables import ForumSecret
from service.db.models import Connection
from service.deps import Deps
from service.usecases import flows
from service.usecases.flows import Question
from service.usecases.remote_apps import app_for

SIGN_IN, LINK = "sign_in", "link"


@dataclass(frozen=True, slots=True)
class Going:
    """Where to send somebody. `by_hand` is an address that shows an answer to be copied instead of sending it back."""

    url: str
    host: str
    provider: Provider
    key: str
    by_hand: str = ""

    @property
    def by_itself(self) -> bool:
        """Whether the page goes on by itself: not to a server that a person named, nor where there is a choice."""
        return self.provider is not Provider.MASTODON and not self.by_hand


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks: the secret of their browser's session, our own address, and where they are heading."""

    browser: str
    base: str
    purpose: str
    person_id: int | None = None
    target: str = ""


def ask_company(deps: Deps, asked: Asked) -> Going:
    """Begins a sign-in at the company's OpenID provider. Raises Trouble."""
    allow, company = deps.settings.private_hosts, company_of(deps)
    found = oidc.discover(allow, company)
    verifier, nonce, state = _verifier(), secrets.token_urlsafe(24), flows.new_state()
    back = back_address(asked.base, Provider.OIDC, company.issuer)
    url = oidc.authorization_url(allow, company, found, back, state, nonce, verifier)
    says = "1" if found.get("authorization_response_iss_parameter_supported") is True else ""
    kept = {"verifier": verifier, "nonce": nonce, "back": back, "says_issuer": says}
    _put(deps, asked, state, Provider.OIDC, company.issuer, kept)
    return Going(url, host_of(company.issuer), Provider.OIDC, key_of(company.issuer))


def ask_mastodon(deps: Deps, asked: Asked, typed: str) -> Going:
    """Begins a sign-in on a server of the Mastodon API that somebody named. Raises Trouble."""
    allow = deps.settings.private_hosts
    server = mastodon.read_server(allow, server_origin(typed, allow))
    back = back_address(asked.base, Provider.MASTODON, server.origin)
    app = app_for(deps, server, back, server.who_scope, asked.base)
    verifier, state = _verifier(), flows.new_state()
    url = mastodon.authorization_url(allow, server, app, state, verifier)
    _put(deps, asked, state, Provider.MASTODON, server.origin, {"verifier": verifier, **kept_client(server, app)})
    return Going(url, host_of(server.origin), Provider.MASTODON, key_of(server.origin))


def ask_forum(deps: Deps, asked: Asked, typed: str) -> Going:
    """Begins a sign-in on a forum that Tenth knows: by DiscourseConnect if it shares a secret, else by a key."""
    origin = server_origin(typed, deps.settings.private_hosts)
    if origin not in forums(deps):
        raise Trouble(Why.NOT_OUR_FORUM, host_of(origin))
    secret, nonce, state = _forum_secret(deps, origin), secrets.token_hex(16), flows.new_state()
    back, key = back_address(asked.base, Provider.DISCOURSE, origin), key_of(origin)
    if secret:
        _put(deps, asked, state, Provider.DISCOURSE, origin, {"nonce": nonce})
        url = discourse.connect_url(origin, secret, nonce, f"{back}?state={state}")
        return Going(url, host_of(origin), Provider.DISCOURSE, key)
    private, client_id = discourse.new_key(), client_name(asked.base, "who")
    _put(deps, asked, state, Provider.DISCOURSE, origin, {"nonce": nonce, "private": private, "client_id": client_id})
    urls = (discourse.key_url(origin, client_id, discourse.WHO_SCOPES, private, nonce, to) for to in (back, ""))
    return Going(next(urls), host_of(origin), Provider.DISCOURSE, key, next(urls))


def answered(deps: Deps, browser: str, provider: str, key: str, args: Mapping[str, str]) -> tuple[Question, Proof]:
    """What an answer proves, and the question it belongs to. Raises Trouble."""
    question = flows.take(deps, browser, provider, key, args, (SIGN_IN, LINK))
    if question.provider is Provider.OIDC:
        return question, _by_company(deps, question, args)
    if question.provider is Provider.MASTODON:
        return question, _by_mastodon(deps, question, args)
    return question, _by_forum(deps, question, args)


def code_of(question: Question, args: Mapping[str, str], issuer: str, *, must_say: bool) -> str:
    """The code in an answer, once it says no other issuer than the one that was asked (RFC 9207). Raises Trouble."""
    host = host_of(question.issuer)
    said = args.get("iss", "")
    if (said and said != issuer) or (must_say and not said):
        raise Trouble(Why.MIXED_UP, host, "iss")
    if args.get("error") or not args.get("code"):
        raise Trouble(Why.DENIED if args.get("error") == "access_denied" else Why.REFUSED, host, "no code")
    return args["code"]


def kept_client(server: Server, app: App) -> dict[str, str]:
    """Server and app as a question keeps them: the answer is read with what was asked with."""
    doors = {k: v for k, v in asdict(server).items() if isinstance(v, str)}
    flags = {"pkce": "1" if server.pkce else "", "says_issuer": "1" if server.says_issuer else ""}
    return doors | flags | {f"app_{k}": v for k, v in asdict(app).items()}


def client_of(kept: Mapping[str, str]) -> tuple[Server, App]:
    """The opposite of `kept_client`."""
    server = Server(
        kept["origin"],
        kept["authorize"],
        kept["token"],
        kept["revoke"],
        bool(kept["pkce"]),
        kept["issuer"],
        bool(kept["says_issuer"]),
    )
    return server, App(*(kept[f"app_{name}"] for name in ("client_id", "client_secret", "redirect_uri", "scope")))


def company_of(deps: Deps) -> Company:
    """The OpenID provider of the settings. Raises Trouble when there is none."""
    s = deps.settings
    if not s.oidc_issuer:
        raise Trouble(Why.OFF)
    return Company(s.oidc_issuer, s.oidc_client_id, s.oidc_client_secret)


def forums(deps: Deps) -> list[str]:
    """Origins of the forums that we ask: those that are connected, and those that share a secret with us."""
    with deps.store.read() as session:
        connected = session.scalars(select(Connection.url).where(Connection.connector == "discourse")).all()
        known = set(session.scalars(select(ForumSecret.issuer)))
    for url in connected:
        with suppress(Trouble):
            known.add(server_origin(url, deps.settings.private_hosts))
    return sorted(known)


def back_address(base: str, provider: Provider, issuer: str, place: str = "external") -> str:
    """Where answers of one server come back to: each server has an address of its own."""
    return f"{base}/{place}/{provider}/{key_of(issuer)}/back"


def client_name(base: str, use: str) -> str:
    """What a forum knows this desk as. A forum keeps one key for each name and member."""
    return f"tenth-{use}-{sha256(base.encode()).hexdigest()[:16]}"


def _by_company(deps: Deps, question: Question, args: Mapping[str, str]) -> Proof:
    company, kept = company_of(deps), question.kept
    if company.issuer != question.issuer:
        raise Trouble(Why.MIXED_UP, host_of(question.issuer), "the settings changed")
    code = code_of(question, args, company.issuer, must_say=bool(kept["says_issuer"]))
    secrets_ = kept["back"], code, kept["verifier"], kept["nonce"]
    return oidc.redeem(deps.settings.private_hosts, company, *secrets_, deps.now())


def _by_mastodon(deps: Deps, question: Question, args: Mapping[str, str]) -> Proof:
    allow, (server, app) = deps.settings.private_hosts, client_of(question.kept)
    code = code_of(question, args, server.issuer, must_say=server.says_issuer)
    token = mastodon.redeem(allow, server, app, code, question.kept["verifier"])
    try:
        return mastodon.who(allow, server, token)
    finally:
        with suppress(Trouble):  # a server that takes no token back changes nothing for the person
            mastodon.revoke(allow, server, app, token)


def _by_forum(deps: Deps, question: Question, args: Mapping[str, str]) -> Proof:
    origin, kept = question.issuer, question.kept
    if "private" not in kept:
        return discourse.connect_answer(origin, _forum_secret(deps, origin), args, kept["nonce"])
    if not args.get("payload"):
        raise Trouble(Why.DENIED, host_of(origin))
    allow = deps.settings.private_hosts
    key = discourse.key_answer(origin, kept["client_id"], kept["private"], args["payload"], kept["nonce"])
    try:
        return discourse.who(allow, origin, key)
    finally:
        with suppress(Trouble):
            discourse.revoke(allow, origin, key)


def _put(deps: Deps, asked: Asked, state: str, provider: Provider, issuer: str, kept: Mapping[str, Any]) -> None:
    question = Question(asked.purpose, provider, issuer, asked.person_id, {"target": asked.target}, kept)
    flows.put(deps, asked.browser, state, question)


def _forum_secret(deps: Deps, origin: str) -> str:
    with deps.store.read() as session:
        row = session.get(ForumSecret, origin)
    return deps.vault.open(row.sealed) if row is not None else ""


def _verifier() -> str:
    return secrets.token_urlsafe(48)
