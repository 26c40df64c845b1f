"""Passkeys (WebAuthn level 3) through py_webauthn: discoverable, with the user verified, so that one is enough.

A challenge lives in the browser's signed session and proves something once: what was spent is kept here, so that a copy
of the session and of the answer opens nothing. Where the site is not surely ours, there are no passkeys.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from moderation.errors import BadInput
from service.db.audit import Entry, append
from service.db.deliveries import insert_new
from service.db.models import Person
from service.db.people_tables import Passkey, SpentChallenge
from service.deps import Deps
from service.usecases.factors import forget_alone
from service.usecases.people import Known, as_known, printable

#: How long a browser has to answer a challenge.
ANSWER = timedelta(minutes=5)
MANY = 20
_NAME = 80
_ID = re.compile(r"[A-Za-z0-9_-]{1,1400}")
_LOCALHOST = "localhost"


class PasskeyRefused(BadInput):
    """The answer does not prove what it should."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a passkey is bound to: `rp_id` is the host's name, `origin` scheme, host and port."""

    rp_id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was asked for: random text, when, and to what end."""

    text: str
    at: datetime


def site_of(public_url: str, scheme: str, host: str) -> Site | None:
    """The site of a request: the one in the settings, or localhost. Any other host has no passkeys: None."""
    name = urlsplit(f"//{host}").hostname
    if name == _LOCALHOST:
        return Site(_LOCALHOST, f"{scheme}://{host}")
    ours = urlsplit(public_url)
    if ours.scheme != "https" or not ours.hostname or host.removesuffix(":443") != ours.netloc.removesuffix(":443"):
        return None
    return Site(ours.hostname, f"https://{ours.netloc.removesuffix(':443')}")


def challenge(deps: Deps) -> Challenge:
    """A fresh one."""
    return Challenge(secrets.token_urlsafe(32), deps.now())


# ------------------------------------------------------------------ having one


def offer(deps: Deps, known: Known, site: Site, asked: Challenge) -> str:
    """What a browser needs to make a passkey, as JSON. Raises BadInput when there are too many."""
    with deps.store.read() as session:
        person = session.get_one(Person, known.id)
        there = session.scalars(select(Passkey).where(Passkey.person_id == known.id)).all()
    if len(there) >= MANY:
        raise BadInput(f"You have {MANY} passkeys. Remove one that you do not use.")
    options = generate_registration_options(
        rp_id=site.rp_id,
        rp_name="Tenth",
        user_id=_handle(person),
        user_name=known.username,
        user_display_name=known.shown,
        challenge=base64url_to_bytes(asked.text),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[_descriptor(key) for key in there if key.site == site.rp_id],
    )
    return options_to_json(options)


def add(deps: Deps, known: Known, site: Site, asked: Challenge, answer: dict[str, Any], name: str) -> None:
    """Keeps a new passkey. Raises PasskeyRefused."""
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(asked.text),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except Exception as error:  # whatever a hostile answer breaks in the reader, it is refused
        raise PasskeyRefused("This passkey was not accepted.") from error
    values = {
        "person_id": known.id,
        "credential": bytes_to_base64url(made.credential_id),
        "public_key": made.credential_public_key,
        "site": site.rp_id,
        "sign_count": made.sign_count,
        "transports": _transports(answer),
        "name": printable(name)[:_NAME] or "Passkey",
        "created_at": deps.now(),
    }
    with deps.store.write() as session:
        _spend(deps, session, asked)
        if not insert_new(session, Passkey, [values]):
            raise PasskeyRefused("This passkey is known already.")
        append(session, deps.vault, Entry("person:passkey_add", known.actor, f"person:{known.id}"), deps.now())


def rename(deps: Deps, known: Known, passkey_id: int, name: str) -> None:
    """Another name for one of their own. Raises BadInput."""
    name = printable(name)[:_NAME]
    if not name:
        raise BadInput("A passkey needs a name, so that you know which one it is.")
    with deps.store.write() as session:
        _own(session, known, passkey_id).name = name


def remove(deps: Deps, known: Known, passkey_id: int) -> None:
    """Forgets one of their own. Raises BadInput."""
    with deps.store.write() as session:
        session.delete(_own(session, known, passkey_id))
        session.flush()
        forget_alone(session, known.id)
        append(session, deps.vault, Entry("person:passkey_remove", known.actor, f"person:{known.id}"), deps.now())


# ------------------------------------------------------------------ using one


def ask(site: Site, asked: Challenge) -> str:
    """What a browser needs to use a passkey, as JSON; it names nobody, the device knows whom it belongs to."""
    options = generate_authentication_options(
        rp_id=site.rp_id,
        challenge=base64url_to_bytes(asked.text),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def use(deps: Deps, site: Site, asked: Challenge, answer: dict[str, Any]) -> Known:
    """Whose passkey answered. Raises PasskeyRefused, saying nothing of why to whom it may concern."""
    named = str(answer.get("id"))
    if not _ID.fullmatch(named):
        raise PasskeyRefused("This passkey opens nothing here.")
    with deps.store.read() as session:
        key = session.scalars(select(Passkey).where(Passkey.credential == named)).one_or_none()
        person = session.get(Person, key.person_id) if key is not None else None
    if key is None or person is None or not person.active or key.site != site.rp_id:
        raise PasskeyRefused("This passkey opens nothing here.")
    count = _verified(site, asked, answer, key, person)
    with deps.store.write() as session:
        _spend(deps, session, asked)
        as_read = update(Passkey).where(Passkey.id == key.id, Passkey.sign_count == key.sign_count)
        done = session.execute(as_read.values(sign_count=count, used_at=deps.now()))
        if not isinstance(done, CursorResult) or done.rowcount != 1:
            raise PasskeyRefused("This passkey was used twice at once.")
        return as_known(session, person)


def _verified(site: Site, asked: Challenge, answer: dict[str, Any], key: Passkey, person: Person) -> int:
    """The new count of signatures."""
    try:
        found = verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(asked.text),
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
        handle = base64url_to_bytes(answer["response"]["userHandle"])
    except Exception as error:  # whatever a hostile answer breaks in the reader, it is refused
        raise PasskeyRefused("This passkey was not accepted.") from error
    if not secrets.compare_digest(handle, _handle(person)):
        raise PasskeyRefused("This passkey was not accepted.")
    return found.new_sign_count


def _spend(deps: Deps, session: Session, asked: Challenge) -> None:
    now = deps.now()
    if not asked.at <= now < asked.at + ANSWER:
        raise PasskeyRefused("That took too long. Try again.")
    session.execute(delete(SpentChallenge).where(SpentChallenge.spent_at < now - 2 * ANSWER))
    row = {"digest": hashlib.sha256(asked.text.encode()).hexdigest(), "spent_at": now}
    if not insert_new(session, SpentChallenge, [row]):
        raise PasskeyRefused("This answer was used before.")


def _handle(person: Person) -> bytes:
    """What a device keeps of a person: it tells nobody who they are."""
    return hashlib.sha256(f"tenth passkey {person.id} {person.audit_salt}".encode()).digest()


def _descriptor(key: Passkey) -> PublicKeyCredentialDescriptor:
    kinds = [AuthenticatorTransport(t) for t in key.transports]
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.credential), transports=kinds or None)


def _transports(answer: dict[str, Any]) -> list[str]:
    """Those that we know among those that a browser named: a hint for it, proof of nothing."""
    response = answer.get("response")
    given = response.get("transports") if isinstance(response, dict) else None
    known = {t.value for t in AuthenticatorTransport}
    return [t for t in given if isinstance(t, str) and t in known] if isinstance(given, list) else []


def _own(session: Session, known: Known, passkey_id: int) -> Passkey:
    key = session.get(Passkey, passkey_id)
    if key is None or key.person_id != known.id:
        raise BadInput("There is no such passkey of yours.")
    return key
