"""What a connection to a server of the Mastodon API needs."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from plugins.contract import ConnectionSettings


class MastodonSettings(ConnectionSettings):
    """The brand's account, and what is read beside its mentions and its own posts."""

    url: str = Field(description="Address of the brand's server, for example https://social.example.org.")
    token: SecretStr = Field(description="Access token of the brand's account on that server.")
    hashtags: tuple[str, ...] = Field(
        default=(), description="A hashtag to read, with or without #.", json_schema_extra={"option": "--hashtag"}
    )
    lists: tuple[str, ...] = Field(
        default=(),
        description="A list of the brand's account to read, by title or id.",
        json_schema_extra={"option": "--list"},
    )
    accounts: tuple[str, ...] = Field(
        default=(),
        description="Another account whose public posts are read, for example @support@social.example.org.",
        json_schema_extra={"option": "--account"},
    )
    history_days: int = Field(default=45, ge=1, le=366, description="How many days back the first reading goes.")

    @field_validator("url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.strip().rstrip("/")

    @field_validator("hashtags")
    @classmethod
    def _one_case(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        """Servers compare hashtags without regard to case, but not all of them in an address."""
        return tuple(value.lower() for value in values)

    @field_validator("hashtags", "lists", "accounts")
    @classmethod
    def _bare(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        """Without # and @, each once, in the order given."""
        bare = (value.strip().lstrip("#@").strip() for value in values)
        return tuple(dict.fromkeys(value for value in bare if value))
