"""Chromium for tests: its pages wait as long as a busy machine needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 120_000  # milliseconds
#: For a context: the bar with “Undo”, which goes after ten seconds, stays.
UNDO_STAYS = """
const later = window.setTimeout;
window.setTimeout = (what, ms, ...more) => later(what, ms === 10_000 ? 600_000 : ms, ...more);
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser. Whatever Playwright waits for in its pages may take PATIENCE."""
    expect.set_options(timeout=PATIENCE)
    with (
        patch.object(Browser, "new_context", _patient(Browser.new_context)),
        patch.object(Browser, "new_page", _patient(Browser.new_page)),
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"], timeout=PATIENCE)
        yield browser
        browser.close()


def _patient(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(*args: Any, **kwargs: Any) -> Any:
        found = make(*args, **kwargs)
        found.set_default_timeout(PATIENCE)
        return found

    return made


def follow(page: Page, selector: str) -> None:
    """Clicks, and returns when the page that comes of it is there: what is looked at next is of no page before."""
    with page.expect_navigation(wait_until="load"):
        page.click(selector)
