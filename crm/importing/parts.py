"""Where can a long list be cut, so that its rows are read part by part in memory that does not grow?

NDJSON is cut between lines, CSV between records (a line within quotes is none) with the header before each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from crm.i18n import Text
from crm.importing.source import UnreadableError

PART = 32 << 20  # bytes read at a time


@dataclass(frozen=True)
class Part:
    """Some rows of a list, as a list of their own; `lines_before` go before its first line in the whole."""

    data: bytes
    lines_before: int


def cut(file: IO[bytes], kind: str, size: int = PART) -> Iterator[Part]:
    """The parts of a list, `kind` a value of FORMATS, of about so many bytes."""
    is_csv = kind in ("csv", "tsv")
    header, rest, before = b"", b"", 0
    while block := file.read(size):
        rest += block
        end = _last_end(rest, is_csv)
        if end == 0:
            if len(rest) > 2 * size:
                raise _endless(size)
            continue
        part, rest = rest[:end], rest[end:]
        yield Part(header + part, before - header.count(b"\n"))
        before += part.count(b"\n")
        if is_csv and not header:
            header = part[: _first_end(part)]
    if rest:
        yield Part(header + rest, before - header.count(b"\n"))


def _last_end(data: bytes, is_csv: bool) -> int:
    """Where the last whole row ends, 0 = none does."""
    end = data.rfind(b"\n") + 1
    if not is_csv or data.count(b'"', 0, end) % 2 == 0:
        return end
    opened = data.rfind(b'"', 0, end)  # within a text of several lines: the row before it ends outside of one
    while opened >= 0:
        end = data.rfind(b"\n", 0, opened) + 1
        if data.count(b'"', 0, end) % 2 == 0:
            return end
        opened = data.rfind(b'"', 0, end)
    return 0


def _first_end(data: bytes) -> int:
    """Where the header ends, Excel's own line (sep=;) before it included."""
    end = 0
    for _ in range(2 if data[:4].lower() == b"sep=" else 1):
        end = data.find(b"\n", end) + 1
        while data.count(b'"', 0, end) % 2:
            end = data.find(b"\n", end) + 1
    return end


def _endless(size: int) -> UnreadableError:
    hint = Text(
        "1行が長すぎるか、閉じられていない引用符があります。",
        "A line is too long, or a quote is never closed.",
    )
    return UnreadableError(f"no row ends within {2 * size >> 20} MB", hint)
