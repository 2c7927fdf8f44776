"""How may a name be written, and what is found of it in a text or in the bytes of a file?"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_BETWEEN = r"(?:\\u3000|[\s\u3000・.,_-]){0,3}"  # between the parts of a name, and nothing as well
_SPACES = re.compile(r"[\s\u3000]+")
_KANA_OR_KANJI = "\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# What follows a short name where it is one, and not the beginning of another word.
_FOLLOWS = "様|さん|氏|殿|先生|部長|課長|社長|係長|主任|君|と|の|に|へ|が|は|を|も|や|から|まで"
_WHOLLY_KANA_OR_KANJI = re.compile(f"[{_KANA_OR_KANJI}]+")
_SPACE = r"[\s\u3000・]?"
_LONG_PART = 3  # characters from which a part may be a family name and a given name
_SHORT = 4  # characters below which a name may be a part of another word
_ENCODINGS = ("utf-8", "utf-16-le", "utf-32-le", "cp932", "euc_jp")
_ID_CHARACTER = r"A-Za-z0-9_.@-"


@dataclass(frozen=True)
class Replacement:
    """What takes the place of what: of ways to write names the pseudonym, of an id the new one."""

    patterns: tuple[tuple[re.Pattern[str], str], ...]
    plain: tuple[str, ...]  # parts of which every text that is changed has one, for the database to look for
    literal: tuple[str, ...]  # ways to write them that are long enough to be looked for in any bytes

    def __call__(self, text: str) -> str:
        """A text with everything replaced."""
        for pattern, instead in self.patterns:
            text = pattern.sub(lambda _, instead=instead: instead, text)  # type: ignore[misc]
        return text

    def is_in(self, text: str) -> bool:
        """Whether anything is found in a text."""
        return any(pattern.search(text) for pattern, _ in self.patterns)

    def is_in_bytes(self, contents: bytes) -> bool:
        """Whether anything is found in bytes, in whatever encoding."""
        if any(part in contents for part in self._bytes()):
            return True
        return self.is_in(contents.decode("utf-8", "ignore"))

    def _bytes(self) -> Iterator[bytes]:
        for text in self.literal:
            for encoding in _ENCODINGS:
                try:
                    yield text.encode(encoding)
                except UnicodeEncodeError:
                    continue


def replacement(names: Collection[str], pseudonym: str, ids: tuple[str, str] | None = None) -> Replacement:
    """What is to be replaced: names and addresses by the pseudonym, an id by another where one is given.

    >>> out = replacement(["田中 太郎"], "erased-1")
    >>> out("田中太郎様、田中　太郎"), out("田中工業")
    ('erased-1様、erased-1', '田中工業')
    >>> replacement(["林"], "erased-1")("林様と小林様、林檎")
    'erased-1様と小林様、林檎'
    >>> replacement(["御手洗花子"], "erased-1")("御手洗　花子、御手洗製作所")
    'erased-1、御手洗製作所'
    >>> replacement(["Will", "w@x.jp"], "erased-1")("Will will write to W@x.jp")
    'erased-1 will write to erased-1'
    >>> replacement([], "", ("tanaka.t", "x-1"))("person:tanaka.t, tanaka.to")
    'person:x-1, tanaka.to'
    """
    patterns: list[tuple[re.Pattern[str], str]] = []
    plain: list[str] = []
    literal: list[str] = []
    for name in sorted({one.strip() for one in names if one.strip()}, key=len, reverse=True):
        parts = [part for part in _SPACES.split(name) if part]
        for order in [parts, parts[::-1]] if len(parts) == 2 else [parts]:
            # One word may be another word in lower case: "Mark", "Will". An address has no case.
            flags = re.NOFLAG if len(parts) == 1 and "@" not in name else re.IGNORECASE
            patterns += [(re.compile(pattern, flags), pseudonym) for pattern in _ways(order)]
            if len("".join(order)) >= _SHORT:
                literal += [space.join(order) for space in ("", " ", "\u3000")]
        begins = [part[:1] if _WHOLLY_KANA_OR_KANJI.fullmatch(part) else part for part in parts[:1]]
        plain += [*begins, *map(_escaped, begins)]
    if ids is not None:
        before, after = ids
        for way in dict.fromkeys((before, _escaped(before))):
            pattern = f"(?<![{_ID_CHARACTER}]){re.escape(way)}(?![A-Za-z0-9_@-])(?!\\.[A-Za-z0-9_])"
            patterns.append((re.compile(pattern), after))
        plain += [before, _escaped(before)]
    return Replacement(tuple(patterns), tuple(dict.fromkeys(plain)), tuple(dict.fromkeys(literal)))


def _ways(parts: list[str]) -> Iterator[str]:
    """Patterns of a name by its parts: as it is, and as JSON in ASCII writes it."""
    for way in dict.fromkeys((tuple(parts), tuple(_escaped(part) for part in parts))):
        pattern = _BETWEEN.join(_spaced(part) for part in way)
        if all(part.isascii() for part in parts):
            yield f"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"
        elif len("".join(parts)) >= _SHORT:
            yield pattern
        else:
            follows = f"(?=$|[^{_KANA_OR_KANJI}]|{_FOLLOWS})"
            yield f"(?<![{_KANA_OR_KANJI}]){pattern}{follows}"


def _spaced(part: str) -> str:
    """A part; one that is kana or kanji throughout may be two of them, written without a space."""
    if len(part) < _LONG_PART or not _WHOLLY_KANA_OR_KANJI.fullmatch(part):
        return re.escape(part)
    return _SPACE.join(re.escape(character) for character in part)


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def identifies(row_id: str, names: Collection[str]) -> bool:
    """Whether an id says who somebody is: it holds a name or address, or has no digit as numbers have.

    >>> identifies("P-12", ["田中 太郎", "tanaka@example.com"])
    False
    >>> identifies("tanaka.taro", ["田中 太郎"]), identifies("ttanaka7", ["ttanaka7@example.com"])
    (True, True)
    """
    if not any(character.isdigit() for character in row_id):
        return True
    within = _bare(row_id)
    said = (_bare(part.partition("@")[0]) for name in names for part in _SPACES.split(name))
    return any(len(part) >= 3 and part in within for part in said)


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def id_in_its_place(row_id: str, others: Collection[str], random: str) -> tuple[str, bool]:
    """Another id that sorts where an id did among others, so that sums and draws keep their order.

    Whether that was possible is the second value.

    >>> id_in_its_place("tanaka.taro", ["suzuki.ken", "yamada.ai"], "3f9c")
    ('t-3f9c', True)
    >>> id_in_its_place("b", [], "3f9c")
    ('erased-3f9c', True)
    """
    lower = max((one for one in others if one < row_id), default="")
    upper = min((one for one in others if one > row_id), default=None)
    for stem in ("erased", *_stems(lower), *_stems(upper or "")):
        made = f"{stem}-{random}"
        if lower < made and (upper is None or made < upper) and row_id.casefold() not in made.casefold():
            return made, True
    return f"erased-{random}", False


def _stems(near: str) -> Iterator[str]:
    """Beginnings near an id, the shortest first."""
    for length in range(len(near) + 1):
        for character in "tnrsampkheoldgbcfijquvwxyz0123456789TNRSAMPKHEOLDGBCFIJQUVWXYZ":
            yield near[:length] + character
        yield near[: length + 1]
