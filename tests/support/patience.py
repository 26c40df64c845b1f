"""What the service gives up after seconds, it gives up after a minute here: a busy machine is slow, and not broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from plugins.mastodon import client as mastodon
from plugins.net import bounds
from service import bell
from service.api.ops import Probe
from service.api.perspective.batching import Batcher
from service.auth.external import http
from service.db.inbox_writer import InboxWriter
from service.web import elsewhere

SECONDS = 60.0
LIMITS = (
    (bounds, "CONNECT_SECONDS"),
    (bounds, "READ_SECONDS"),
    (mastodon, "TIMEOUT_SECONDS"),
    (http, "SECONDS"),
    (elsewhere, "_PATIENCE_SECONDS"),
    (bell, "ANSWER_SECONDS"),
)


@contextmanager
def patient_service() -> Iterator[None]:
    """Within the block; a test that is about such a limit sets its own."""
    with ExitStack() as stack:
        for module, name in LIMITS:
            stack.enter_context(patch.object(module, name, SECONDS))
        stack.enter_context(patch.object(Probe.__init__, "__defaults__", (SECONDS,)))
        for waiting in (Batcher, InboxWriter):
            stack.enter_context(patch.dict(waiting.__init__.__kwdefaults__, wait_seconds=SECONDS))
        yield
