"""OpenID Connect with the company's own provider: discovery, code flow with PKCE, ID token checked by Authlib.

The issuer must be exactly the configured one, in the discovery document, in the `iss` parameter of the answer where
there is one (RFC 9207), and in the token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from plugins.net import check_url
from service.auth.external.address import host_of
from service.auth.external.http import client, json_object, text_of
from service.auth.external.proof import Proof, Provider, Trouble, Why

SCOPE = "openid email profile"
#: Signatures by the provider's private key only: with HS256 whoever knows our secret could sign.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
_LEEWAY_SECONDS = 60
#: One @ only: which domain an address with two belongs to is read differently by different programs.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Company:
    """What the company's provider knows Tenth as."""

    issuer: str
    client_id: str
    client_secret: str


def discover(allow: frozenset[str], company: Company) -> dict[str, Any]:
    """The provider's description of itself. Raises Trouble when it names another issuer."""
    with client(allow, host_of(company.issuer)) as session:
        url = company.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = json_object(session.get(url, withhold_token=True, allow_redirects=False))
        if found.get("issuer") != company.issuer:
            raise Trouble(Why.MIXED_UP, host_of(company.issuer), "issuer of the document")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            check_url(found[name], allow)
    return found


def authorization_url(
    allow: frozenset[str],
    company: Company,
    found: dict[str, Any],
    redirect_uri: str,
    state: str,
    nonce: str,
    verifier: str,
) -> str:
    """Where the person goes to sign in; `found` is what `discover` gave."""
    with _client(allow, company, found, redirect_uri) as session:
        url, _state = session.create_authorization_url(
            found["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
    return str(url)


def redeem(
    allow: frozenset[str], company: Company, redirect_uri: str, code: str, verifier: str, nonce: str, now: datetime
) -> Proof:
    """Who the code stands for. Raises Trouble."""
    found = discover(allow, company)
    with _client(allow, company, found, redirect_uri) as session:
        token = session.fetch_token(
            found["token_endpoint"],
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            allow_redirects=False,
        )
        keys = json_object(session.get(found["jwks_uri"], withhold_token=True, allow_redirects=False))
        claims = dict(_claims(company, found, token, keys, nonce, now))
        if "email" not in claims and found.get("userinfo_endpoint"):
            claims |= _more(session, check_url(found["userinfo_endpoint"], allow), claims["sub"])
    return _proof(company, claims)


def _claims(
    company: Company, found: dict[str, Any], token: dict[str, Any], keys: Any, nonce: str, now: datetime
) -> CodeIDToken:
    """The ID token's claims, once signature, issuer, audience, authorized party, times and nonce are right."""
    offered = found.get("id_token_signing_alg_values_supported")
    algorithms = ALGORITHMS & set(offered) if isinstance(offered, list) else {"RS256"}
    if not algorithms:  # none would mean any to the library
        raise Trouble(Why.UNPROVEN, host_of(company.issuer), "no signature that we believe")
    registry = JWSRegistry(algorithms=sorted(algorithms), strict_check_header=False)
    decoded = jwt.decode(token["id_token"], KeySet.import_key_set(keys), registry=registry)
    wanted: Any = {
        "iss": {"essential": True, "value": company.issuer},
        "aud": {"essential": True, "value": company.client_id},
        "sub": {"essential": True},
    }
    held = {"nonce": nonce, "client_id": company.client_id, "access_token": token.get("access_token")}
    claims = CodeIDToken(decoded.claims, decoded.header, wanted, held)
    claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_SECONDS)
    return claims


def _more(session: Any, url: str, subject: str) -> dict[str, Any]:
    """What the provider says of this very person; some put the e-mail address here only."""
    said = json_object(session.get(url, allow_redirects=False))
    if said.get("sub") != subject:
        raise Trouble(Why.UNPROVEN, host_of(url), "userinfo of somebody else")
    return {name: said[name] for name in ("email", "email_verified", "name", "preferred_username") if name in said}


def _proof(company: Company, claims: dict[str, Any]) -> Proof:
    subject = text_of(claims, "sub", 255)
    if not subject:
        raise Trouble(Why.UNPROVEN, host_of(company.issuer), "sub")
    email = text_of(claims, "email", 254).lower() if claims.get("email_verified") is True else ""
    email = email if _EMAIL.fullmatch(email) else ""
    handle = text_of(claims, "preferred_username", 200) or email or subject
    return Proof(Provider.OIDC, company.issuer, subject, handle, text_of(claims, "name", 200), email)


def _client(allow: frozenset[str], company: Company, found: dict[str, Any], redirect_uri: str) -> Any:
    return client(
        allow,
        host_of(company.issuer),
        client_id=company.client_id,
        client_secret=company.client_secret or None,
        token_endpoint_auth_method=_method(company, found),
        redirect_uri=redirect_uri,
        scope=SCOPE,
        code_challenge_method="S256",
    )


def _method(company: Company, found: dict[str, Any]) -> str:
    """How we prove to be the client: `client_secret_basic` unless the provider lists only the other one."""
    if not company.client_secret:
        return "none"
    offered = found.get("token_endpoint_auth_methods_supported")
    only_post = isinstance(offered, list) and "client_secret_basic" not in offered
    return "client_secret_post" if only_post else "client_secret_basic"
