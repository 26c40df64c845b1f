"""What is refused of an answer, whichever library reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from plugins.contract import Permanent, Temporary
from plugins.net import bounds

#: The one encoding that is asked for. Encodings laid over each other are refused: unpacking two at once has no bound.
_ENCODINGS = frozenset({"", "identity", "gzip"})


def refuse_unread(status: int, headers: Mapping[str, str], where: str) -> None:
    """Raises for what is not worth reading: a redirect (Permanent), an encoding nobody asked for (Temporary).

    Redirects are not followed: one could lead a credential elsewhere.
    """
    if status in {301, 302, 303, 307, 308}:
        to = headers.get("location") or "another address"
        raise Permanent(f"{where} sent us on to {to[:200]}. Connect that address if it is right.", status=status)
    encoding = headers.get("content-encoding", "")
    if encoding.strip().lower() not in _ENCODINGS:
        raise Temporary(f"{where} answered in an encoding that was not asked for ({encoding[:40]}).")


def read_capped(chunks: Iterable[bytes], where: str) -> bytes:
    """Joins the answer of `bounds.one_call`; Temporary when it is too large or slow (a zip bomb, a byte a second)."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > bounds.MAX_ANSWER_BYTES:
            megabytes = bounds.MAX_ANSWER_BYTES // 1_048_576
            raise Temporary(f"{where} answered with more than {megabytes} MB; it was cut off.")
        if (bounds.left() or 0.0) < 0:
            raise Temporary(f"{where} took longer than {bounds.CALL_SECONDS:.0f} seconds to answer.")
        parts.append(chunk)
    return b"".join(parts)
