"""The one blueprint of the pages, and how a page says who may see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, current_app

from moderation.model import Capability
from service.deps import Deps, deps_of

View = TypeVar("View", bound=Callable[..., Any])

web = Blueprint("web", "service.web", template_folder="templates", static_folder="static", static_url_path="/assets")
_ATTRIBUTE = "tenth_capability"


def needs(capability: Capability) -> Callable[[View], View]:
    """Declares what a route asks for. A route without it is refused to everybody."""

    def declare(view: View) -> View:
        setattr(view, _ATTRIBUTE, capability)
        return view

    return declare


def declared(view: Callable[..., Any] | None) -> Capability | None:
    """What a view asks for; None when nobody said."""
    found = getattr(view, _ATTRIBUTE, None)
    return found if isinstance(found, Capability) else None


def deps() -> Deps:
    """What use cases need, for the request at hand."""
    return deps_of(current_app)
