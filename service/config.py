"""Settings from `TENTH_*` environment variables. A wrong value stops start-up with the variable's name.

With nothing set, database and secret key live under `./var`, so that every command run in one folder sees the same
desk.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from moderation.errors import BadInput, ScorerError
from moderation.scoring.bands import BANDS, BLEND, MEMBERS, read_bands

MIN_SECRET = 32
#: Where `tenth run --sandbox` writes the address of the sandbox, for the other commands of the folder.
SANDBOX_NOTE = "sandbox-address"
LOOPBACK = re.compile(r"127\.0\.0\.1:\d{1,5}")
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


class Settings(BaseSettings):
    """Every setting; the table in the README is checked against this class."""

    model_config = SettingsConfigDict(env_prefix="TENTH_", extra="ignore", frozen=True, validate_default=True)

    data_dir: Path = Field(Path("var"), description="Folder for the database, the secret key and first-run notes.")
    database_url: str = Field("", description="SQLAlchemy address of the database (SQLite or PostgreSQL).")
    secret_key: str = Field(
        "", description="32 characters or more; comma-separated for rotation, the newest first. Made if not given."
    )
    redis_url: str = Field("", description="Redis address; when set, jobs are rung through RQ.")
    allow_private_hosts: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="`host` or `host:port`, comma-separated: may be called over plain HTTP or privately."
    )
    public_url: str = Field("", description="The address people reach Tenth at, for links; guessed when empty.")
    scorer: Literal["embedded", "careful", "detoxify", "detoxify-onnx", "cascade"] = Field(
        "embedded", description="Which scorer reads the messages."
    )
    detoxify_checkpoint: str = Field("", description="Path of a Detoxify checkpoint; needed by the scorer `detoxify`.")
    detoxify_config: str = Field("", description="Folder with the checkpoint's tokenizer and configuration files.")
    detoxify_model: Literal["original", "unbiased", "multilingual", "original-small", "unbiased-small"] = Field(
        "multilingual", description="Which Detoxify model the checkpoint is of."
    )
    detoxify_digest: str = Field("", description="SHA-256 of the checkpoint; when set, another file is refused.")
    detoxify_export: str = Field(
        "", description="Folder that `tenth model export` wrote; needed by the scorer `detoxify-onnx`."
    )
    scoring_threads: int = Field(
        0, ge=0, le=256, description="Cores that `detoxify-onnx` may use; 0 for all that are available."
    )
    cascade: str = Field(
        MEMBERS, description="Members of the scorer `cascade`; the first reads everything, the others what is near."
    )
    cascade_bands: str = Field(
        BANDS, description="Scores near a decision: a cascade's slower members read these again."
    )
    cascade_blend: Literal["average", "replace"] = Field(
        BLEND, description="A slower member's score is averaged in, or takes the place of what stood."
    )
    max_body_bytes: int = Field(
        2_097_152, ge=1024, le=50_000_000, description="Largest request body; more is answered 413."
    )
    web_threads: int = Field(8, ge=1, le=64, description="Threads of the web process.")
    poll_seconds: int = Field(60, ge=5, le=86_400, description="Seconds between two polls of a connection.")
    batch_size: int = Field(64, ge=1, le=1000, description="Deliveries claimed at once.")
    keep_deliveries_days: int = Field(7, ge=1, le=90, description="Days that raw deliveries are kept.")
    notice_days: int = Field(
        190, ge=1, le=3650, description="Days after its decision that a notice keeps who sent it: name and address."
    )
    proxies: int = Field(0, ge=0, le=5, description="Reverse proxies in front whose X-Forwarded headers are believed.")
    secure_cookies: bool = Field(False, description="Send cookies over https only; set it behind TLS.")
    session_idle_hours: int = Field(12, ge=1, le=720, description="Hours without a sign of life that end a session.")
    session_days: int = Field(14, ge=1, le=365, description="Days after which a session ends in any case.")
    require_second_factor: bool = Field(
        False, description="Owners and managers see only their account until they have a second factor."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="Least level that is logged."
    )
    perspective: bool = Field(True, description="Serve the Perspective API to clients that have a key for it.")
    metrics_token: str = Field("", description="When set, /metrics asks for it as a Bearer token.")
    oidc_issuer: str = Field("", description="Issuer of the company's OpenID provider, exactly as it names itself.")
    oidc_client_id: str = Field("", description="What the OpenID provider knows Tenth as.")
    oidc_client_secret: str = Field("", description="The secret that goes with it; empty for a public client.")
    oidc_name: str = Field("", description="What people call the company's sign-in, on its button.")
    oidc_role: Literal["", "responder", "analyst", "rock_star"] = Field(
        "", description="Role of people who come by OpenID for the first time; empty: only who is linked gets in."
    )
    oidc_domains: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="Domains of verified e-mail addresses that may come in new, comma-separated."
    )
    allow_authors: bool = Field(
        False, description="Let authors in with their platform account for the first time, as rock stars."
    )

    @field_validator("cascade_bands")
    @classmethod
    def _readable_bands(cls, value: str) -> str:
        try:
            read_bands(value)
        except ScorerError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("allow_private_hosts", "oidc_domains", mode="before")
    @classmethod
    def _split_hosts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return frozenset(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("allow_private_hosts")
    @classmethod
    def _hosts_only(cls, value: frozenset[str]) -> frozenset[str]:
        if any("/" in host or "@" in host for host in value):
            raise ValueError("takes host or host:port, comma-separated, without https:// and path")
        return value

    @field_validator("oidc_client_id")
    @classmethod
    def _with_issuer(cls, value: str, info: ValidationInfo) -> str:
        if bool(value) != bool(info.data.get("oidc_issuer")):
            raise ValueError("goes with TENTH_OIDC_ISSUER: set both or none")
        return value

    @field_validator("data_dir")
    @classmethod
    def _folder(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError("is a file, and must be a folder")
        return value

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must start with https:// or http://")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        for part in filter(None, (p.strip() for p in value.split(","))):
            if len(part) < MIN_SECRET:
                raise ValueError(f"each key needs {MIN_SECRET} characters or more")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")):
            raise ValueError("must start with sqlite:/// or postgresql://")
        try:
            make_url(value or "sqlite://")
        except (ArgumentError, ValueError):
            raise ValueError("is not a database address, such as postgresql://user:password@host:5432/name") from None
        if value in ("sqlite:///", "sqlite:///:memory:"):
            raise ValueError("must name a file: every process has to see the same database")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @cached_property
    def database(self) -> str:
        """The database address with driver, and an absolute path for SQLite."""
        return _database_address(self.database_url, self.data_dir)

    @cached_property
    def private_hosts(self) -> frozenset[str]:
        """Hosts that may be called over plain HTTP or privately: those listed, and this folder's own sandbox."""
        kept = self.data_dir / SANDBOX_NOTE
        found = kept.read_text().strip() if kept.is_file() else ""
        return self.allow_private_hosts | ({found} if LOOPBACK.fullmatch(found) else set())

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Secret keys, newest first; made and kept under `data_dir` when none is given."""
        given = tuple(p.strip() for p in self.secret_key.split(",") if p.strip())
        return given or (_kept_secret(self.data_dir / "secret-key"),)


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment. Raises BadInput naming each wrong variable and what it takes."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"TENTH_{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()]
        raise BadInput("Wrong setting. " + "; ".join(lines)) from None


def _database_address(url: str, data_dir: Path) -> str:
    if not url:
        return f"sqlite:///{(data_dir / 'tenth.db').resolve()}"
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        return f"sqlite:///{Path(url.removeprefix('sqlite:///')).resolve()}"
    for short in ("postgres://", "postgresql://"):
        if url.startswith(short):
            return "postgresql+psycopg://" + url.removeprefix(short)
    return url


def _kept_secret(path: Path) -> str:
    """Reads the key, or makes it: written apart and linked in place, so that two starts at once agree on one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-") as fresh:  # readable to us only
            fresh.write(secrets.token_urlsafe(48))
            fresh.flush()
            os.fsync(fresh.fileno())
            with suppress(FileExistsError):  # another start was first; its key is the one
                os.link(fresh.name, path)
    kept = path.read_text().strip()
    if len(kept) < MIN_SECRET:
        raise BadInput(f"{path} was changed or cut: it holds fewer than the {MIN_SECRET} characters of a secret key.")
    return kept
