"""What forms about answers hold: the version that was seen, the words, the reasons against guards."""

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


def reasons() -> dict[str, str]:
    """Reasons by the names of the guards that they are given against."""
    return {name.removeprefix(_REASON): value for name, value in request.form.items() if name.startswith(_REASON)}
