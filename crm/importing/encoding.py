"""In which character set is a file written? UTF-8 with or without BOM, CP932, or UTF-16 with BOM."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

DAMAGED = "\N{REPLACEMENT CHARACTER}"  # stands where bytes fit no character; a cell that holds it is a error
_STEP = 1 << 24
# Python's cp932 lets these bytes through, though no character belongs to them.
_NO_CHARACTER = re.compile("[\x80\xa0\uf8f0-\uf8f3]")


class Decoded(NamedTuple):
    """A file's contents as UTF-8 bytes, the character set found, and whether some bytes fitted none."""

    data: bytes
    charset: str
    damaged: bool


def decode(data: bytes, charset: str | None = None) -> Decoded:
    """Contents as UTF-8; `charset` overrides what is recognised.

    Japanese in CP932 is hardly ever valid UTF-8, while UTF-8 often passes for CP932: so a file is UTF-8 where
    at least half of its lines beyond ASCII are. Bytes that do not fit become DAMAGED, so that only their
    lines are lost.

    >>> decode("商談".encode("cp932")).charset
    'cp932'
    """
    if charset is not None:
        return _replaced(data, charset)
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
        return Decoded(data, "utf-8-sig", False) if _is_utf8(data) else _replaced(data, "utf-8")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _replaced(data, "utf-16")
    if _is_utf8(data):
        return Decoded(data, "utf-8", False)
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    failing = {name: sum(_fails(line, name) for line in lines) for name in ("utf-8", "cp932")}
    is_cp932 = failing["utf-8"] > len(lines) / 2 and failing["cp932"] < failing["utf-8"]
    return _replaced(data, "cp932" if is_cp932 else "utf-8")


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for start in range(0, len(data), _STEP):
            decoder.decode(view[start : start + _STEP])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _fails(line: bytes, charset: str) -> bool:
    try:
        text = line.decode(charset)
    except UnicodeDecodeError:
        return True
    return charset == "cp932" and _NO_CHARACTER.search(text) is not None


def _replaced(data: bytes, charset: str) -> Decoded:
    text = data.decode(charset, errors="replace")
    if charset == "cp932":
        text = _NO_CHARACTER.sub(DAMAGED, text)
    return Decoded(text.encode("utf-8", errors="replace"), charset, DAMAGED in text)
