"""Takes the pictures of the README: starts the service with the sandbox, signs in, and photographs real pages.

    python scripts/screenshot.py docs/images

Needs the dev extra and Debian's chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

START_SECONDS = 120.0
ANSWER = "Please unplug it now and leave it unplugged. We will replace it; send us a private message with your address."


@contextmanager
def running_service(folder: Path) -> Iterator[tuple[str, str]]:
    """(address, owner's password) of a fresh service with the sandbox, once its queue is filled."""
    port, sandbox = free_port(), free_port()
    environment = {**os.environ, "TENTH_DATA_DIR": str(folder), "TENTH_SANDBOX_PORT": str(sandbox)}
    command = [sys.executable, "-m", "service.cli", "run", "--sandbox", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_queue(address, process)
        yield address, (folder / "owner-password").read_text().strip()
    finally:
        process.terminate()
        process.wait(timeout=15)


def wait_for_queue(address: str, process: subprocess.Popen[bytes]) -> None:
    """Returns when the worker has read the sandbox: no delivery waits and messages came in."""
    deadline = time.monotonic() + START_SECONDS
    quiet = 0
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(1.0)
        try:
            body = httpx.get(f"{address}/readyz", timeout=5.0).json()
        except (httpx.HTTPError, ValueError):
            continue
        quiet = quiet + 1 if _is_quiet(body) else 0
        if quiet >= 3:
            return
    raise SystemExit("The service did not fill its queue in time.")


def _is_quiet(body: dict[str, object]) -> bool:
    text = str(body)
    return "'waiting': 0" in text and "'state': 'new'" not in text and "'state': 'reading'" not in text


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def sign_in(page: Page, address: str, password: str) -> None:
    page.goto(f"{address}/sign-in")
    page.fill("input[name=username]", "owner")
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_load_state()


def photograph(address: str, password: str, out: Path) -> None:
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        desk = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
        page = desk.new_page()
        sign_in(page, address, password)
        take(page, f"{address}/queue", out / "queue.png")
        take(page, f"{address}/queue?lang=fr", out / "queue.fr.png")
        take(page, f"{address}/connections?lang=en", out / "connections.png")
        take(page, f"{address}/helped", out / "helped.png")
        answer(page, address, out / "answer.png")
        phone = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=2)
        page = phone.new_page()
        sign_in(page, address, password)
        take(page, f"{address}/queue", out / "queue-phone.png")
        browser.close()


def answer(page: Page, address: str, path: Path) -> None:
    """The composer, with an answer that a guard has something to say about."""
    page.goto(f"{address}/queue")
    page.keyboard.press("r")
    page.wait_for_url("**/replies/*", wait_until="load")
    page.fill("#text", ANSWER)
    page.wait_for_selector("[data-live=preview]:has-text('unplug')")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)
    print(path)


def take(page: Page, url: str, path: Path) -> None:
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as (address, password):
        photograph(address, password, out)


if __name__ == "__main__":
    main()
