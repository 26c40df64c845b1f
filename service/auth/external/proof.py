"""What a sign-in elsewhere proves, and what can go wrong on the way, as codes that a page puts into words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from moderation.errors import TenthError


class Provider(StrEnum):
    """Where somebody proves who they are."""

    OIDC = "oidc"
    MASTODON = "mastodon"
    DISCOURSE = "discourse"
    NODEBB = "nodebb"
    LEMMY = "lemmy"


#: Proven by a code in a public profile: this says whose an account is, and signs nobody in.
PROFILE_PROVEN = frozenset({Provider.NODEBB, Provider.LEMMY})


class Why(StrEnum):
    """Why a sign-in or a consent came to nothing."""

    OFF = "off"  # not switched on here
    NO_ADDRESS = "no_address"  # we do not know our own public address
    BAD_SERVER = "bad_server"  # what was typed names no server
    NOT_OUR_FORUM = "not_our_forum"
    AWAY = "away"  # the server does not answer, or not as it should
    CROWDED = "crowded"  # too many sign-ins are open at once
    UNKNOWN = "unknown"  # forged, used, expired, or begun in another browser
    MIXED_UP = "mixed_up"  # the answer is from somebody else than was asked
    DENIED = "denied"  # the person said no over there
    REFUSED = "refused"  # the server did not accept our request
    UNPROVEN = "unproven"  # the answer does not prove who somebody is
    TAKEN = "taken"  # the identity belongs to another person here
    NOT_INVITED = "not_invited"
    CLOSED = "closed"  # the person's account here is switched off
    STRONGER = "stronger"  # this person must sign in by a stronger way
    LAST_WAY = "last_way"  # unlinking would lock the person out
    NAME_TAKEN = "name_taken"  # a connection is called this already
    NAME_MISSING = "name_missing"
    NOT_BY_CONSENT = "not_by_consent"  # this account's credential was given by hand
    OTHER_ACCOUNT = "other_account"  # consent was given with another account than the one to be mended


class Trouble(TenthError):
    """A sign-in or consent that came to nothing. `where` is the server; `detail` is for the log, without secrets."""

    def __init__(self, why: Why, where: str = "", detail: str = "") -> None:
        super().__init__(f"{why}{f' ({where})' if where else ''}")
        self.why = why
        self.where = where
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Proof:
    """An identity that was proven: who (`subject`) according to whom (`issuer`).

    `handle` and `name` are for people's eyes; `email` is "" unless the provider says that it is verified.
    """

    provider: Provider
    issuer: str
    subject: str
    handle: str
    name: str = ""
    email: str = ""
