"""What a connector is. A platform's folder exports one `connector` that keeps this contract.

    ConnectorError                 something between us and the platform; says whether to try again
     ├── Temporary                 try again, not before `retry_at`
     │    └── RateLimited          the platform asked us to wait; `whole_site` stops every call to that host
     ├── Permanent                 trying again changes nothing
     │    ├── CredentialsRefused   the token or key is revoked, expired or wrong
     │    ├── MissingRight         the credential lives, but lacks a right; `missing` names it
     │    └── Gone                 the subject does not exist (any more) or is not public
     └── Ambiguous                 the request left, and no answer came: it may have had its effect
    Refused                        a webhook that is not to be believed

One flag decides retry versus disable (the type); one text is for people (`str(error)`), `detail` is for the log.
Neither ever holds a credential.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import IO, Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, SecretStr

from moderation.errors import TenthError
from moderation.model import Capability, Events
from moderation.policy import Permit


class ConnectorError(TenthError):
    """Base of what goes wrong between us and a platform."""

    def __init__(self, message: str, *, detail: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.detail = detail
        self.status = status


class Temporary(ConnectorError):
    """Worth another try, not before `retry_at` (None: the caller's own back-off)."""

    def __init__(
        self, message: str, *, detail: str = "", status: int | None = None, retry_at: datetime | None = None
    ) -> None:
        super().__init__(message, detail=detail, status=status)
        self.retry_at = retry_at


class RateLimited(Temporary):
    """The platform, or our own pacing, says: not now. `whole_site` means every call to that host must wait."""

    def __init__(self, message: str, *, retry_at: datetime, whole_site: bool = False, detail: str = "") -> None:
        super().__init__(message, detail=detail, status=429, retry_at=retry_at)
        self.whole_site = whole_site


class Permanent(ConnectorError):
    """Trying again changes nothing; a person has to."""


class CredentialsRefused(Permanent):
    """The token or key is no longer accepted."""


class MissingRight(Permanent):
    """The credential is good but lacks a right."""

    def __init__(self, message: str, *, missing: str, detail: str = "", status: int | None = None) -> None:
        super().__init__(message, detail=detail, status=status)
        self.missing = missing


class Gone(Permanent):
    """The subject does not exist, is deleted, or is not visible to us. Many servers do not say which."""


class Ambiguous(ConnectorError):
    """No answer came after the request left: never followed by a blind resend."""


class Refused(TenthError):
    """A webhook that is unsigned, wrongly signed, or not for us. Answered 401; nothing is kept."""


class ConnectionSettings(BaseModel):
    """Base of a connector's settings. Fields typed SecretStr are encrypted at rest; the rest is stored as is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def secret_names(self) -> tuple[str, ...]:
        """Names of the fields that hold credentials."""
        return tuple(n for n in type(self).model_fields if isinstance(getattr(self, n), SecretStr))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A raw payload as received, whichever way it came (webhook, poll, file): the unit of intake.

    `key` is the platform's event id, or for a poll the subject and its version: the same thing polled twice has the
    same key. `kind` tells `parse` what `body` is. An empty `body` with `admitted=False` is content that we must not
    keep: only its key stays, so that it is not asked for again.
    """

    key: str
    kind: str
    body: bytes
    admitted: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries, and where to go on. `cursor` is opaque JSON text, stored in the same transaction."""

    deliveries: tuple[Delivery, ...]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform allows a post of ours, as it counts. None: it does not say, or there is no limit.

    `link` is what each link counts, whatever its length. `images` is how many pictures fit, each of at most
    `image_bytes` and of one of `image_types`, with at most `alt` characters of description. `warnings` is whether a
    post has a content warning, which then counts with the text, and a visibility of its own; `markdown`, whether its
    text is Markdown.
    """

    most: int | None = None
    least: int = 1
    link: int | None = None
    images: int = 0
    image_bytes: int = 0
    image_types: tuple[str, ...] = ()
    alt: int = 1_500
    edits: bool = False
    deletes: bool = False
    warnings: bool = False
    markdown: bool = False

    def to_json(self) -> dict[str, Any]:
        """What is kept of them; `Limits.read` gives them back."""
        fields = {name: getattr(self, name) for name in Limits.__dataclass_fields__}
        return fields | {"image_types": [*self.image_types]}

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Limits:
        """From what was kept; what is unknown or missing is left out."""
        known = {name: kept[name] for name in cls.__dataclass_fields__ if name in kept}
        return cls(**known | {"image_types": tuple(known.get("image_types", ()))})


@dataclass(frozen=True, slots=True)
class Composed:
    """A post as it will appear: with the mention that the platform wants, and its length as the platform counts."""

    text: str
    length: int


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that goes with a post. `alt` says in words what it shows."""

    mime: str
    body: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Check:
    """What a look at the credentials found. `missing` are rights in words, with what to do about each.

    `lacks` says of acts that the platform has and these credentials may not do what is missing and how to give it.
    """

    account: str
    server: str
    may: frozenset[Capability] = frozenset()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    lacks: Mapping[Capability, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls left before the platform says stop. None where the platform does not tell and we do not know."""

    limit: int | None
    remaining: int | None
    reset_at: datetime | None


@dataclass(frozen=True, slots=True)
class Act:
    """One remote effect to carry out. `target` is the message or thread by its remote id.

    Options of a reply: `visibility`, `language`, `content_warning`. For `edit` and `delete`, `target` is our own post.
    `move` has the option `community`. For `warn`, `silence`, `suspend` and their inverses `target` is an author's
    remote id, with the options `handle`, `community` (where it holds, if the platform can limit it), `hours` (None: no
    end) and `reason`; for `resolve_report` it is a report's, with the option `outcome` (upheld, rejected or closed).
    For `notify`, too, `target` is an author's remote id, with the option `handle`: `text` goes to them alone, and so it
    does for `warn` where there is one; the option `title` is shown where a platform has titles (none: the first line).
    What a lost answer is looked up by is the text, so let it hold something that no other has, as a link of its own.
    """

    action_id: int
    kind: Capability
    target: str
    text: str = ""
    idempotency_key: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that the effect happened."""

    remote_id: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of a file that cannot be used, with the reason in words."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with moderation rights on a platform. `via` says by what they hold them, where it is not by themselves.

    Where a platform goes by names, `handle` is what it is called with.
    """

    remote_id: str
    handle: str
    via: str = ""


class Pacer(Protocol):
    """Shares one host's call budget between every connection and process that calls it.

    `bucket` names what is limited (for example "admin" or "api"). All times are UTC.
    """

    def acquire(self, bucket: str, *, limit: int, per_seconds: float) -> None:
        """Takes one call out of the budget, or raises RateLimited with the time when there is one again."""
        ...

    def note(self, bucket: str, budget: Budget) -> None:
        """Keeps what the platform's own headers said."""
        ...

    def block(self, bucket: str, until: datetime) -> None:
        """No call in this bucket ("*": none to this host at all) before `until`."""
        ...


class Clock(Protocol):
    """The time of a call; tests bring their own."""

    def __call__(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Io:
    """What a connector gets from outside: how to reach the network, the pace, the time."""

    allow_private: frozenset[str]
    pacer: Pacer
    now: Clock
    user_agent: str = "Tenth"


@runtime_checkable
class Session(Protocol):
    """One connection, opened with its settings. Holds sockets; close it. Every method may raise ConnectorError."""

    def check(self) -> Check:
        """Looks at credentials and rights with as few calls as possible; changes nothing."""
        ...

    def poll(self, cursor: str) -> Page:
        """The next page of what is new since `cursor` ("" at the first time). Bounded work: one page."""
        ...

    def fetch_thread(self, thread_id: str) -> Page:
        """The whole thread as the server knows it now, deletions included; `cursor` is ignored."""
        ...

    def perform(self, permit: Permit, act: Act) -> Receipt:
        """Carries out one effect. Raises Ambiguous when it cannot know whether it happened."""
        ...

    def find_existing(self, act: Act, since: datetime) -> Receipt | None:
        """Our own earlier effect of `act` (same target, same text, later than `since`), if the platform shows one."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class GivesRights(Protocol):
    """A session on a platform whose own moderation rights can hold in one community and nowhere else.

    `place` is a community's remote id. Each call may come again: to give what is held, or to take what is not, changes
    nothing. All may raise ConnectorError; after Ambiguous the caller asks `holders` or calls again.
    """

    def give(self, permit: Permit, holder: Holder, place: str) -> None:
        """Lets somebody moderate `place`. Never more than that: where it cannot be so narrow, raises Permanent."""
        ...

    def take(self, holder: Holder, place: str) -> None:
        """Takes back what `give` gave; what somebody holds by other ways stays. Needs no Permit: a right may end."""
        ...

    def holders(self, place: str) -> tuple[Holder, ...]:
        """Everybody who may moderate `place`, however they came to it."""
        ...


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as everybody sees it; `about` is what its owner says of themselves, in source form. Hostile text."""

    remote_id: str
    handle: str
    about: str


@runtime_checkable
class ShowsProfiles(Protocol):
    """A session on a platform that cannot vouch for its accounts without their password, and shows their profiles."""

    def profile(self, handle: str) -> Profile:
        """The account of a name, read afresh. Raises Gone where nobody is called so, and ConnectorError."""
        ...


@runtime_checkable
class GivesBadges(Protocol):
    """A session on a platform that shows badges beside names. A badge says something and lets nobody do anything.

    Each call may come again: to give what is worn, or to take what is not, changes nothing. All may raise
    ConnectorError; after Ambiguous the caller asks `has_badge` or calls again.
    """

    def give_badge(self, permit: Permit, holder: Holder, name: str) -> None:
        """Gives a badge; one of that name is made where there is none. Raises Permanent where it would be more."""
        ...

    def take_badge(self, holder: Holder, name: str) -> None:
        """Takes it back. Needs no Permit: thanks may end."""
        ...

    def has_badge(self, holder: Holder, name: str) -> bool:
        """Whether somebody wears it."""
        ...


@runtime_checkable
class Connector(Protocol):
    """Code for a platform. Stateless: a connection's state is in its row, a call's in its Session."""

    name: str
    label: str
    settings: type[ConnectionSettings]
    capabilities: frozenset[Capability]
    #: Acts with `hours` that the platform ends by itself.
    timed: frozenset[Capability]
    #: Whether the platform itself tells whoever reported what became of it.
    tells_reporters: bool
    window: Literal["now", "newest"]

    def url(self, settings: ConnectionSettings) -> str:
        """Where the community lives, for people; "" when it lives nowhere."""
        ...

    def open(self, settings: ConnectionSettings, io: Io) -> Session | None:
        """A session, or None for a connector that never calls anybody."""
        ...

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        """Payload to events; pure. Raises BadInput naming what is wrong; never anything else."""
        ...


@runtime_checkable
class Composes(Protocol):
    """A connector whose platform takes answers."""

    def compose(self, text: str, to: str, settings: ConnectionSettings, limits: Limits) -> Composed:
        """The post that `text` becomes as an answer to `to` (the handle of whom it answers; "": nobody). Pure."""
        ...


@runtime_checkable
class TakesWebhooks(Protocol):
    """A connector whose platform pushes."""

    def receive(self, headers: Mapping[str, str], body: bytes, settings: ConnectionSettings) -> Delivery:
        """Verifies on the raw bytes (fail closed), names the delivery, and drops what must not be kept.

        `headers` has lower-case names. Raises Refused, or BadInput when the sender is believed but the body is no use.
        """
        ...


@runtime_checkable
class GivesHints(Protocol):
    """A connector whose platform can say at once that something happened. Polling stays the base."""

    def hints(self, settings: ConnectionSettings, io: Io, stop: Event) -> Iterator[None]:
        """Yields whenever something may have happened, and nothing of what it was; blocks in between.

        Ends soon after `stop` is set, and quietly where the platform has no stream. Raises ConnectorError when a
        stream breaks or falls silent; opening another is up to the caller.
        """
        ...


@runtime_checkable
class ReadsFiles(Protocol):
    """A connector whose content comes out of a file."""

    def read(self, stream: IO[bytes]) -> Iterator[Delivery | BadLine]:
        """Streams the file; one delivery per message, bad lines in their place. Never holds the whole file."""
        ...
