"""What forms hold: the version of an answer that was seen, its words, reasons against guards, the ground of an act."""

from __future__ import annotations

from flask import abort, request

_REASON = "reason_"


def version() -> int:
    """The version that the person saw; a form without one is none of ours."""
    value = request.form.get("version", "")
    return int(value) if value.isdecimal() and len(value) <= 12 else abort(400)


def words(otherwise: str = "") -> str:
    """The text as typed; browsers send line ends as two characters."""
    return request.form.get("text", otherwise).replace("\r\n", "\n")


def law() -> str | None:
    """The law that somebody names; None where the ground is the community's rules."""
    return request.form.get("law", "") if request.form.get("ground") == "law" else None


def reasons() -> dict[str, str]:
    """Reasons by the names of the guards that they are given against."""
    return {name.removeprefix(_REASON): value for name, value in request.form.items() if name.startswith(_REASON)}
