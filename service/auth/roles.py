"""Roles and what each may do in Tenth. What may be done on a platform is decided by moderation.policy."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a page or an act asks for. `public` asks for nothing, `own` only for being signed in."""

    PUBLIC = "public"
    OWN = "own"
    READ = "read"
    TRIAGE = "triage"
    MANAGE = "manage"


ROLES: dict[str, frozenset[Permission]] = {
    "owner": frozenset(Permission),
    "manager": frozenset(Permission),
    "responder": frozenset({Permission.PUBLIC, Permission.OWN, Permission.READ, Permission.TRIAGE}),
    "analyst": frozenset({Permission.PUBLIC, Permission.OWN, Permission.READ}),
}


def allows(role: str, permission: Permission) -> bool:
    """Whether a role holds a permission; an unknown role holds none but `public`."""
    return permission is Permission.PUBLIC or permission in ROLES.get(role, frozenset())
