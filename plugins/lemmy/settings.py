"""What a person gives to connect a Lemmy server."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator

from plugins.contract import ConnectionSettings

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
#: Lemmy takes letters of one script, digits and “_”; servers that it federates with take a little more.
_NAME = re.compile(r"[\w-]{1,255}(?:@[\w.:-]{1,255})?")


class LemmySettings(ConnectionSettings):
    """One server, one account to act as, and the communities that are read."""

    url: Word = Field(description="The server's address, for example https://lemmy.example.org")
    token: SecretStr = Field(description="Login token (JWT) of the account that Tenth acts as")
    communities: tuple[Word, ...] = Field(
        min_length=1,
        max_length=50,
        description="The communities to read, by name, those of other servers as name@server; "
        "repeat the option for more",
        json_schema_extra={"option": "--community"},
    )
    calls_per_minute: int = Field(default=60, ge=1, le=6000, description="Calls a minute that Tenth allows itself")
    history_days: int = Field(default=45, ge=1, le=3650, description="How many days back the first read goes")

    @field_validator("url")
    @classmethod
    def _without_end_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("communities")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """`!name@server` and `/c/name` are how Lemmy's own pages write them."""
        bare = [one.removeprefix("!").removeprefix("/c/").casefold() for one in value]
        if wrong := [one for one in bare if not _NAME.fullmatch(one)]:
            raise ValueError(f"“{wrong[0]}” is not the name of a community, such as help or help@lemmy.example.org.")
        return tuple(dict.fromkeys(bare))

    @field_validator("token")
    @classmethod
    def _sendable(cls, value: SecretStr) -> SecretStr:
        """A token goes into a header: a stray line break there would end as an obscure error on the first call."""
        text = value.get_secret_value().strip().removeprefix("Bearer ").strip()
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            raise ValueError("A login token is one word of plain characters; copy it again.")
        return SecretStr(text)
