"""How wide is each column of a table, and where may the text of a cell go on in the next line?

Words stay whole. Japanese, which has no spaces, breaks after particles and punctuation and before brackets;
where that is not narrow enough, between kanji, katakana and Latin letters; only at last within a word.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

from rich.cells import cell_len

_NEVER_FIRST = frozenset(
    "、。，．・：；！？）」』】〕〉》”’)]},.;:!?%％ー〜～…々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
)
_NEVER_LAST = frozenset("（「『【〔〈《“‘([{")
_JOINS = "\u00a0"  # a space at which nothing breaks
_COMMAND = "`"  # begins and ends a command that a reader copies
_SOFT = "\u200b"  # takes no room; a line may break there
_OPENING = frozenset("（「『【〔〈《")
_BREAKS_AFTER = frozenset("、。，．・：；！？）」』】〕〉》／→")
_ENDS_A_PHRASE = frozenset("のがをにはでともへやてたるな")  # hiragana that end a phrase before another word
_LATIN_BREAKS = frozenset("/-_=")
_WORDS, _SCRIPTS, _ANYWHERE = 0, 1, 2  # how readily a text is broken
_FRAME = 3  # columns of the frame for each column of the table, and one more
_GAP = 2  # columns between two columns of a table without a frame
_MOST_LINES = 2  # of a cell, before the frame goes
_LEAST = 2  # a character of Japanese
_HEADING_LINES = 3  # that a heading may always have
_WIDEST = 2_000  # of any terminal


def laid_out(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    unbroken: Collection[int] = (),
    framed: bool = True,
) -> list[list[str]]:
    """Headings and rows with line breaks so that the table is no wider than `width` (terminal columns).

    The cells of `unbroken` columns are broken only where nothing else makes the table fit. Without a frame
    there is more room, and names may break between their parts.
    """
    columns = _columns(headings, rows, framed)
    widths = _widths(columns, _room(len(columns), width, framed), frozenset(unbroken))
    in_lines = [[broken(text, wide) for text in column] for column, wide in zip(columns, widths, strict=True)]
    return [[column[at] for column in in_lines] for at in range(len(rows) + 1)]


def fitted(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, unbroken: Collection[int] = ()
) -> tuple[list[list[str]], bool]:
    """A table laid out, and whether it has a frame: it goes where words or cells break less without it."""

    def breaks(table: Sequence[Sequence[str]], framed: bool) -> tuple[bool, int]:
        """Whether words break, and the most lines that a cell has, where that is more than it may."""
        columns = _columns(headings, rows, framed)
        words = sum(_least_widths(columns, _WORDS, frozenset(unbroken)))
        lines = max((text.count("\n") + 1 for row in table[1:] for text in row), default=1)
        return words > _room(len(columns), width, framed), max(lines, _MOST_LINES)

    table = laid_out(headings, rows, width, unbroken)
    if breaks(table, True) == (False, _MOST_LINES) or not any(headings):
        return table, True
    bare = laid_out(headings, rows, width, unbroken, framed=False)
    return (bare, False) if breaks(bare, False) < breaks(table, True) else (table, True)


def _columns(headings: Sequence[str], rows: Sequence[Sequence[str]], framed: bool) -> list[list[str]]:
    """The texts of each column, its heading first; without a frame the parts of names are not joined."""
    cells = [list(row) if framed else [text.replace(_JOINS, " ") for text in row] for row in rows]
    table = [[_joined(heading) for heading in headings], *cells]
    return [[row[at] for row in table] for at in range(len(headings))]


def _room(columns: int, width: int, framed: bool) -> int:
    """Terminal columns that are left for texts."""
    return width - (_FRAME * columns + 1 if framed else _GAP * (columns - 1))


def _widths(columns: Sequence[Sequence[str]], room: int, unbroken: frozenset[int]) -> list[int]:
    natural = [max(map(_width, column)) for column in columns]
    if sum(natural) <= room:
        return natural
    widths: list[int] = []
    for readily in (_WORDS, _SCRIPTS):
        widths = _least_widths(columns, readily, unbroken)
        if sum(widths) <= room:
            break
    while sum(widths) > room and max(widths) > _LEAST:
        widths[widths.index(max(widths))] -= 1
    for most in range(1, max(map(len, itertools.chain.from_iterable(columns)), default=0) + 1):
        wide = [_width_for(column, least, most) for column, least in zip(columns, widths, strict=True)]
        if sum(wide) <= room:
            return _grown(columns, wide, room)
    return widths


def _least_widths(columns: Sequence[Sequence[str]], readily: int, unbroken: frozenset[int]) -> list[int]:
    return [
        max(_least(column[0], readily), *(_width(text) for text in column[1:]))
        if at in unbroken and len(column) > 1
        else max(_least(text, readily) for text in column)
        for at, column in enumerate(columns)
    ]


def _grown(columns: Sequence[Sequence[str]], widths: Sequence[int], room: int) -> list[int]:
    """The widths with what room is left given to the columns where it saves the most line breaks."""
    widths = list(widths)
    while True:
        best, chosen = 0.0, None
        for at, column in enumerate(columns):
            breaks = _breaks(column, widths[at])
            for wide in range(widths[at] + 1, widths[at] + 1 + room - sum(widths)):
                saved = breaks - _breaks(column, wide)
                if saved / (wide - widths[at]) > best:
                    best, chosen = saved / (wide - widths[at]), (at, wide)
        if chosen is None:
            return widths
        widths[chosen[0]] = chosen[1]


def _breaks(column: Sequence[str], width: int) -> int:
    return sum(broken(text, width).count("\n") for text in column)


def _width_for(column: Sequence[str], least: int, lines: int) -> int:
    """The least width at which no cell of a column has more lines; its heading may have one more."""
    heading, *cells = column
    wide = least
    while any(broken(text, wide).count("\n") >= lines for text in cells) or (
        broken(heading, wide).count("\n") > max(lines, _HEADING_LINES - 1)
    ):
        wide += 1
        if wide > _WIDEST:
            break
    return wide


def _joined(heading: str) -> str:
    """A heading in one line, which may break where it is written with a line break, if room is short."""
    first, *more = heading.split("\n")
    for line in more:
        first += (" " if (first[-1:] + line[:1]).isascii() else _SOFT) + line
    return first


def _width(text: str) -> int:
    return max(cell_len(line) for line in text.split("\n"))


def _least(text: str, readily: int) -> int:
    return max(
        (cell_len(piece.rstrip()) for line in text.split("\n") for piece in _pieces(line, readily)), default=0
    )


def broken(text: str, width: int) -> str:
    """A text with line breaks so that no line is wider."""
    lines = [line for part in text.split("\n") for line in _lines(part, width)]
    return "\n".join(lines).replace(_SOFT, "")


def _lines(text: str, width: int) -> list[str]:
    if cell_len(text) <= width:
        return [text]
    lines, line = [], ""
    for piece in _small_pieces(text, width):
        if line and cell_len((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()]


def _small_pieces(text: str, width: int, readily: int = _WORDS) -> list[str]:
    """The pieces of a text, each broken more readily where it is wider than a line."""
    pieces = []
    for piece in _pieces(text, readily):
        if cell_len(piece.rstrip()) <= width or readily == _ANYWHERE:
            pieces.append(piece)
        else:
            pieces += _small_pieces(piece, width, readily + 1)
    return pieces


def _pieces(text: str, readily: int) -> list[str]:
    """The parts of a text between which a line may end; a command in backticks is one."""
    pieces, start, in_command = [], 0, False
    for at in range(1, len(text)):
        in_command ^= text[at - 1] == _COMMAND
        if in_command and readily != _ANYWHERE:
            continue
        if _may_break(text[at - 1], text[at], readily):
            pieces.append(text[start:at])
            start = at
    return [*pieces, text[start:]]


def _may_break(before: str, after: str, readily: int) -> bool:
    if readily == _ANYWHERE:
        return True
    if before == _SOFT:
        return True
    if (
        after == _SOFT
        or after in _NEVER_FIRST
        or before in _NEVER_LAST
        or after in " 　"
        or _JOINS in before + after
    ):
        return False
    if before in " 　" or before in _BREAKS_AFTER or after in _OPENING:
        return True
    if before in _ENDS_A_PHRASE and not _is_hiragana(after):
        return True
    if readily == _WORDS or before.isdigit():
        return False
    return before in _LATIN_BREAKS or _script(before) != _script(after)


def _is_hiragana(character: str) -> bool:
    return "ぁ" <= character <= "ゟ"


def _script(character: str) -> str:
    if _is_hiragana(character) or "一" <= character <= "鿿" or character in "々〆":
        return "kanji"  # an ending belongs to its word
    if "ァ" <= character <= "ヿ":
        return "katakana"
    return "latin"
