"""What a person gives to connect a Discourse forum."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator

from plugins.contract import ConnectionSettings

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class DiscourseSettings(ConnectionSettings):
    """One forum, one account to act as, and how the forum's webhooks are signed."""

    url: Word = Field(description="The forum's address, for example https://forum.example.org")
    api_key: SecretStr = Field(description="API key, from the forum's Admin > Advanced > API keys")
    api_username: Word = Field(description="The forum account that Tenth acts as, usually the brand's")
    client_id: str = Field(
        default="", max_length=200, description="Only for a member's own key: the client that the key was made for"
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="Secret of the forum's webhook; without it every webhook is refused"
    )
    categories: tuple[Word, ...] = Field(
        default=(),
        description="Only these categories, by slug or id; repeat the option for more. Default: every category",
        json_schema_extra={"option": "--category"},
    )
    calls_per_minute: int = Field(
        default=60, ge=1, le=6000, description="Calls a minute that the forum allows (admin keys share 60 by default)"
    )
    history_days: int = Field(default=45, ge=1, le=3650, description="How many days back the first read goes")

    @field_validator("url")
    @classmethod
    def _without_end_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("api_username")
    @classmethod
    def _without_at(cls, value: str) -> str:
        return value.removeprefix("@")

    @field_validator("api_key")
    @classmethod
    def _sendable(cls, value: SecretStr) -> SecretStr:
        """A key goes into a header: a stray line break there would end as an obscure error on the first call."""
        text = value.get_secret_value().strip()
        if not re.fullmatch(r"[\x21-\x7e]+", text):
            raise ValueError("An API key is one word of plain characters; copy it again from the forum.")
        return SecretStr(text)

    def takes(self, category_id: object, slug: str) -> bool:
        """Whether posts of this category are wanted."""
        if not self.categories:
            return True
        wanted = {c.casefold() for c in self.categories}
        return str(category_id) in wanted or (bool(slug) and slug.casefold() in wanted)
