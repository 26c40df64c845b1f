"""What a request says, read from JSON as the protocol's own reader would: camelCase or snake_case names, nothing else.

Every `read_*` raises GoogleError naming the field that is wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from service.api.perspective import errors
from service.api.perspective.languages import primary
from service.usecases.perspective_scale import FIGURES

Read = TypeVar("Read")

#: The same attribute under the name of its trial: the scorer has one figure for both.
EXPERIMENTAL = "_EXPERIMENTAL"
_UNSET_TEXT, _UNSET_SCORE = "TEXT_TYPE_UNSPECIFIED", "SCORE_TYPE_UNSPECIFIED"
_TYPES = (_UNSET_TEXT, "PLAIN_TEXT", "HTML")
_ANALYZE = frozenset(
    {
        *("clientToken", "comment", "communityId", "context", "doNotStore", "dropUnsupportedAttributes"),
        *("languages", "requestedAttributes", "sessionId", "spanAnnotations"),
    }
)
_SUGGEST = frozenset({"attributeScores", "clientToken", "comment", "communityId", "context", "languages", "sessionId"})
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An attribute under the name it was asked by, and the one of ours that answers."""

    name: str
    attribute: str
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with the languages it is said to be in; `html` when tags are to be taken out."""

    text: str
    html: bool
    languages: tuple[str, ...]

    @property
    def language(self) -> str:
        """The first language, without its region; "" when none is said."""
        return primary(self.languages[0]) if self.languages else ""


@dataclass(frozen=True, slots=True)
class Analyze:
    """comments:analyze."""

    comment: Comment
    wanted: tuple[Wanted, ...]
    spans: bool
    drop: bool
    token: str


@dataclass(frozen=True, slots=True)
class Suggest:
    """comments:suggestscore; what is suggested is checked and not kept."""

    comment: Comment
    suggested: tuple[str, ...]
    token: str


def known(name: str) -> str | None:
    """The attribute of ours that answers a name; None for a name that is none."""
    attribute = name.removesuffix(EXPERIMENTAL)
    return attribute if attribute in FIGURES else None


def read_json(raw: bytes) -> dict[str, Any]:
    """The body, which must be an object; numbers that JSON does not have are refused."""
    try:
        found = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise errors.bad_json("It is not JSON.") from None
    if not isinstance(found, dict):
        raise errors.bad_json("It is not an object.")
    return found


def read_analyze(body: Mapping[str, Any]) -> Analyze:
    fields = _fields(body, _ANALYZE, "")
    _check_rest(fields)
    comment = _comment(fields)
    wanted = _wanted(fields.get("requestedAttributes"))
    return Analyze(
        comment,
        wanted,
        spans=_flag(fields, "spanAnnotations"),
        drop=_flag(fields, "dropUnsupportedAttributes"),
        token=_string(fields, "clientToken"),
    )


def read_suggest(body: Mapping[str, Any]) -> Suggest:
    fields = _fields(body, _SUGGEST, "")
    _check_rest(fields)
    comment = _comment(fields)
    return Suggest(comment, _suggested(fields.get("attributeScores")), _string(fields, "clientToken"))


def _check_rest(fields: Mapping[str, Any]) -> None:
    """What is accepted and changes nothing must still be of its kind."""
    _string(fields, "communityId")
    _string(fields, "sessionId")
    _flag(fields, "doNotStore")
    context = _fields(_object(fields, "context"), frozenset({"entries", "articleAndParentComment"}), "context.")
    if context.get("entries") and context.get("articleAndParentComment"):
        raise errors.bad_field("context", "takes entries or articleAndParentComment, not both")


def _comment(fields: Mapping[str, Any]) -> Comment:
    entry = _fields(_object(fields, "comment"), frozenset({"text", "type"}), "comment.")
    text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _string(entry, "text", "comment."))
    kind = _string(entry, "type", "comment.") or _UNSET_TEXT
    if kind not in _TYPES:
        raise errors.bad_field("comment.type", "takes PLAIN_TEXT or HTML")
    if not text.strip():
        raise errors.empty_comment()
    if (size := len(text.encode())) > errors.MAX_BYTES:
        raise errors.long_comment(size)
    return Comment(text, kind == "HTML", tuple(_list(fields, "languages", str)))


def _wanted(given: Any) -> tuple[Wanted, ...]:
    if not given:
        raise errors.missing_attributes("requested_attributes")
    found = _mapping(given, "requestedAttributes")
    return tuple(_one_wanted(name, parameters) for name, parameters in found.items())


def _one_wanted(name: str, parameters: Any) -> Wanted:
    attribute = known(name)
    if attribute is None:
        raise errors.unknown_attribute(name[:80])
    where = f"requestedAttributes.{name}."
    fields = _fields(_mapping(parameters or {}, where), frozenset({"scoreType", "scoreThreshold"}), where)
    kind = _string(fields, "scoreType", where)
    if kind not in ("", _UNSET_SCORE, "PROBABILITY"):
        raise errors.unsupported_score_type(name, kind[:40])
    return Wanted(name, attribute, _number(fields, "scoreThreshold", where))


def _suggested(given: Any) -> tuple[str, ...]:
    """The names of the attributes that a better score is suggested for."""
    if not given:
        raise errors.missing_attributes("attribute_scores")
    found = _mapping(given, "attributeScores")
    for name, scores in found.items():
        if known(name) is None:
            raise errors.unknown_attribute(name[:80])
        where = f"attributeScores.{name}."
        fields = _fields(_mapping(scores, where), frozenset({"summaryScore", "spanScores"}), where)
        _score(fields, where) if "summaryScore" in fields else _list(fields, "spanScores", dict, least=1)
    return tuple(found)


def _score(fields: Mapping[str, Any], where: str) -> None:
    where = f"{where}summaryScore."
    score = _fields(_mapping(fields["summaryScore"], where), frozenset({"value", "type"}), where)
    if not 0.0 <= _number(score, "value", where) <= 1.0:
        raise errors.bad_field(f"{where}value", "takes a number from 0 to 1")


def _fields(given: Mapping[str, Any], names: frozenset[str], where: str) -> dict[str, Any]:
    found = {}
    for name, value in given.items():
        camel = name if name in names else re.sub(r"_([a-z])", lambda m: m[1].upper(), name)
        if camel not in names:
            raise errors.bad_field(f"{where}{name}"[:120], "is not known")
        found[camel] = value
    return found


def _object(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _mapping(fields.get(name) or {}, name)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise errors.bad_field(where.rstrip("."), "takes an object")
    return value


def _string(fields: Mapping[str, Any], name: str, where: str = "") -> str:
    return _typed(fields.get(name), str, "", f"{where}{name}", "takes a text")


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    return _typed(fields.get(name), bool, False, name, "takes true or false")


def _number(fields: Mapping[str, Any], name: str, where: str) -> float:
    value = fields.get(name)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise errors.bad_field(f"{where}{name}", "takes a number")
    return float(value)


def _list(fields: Mapping[str, Any], name: str, kind: type[Read], least: int = 0) -> list[Read]:
    value = _typed(fields.get(name), list, [], name, "takes a list")
    if len(value) < least or not all(isinstance(one, kind) and one for one in value):
        raise errors.bad_field(name, "has an entry that it does not take, or none")
    return value


def _typed(value: Any, kind: type[Read], unset: Read, path: str, why: str) -> Read:
    if value is None:
        return unset
    if not isinstance(value, kind):
        raise errors.bad_field(path, why)
    return value


def _no_number(constant: str) -> Any:
    raise ValueError(constant)
