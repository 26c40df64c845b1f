"""The OpenAPI document: what APIFlask makes of the views, and what every operation has in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from apiflask import APIFlask

from service.api.bearer import SCHEME
from service.api.problems import MEDIA_TYPE, ProblemOut

PREFIX = "/api/v1/"
ENDPOINT = "openapi.spec"
_PROBLEMS = {
    "400": "The request cannot be read.",
    "401": "No valid token.",
    "403": "The token lacks a scope.",
    "404": "There is no such thing for this client.",
    "422": "A value is not one that is accepted; `errors` names it.",
    "500": "Something went wrong here.",
    "503": "Try again later.",
}
_WITH_BODY = {"413": "The body is too large.", "415": "The body is not JSON."}


def install(app: APIFlask) -> None:
    """Settings of the document. No server is named in it: the Host header is the caller's, and the document is kept."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        SECURITY_SCHEMES={SCHEME: {"type": "http", "scheme": "bearer"}},
    )
    app.spec_processor(complete)
    app.view_functions[ENDPOINT] = _with_pages_marked(app, app.view_functions[ENDPOINT])


def _with_pages_marked(app: APIFlask, view: Callable[..., Any]) -> Callable[..., Any]:
    """APIFlask asks every blueprint that has hooks whether it is in the document; Flask's own cannot tell."""

    @wraps(view)
    def marked(*args: Any, **kwargs: Any) -> Any:
        for blueprint in app.blueprints.values():
            vars(blueprint).setdefault("enable_openapi", False)
        return view(*args, **kwargs)

    return marked


def complete(spec: Any) -> Any:
    """Leaves only our paths, and tells of the problems that each may answer."""
    spec["paths"] = {path: ways for path, ways in spec.get("paths", {}).items() if path.startswith(PREFIX)}
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPError", None)
    schemas["Problem"] = ProblemOut.model_json_schema()
    for ways in spec["paths"].values():
        for operation in ways.values():
            _add_problems(operation)
    return spec


def _add_problems(operation: dict[str, Any]) -> None:
    problems = _PROBLEMS | (_WITH_BODY if "requestBody" in operation else {})
    schema = {"$ref": "#/components/schemas/Problem"}
    for status, words in problems.items():
        operation["responses"][status] = {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
