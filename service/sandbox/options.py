"""How a sandbox behaves, and the credentials it accepts. They open nothing but the sandbox itself."""

from __future__ import annotations

from dataclasses import dataclass

API_KEY = "sandbox-discourse-api-key"
WEBHOOK_SECRET = "sandbox-discourse-webhook-secret"
CONNECT_SECRET = "sandbox-discourse-connect-secret"
ACCESS_TOKEN = "sandbox-mastodon-access-token"
LEMMY_TOKEN = "sandbox-lemmy-token"
LEMMY_PASSWORD = "sandbox-lemmy-password"
NODEBB_TOKEN = "sandbox-nodebb-master-token"
CLIENT_ID = "sandbox-mastodon-client-id"
CLIENT_SECRET = "sandbox-mastodon-client-secret"
ALL_SCOPES = "read write follow push profile admin:read admin:write"


@dataclass(slots=True)
class Options:
    """Defaults are those of the real platforms."""

    api_key: str = API_KEY
    webhook_secret: str = WEBHOOK_SECRET
    connect_secret: str = CONNECT_SECRET
    access_token: str = ACCESS_TOKEN
    nodebb_token: str = NODEBB_TOKEN
    # Discourse
    admin_calls_per_minute: int = 60
    unique_post_seconds: int = 300
    min_post_length: int = 20
    category_group_moderation: bool = True
    user_api_keys: bool = True
    # Mastodon
    mastodon_calls_per_5_minutes: int = 300
    rate_headers: bool = True
    idempotency: bool = True
    idempotency_seconds: int = 3600
    grouped_notifications: bool = True
    oauth_metadata: bool = True
    staff_api: bool = True
    max_characters: int = 500
    streaming: bool = False  # off, and 404, as on servers that have none or WebSocket only
    streaming_heartbeat_seconds: float = 15.0
    version: str = "4.3.0"
    # Lemmy, under /lemmy. The token is the brand's; everybody signs in for their own with the one password.
    lemmy_token: str = LEMMY_TOKEN
    lemmy_password: str = LEMMY_PASSWORD
    lemmy_v4: bool = True  # as 1.0 has it beside v3; without, the server is a 0.19
