"""What a connector's folder of tests gives to the contract suite, so that the suite can run the connector.

Write `tests/plugins/NAME/rig.py` with a function `rig()` that returns a `Rig`. A connector without one fails the suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from moderation.model import Capability
from plugins.contract import Act, ConnectionSettings, Delivery, Holder, Io


@dataclass(frozen=True)
class Webhook:
    """A webhook as the platform sends it, well signed. `admitted` is False for what must leave only its key."""

    headers: Mapping[str, str]
    body: bytes
    admitted: bool = True


@dataclass(frozen=True)
class Job:
    """One act that succeeds on a fresh subject, and the HTTP method of the call that has the effect.

    `to` is the full handle of whom a reply answers; `shows` is False for an effect that the platform shows us nowhere.
    """

    act: Act
    method: str
    to: str = ""
    shows: bool = True


@dataclass(frozen=True)
class Stage:
    """A running platform to open sessions against."""

    settings: ConnectionSettings
    io: Io
    #: Spoils the next calls: `fail(kind, method=..., times=..., status=..., seconds=...)`, see service.sandbox.faults.
    fail: Callable[..., Any]
    heal: Callable[[], Any]
    #: Makes a fresh subject and the act on it, by capability; one entry for each that the connector declares.
    jobs: Mapping[Capability, Callable[[], Job]] = field(default_factory=dict)
    #: What the platform shows everybody of a post: its source text, and each picture with its description. None: gone.
    shown: Callable[[str], tuple[str, Sequence[tuple[bytes, str]]] | None] | None = None
    #: Makes a post of somebody else, and gives its id.
    others: Callable[[], str] | None = None
    #: For a platform with rights in one community: somebody without one, and the community's remote id.
    right: tuple[Holder, str] | None = None
    #: Texts that are on the platform and must never be kept.
    private_texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rig:
    """Everything the suite needs to know of one connector."""

    settings: ConnectionSettings
    #: Deliveries that each hold at least one event.
    deliveries: Callable[[], Sequence[Delivery]]
    #: For a connector that calls somebody: the sandbox.
    stage: Callable[[], AbstractContextManager[Stage]] | None = None
    #: For a connector with webhooks.
    webhooks: Callable[[], Sequence[Webhook]] | None = None
    #: The name (in lower case) of the header that holds the signature.
    signature_header: str = ""
    #: For a connector that reads files: some good files, and what each must never give away.
    files: Sequence[tuple[bytes, tuple[str, ...]]] = ()
