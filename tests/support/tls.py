"""The certificate authorities, read once: to read them takes longer than most tests do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from unittest.mock import patch

import httpx
import pytest

_once = cache(httpx.create_ssl_context)


@pytest.fixture(scope="module", autouse=True)
def authorities_read_once() -> Iterator[None]:
    with patch("httpx.create_ssl_context", _once), patch("httpx._transports.default.create_ssl_context", _once):
        yield
