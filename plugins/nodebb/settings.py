"""What a person gives to connect a NodeBB forum."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator

from plugins.contract import ConnectionSettings

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class NodebbSettings(ConnectionSettings):
    """One forum, and one account to act as."""

    url: Word = Field(description="The forum's address, for example https://forum.example.org")
    token: SecretStr = Field(description="API token, from the forum's Admin > Settings > API access")
    uid: int = Field(
        ge=1, lt=2**53, description="Number of the forum account that Tenth acts as, usually the brand's (/uid/NUMBER)"
    )
    categories: tuple[Word, ...] = Field(
        default=(),
        description="Only these categories, by number or address name; repeat the option for more. Default: every one",
        json_schema_extra={"option": "--category"},
    )
    calls_per_minute: int = Field(default=120, ge=1, le=6000, description="Calls a minute that Tenth may make")
    history_days: int = Field(default=45, ge=1, le=3650, description="How many days back the first read goes")

    @field_validator("url")
    @classmethod
    def _without_end_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("token")
    @classmethod
    def _sendable(cls, value: SecretStr) -> SecretStr:
        """A token goes into a header: a stray line break there would end as an obscure error on the first call."""
        text = value.get_secret_value().strip()
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            raise ValueError("An API token is one word of plain characters; copy it again from the forum.")
        return SecretStr(text)

    def takes(self, cid: object, slug: str) -> bool:
        """Whether posts of this category are wanted. A slug is "5/help" on the forum; either part names it."""
        if not self.categories:
            return True
        wanted = {c.casefold() for c in self.categories}
        return bool(wanted & {str(cid), slug.casefold(), slug.casefold().partition("/")[2]} - {""})
