"""A request the imitated platform would refuse; each API renders it in its own shape."""

from __future__ import annotations


class Refusal(Exception):
    def __init__(self, status: int, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind


def not_found(message: str = "The requested URL or resource could not be found.") -> Refusal:
    return Refusal(404, message, "not_found")


def forbidden(message: str = "You are not permitted to view the requested resource.") -> Refusal:
    return Refusal(403, message, "invalid_access")
