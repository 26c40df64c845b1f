"""Tables of people who sign in: their sessions, second factors, passkeys and recovery codes."""

from __future__ import annotations
