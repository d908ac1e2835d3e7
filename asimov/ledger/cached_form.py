"""The form in which parsed ledger files are cached, and the stamp that says whether one changed."""

from __future__ import annotations

import os
import zlib
from typing import Any

import msgspec


def stamp(status: os.stat_result) -> str:
    """Return what changes whenever a file does, as far as its status shows it."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def packed(data: Any) -> bytes | None:
    """Encode data for the cache; None if decoding would not return the same."""
    try:
        encoded = msgspec.msgpack.encode(data)
    except (OverflowError, TypeError, ValueError):
        return None
    return zlib.crc32(encoded).to_bytes(4, "big") + encoded


def unpacked(encoded: bytes) -> Any:
    """Decode data from the cache; None if it is damaged."""
    if zlib.crc32(encoded[4:]).to_bytes(4, "big") != encoded[:4]:
        return None
    return msgspec.msgpack.decode(encoded[4:])
