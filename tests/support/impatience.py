"""The calls that are meant to run out of time do so at once, and no other: a slow machine fails no test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import httpx
from requests.adapters import HTTPAdapter

from plugins.net import bounds
from service.sandbox.faults import Fault, Faults
from service.sandbox.gate import SILENT

SECONDS = 0.4
PATIENCE = 60.0


@contextmanager
def impatient(base_url: str, faults: Faults) -> Iterator[None]:
    """Within the block, a connector's call to `base_url` that meets a silence gives up after SECONDS.

    It returns when the silence has begun, so that what the platform did before it is done.
    """

    def awaited(method: str, url: str) -> Fault | None:
        if not url.startswith(base_url) or getattr(bounds._running, "until", None) is None:
            return None
        path = unquote(urlsplit(url).path)
        met = next((rule for rule in list(faults.rules) if rule.matches(method, path)), None)
        return met if met is not None and met.kind in SILENT and met.share == 1.0 else None

    def hurried(send: Callable[..., Any]) -> Callable[..., Any]:
        def sending(client: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            fault = awaited(request.method, str(request.url))
            if fault is None:
                return send(client, request, *args, **kwargs)
            begun = fault.silences
            bounds._running.until = min(bounds._running.until, time.monotonic() + SECONDS)
            try:
                return send(client, request, *args, **kwargs)
            except Exception:
                _settle(fault, begun)
                raise

        return sending

    with (
        patch.object(httpx.Client, "send", hurried(httpx.Client.send)),
        patch.object(HTTPAdapter, "send", hurried(HTTPAdapter.send)),
    ):
        yield


def _settle(fault: Fault, begun: int) -> None:
    end = time.monotonic() + PATIENCE
    while fault.silences <= begun and fault.silences < fault.times:
        assert time.monotonic() < end, "the platform never fell silent"
        time.sleep(0.01)
