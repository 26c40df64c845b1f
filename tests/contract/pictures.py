"""Pictures to send, small and whole."""

from __future__ import annotations

import struct
import zlib

from plugins.contract import Image

ALT = "A gasket with a crack, seen from above; [left] | right"


def png(width: int = 64, height: int = 48, grey: int = 128) -> bytes:
    """A picture of one grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + bytes([grey]) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def gasket(alt: str = ALT, grey: int = 128) -> Image:
    return Image("image/png", png(grey=grey), alt)
