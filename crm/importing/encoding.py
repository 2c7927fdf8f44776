"""In which character set is a file written? UTF-8, UTF-16, CP932, EUC-JP or Windows-1252, by its letters."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from crm.errors import SanchoError
from crm.i18n import Text

DAMAGED = "\N{REPLACEMENT CHARACTER}"  # stands where bytes fit no character; a cell that holds it is a error
_STEP = 1 << 24
_SAMPLE = 1 << 18
# Python's cp932 lets these bytes through, though no character belongs to them.
_NO_CHARACTER = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
_WESTERN, _JAPANESE = "windows-1252", ("cp932", "euc_jp")
# Kana, Japanese marks and full-width letters; half-width kana only as words, not within Latin ones.
_KANA = re.compile("[\u3000-\u30ff\uff01-\uff5e\u2460-\u2473\u3231-\u33cd]")
_HALF_WIDTH = re.compile(r"(?<![A-Za-z\uff61-\uff9f])[\uff61-\uff9f]{2,}(?![A-Za-z])")
# Letters of Western names; ÿ and þ, which damaged bytes often look like, explain nothing.
_LATIN_WORD = re.compile(
    r"[A-Za-z\u00c0-\u00d6\u00d8-\u00dd\u00df-\u00f6\u00f8-\u00fd\u0152\u0153\u0160\u0161\u017d\u017e]+"
)
_SIGNS = re.compile(
    "(?<=[A-Za-z\u00c0-\u00fd])\u2019(?=[A-Za-z\u00c0-\u00fd])|[\u20ac£](?=[ "
    "0-9])|(?<=[0-9 \u00a0])[\u20ac£°]"
    "|(?<=[0-9])\u00a0(?=[0-9\u20ac])"
)
_EUC_KANA = re.compile(rb"(?:[\xa4\xa5][\xa1-\xf6]){2}")
_SIGN_BLOCKS = (("\u2460", "\u24ff"), ("\u3200", "\u33ff"), ("\uff01", "\uff0f"), ("\uff5b", "\uff5e"))
_LEAST = 0.6  # share of characters that a language must explain before its character set is taken
_SURE = 0.9
_TITLES = {
    "cp932": "CP932 (Shift_JIS)",
    "euc_jp": "EUC-JP",
    _WESTERN: "Windows-1252 (ISO-8859-1)",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
}


class Decoded(NamedTuple):
    """A file's contents as UTF-8 bytes, the character set, if bytes fitted none, if it was guessed."""

    data: bytes
    charset: str
    damaged: bool
    guessed: bool = False


def known_charset(name: str) -> str:
    """A character set's name as it was given, if there is such a one."""
    try:
        codecs.lookup(name)
        "".encode(name)
    except (LookupError, UnicodeError):
        raise SanchoError(
            Text(
                "文字コード「{name}」はありません。utf-8、cp932、windows-1252、"
                "utf-16 などを指定してください。",
                "no character set {name!r}; give utf-8, cp932, windows-1252, utf-16 or the like.",
            ).format(name=name),
            "unknown_encoding",
        ) from None
    return name


def guess_notice(charset: str) -> Text:
    """That a file's character set was told by its letters alone."""
    title = _TITLES.get(charset, charset)
    return Text(
        f"UTF-8 ではないため、文字の並びから {title} として読みました。"
        "文字が違うときは --encoding で指定してください。",
        f"is not UTF-8; by its letters it was read as {title}. If names look wrong, say --encoding.",
    )


def decode(data: bytes, charset: str | None = None) -> Decoded:
    """Contents as UTF-8; `charset` overrides what is recognised.

    Japanese in CP932 is hardly ever valid UTF-8, while UTF-8 often passes for CP932: so a file is UTF-8 where
    at least half of its lines beyond ASCII are. Else it is in the set whose language explains its characters.
    Bytes that do not fit become DAMAGED, so that only their lines are lost.

    >>> decode("商談".encode("cp932")).charset, decode("Zoé Béraud".encode("cp1252")).charset
    ('cp932', 'windows-1252')
    """
    if charset is not None:
        return _replaced(data, charset)
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
        return Decoded(data, "utf-8-sig", False) if _is_utf8(data) else _replaced(data, "utf-8")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _replaced(data, "utf-16")
    if (wide := _without_mark(data)) is not None:
        return _replaced(data, wide)._replace(guessed=True)
    if _is_utf8(data):
        return Decoded(data, "utf-8", False)
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    failing = sum(_fails(line) for line in lines)
    if failing <= len(lines) / 2:
        return _replaced(data, "utf-8")
    found, is_clear = _by_language(b"\n".join(lines)[:_SAMPLE])
    if found is None:
        return _replaced(data, "utf-8")
    return _replaced(data, found)._replace(guessed=found != "cp932" or not is_clear)


def _without_mark(data: bytes) -> str | None:
    """UTF-16 without its mark: separators and digits make every other byte of them a zero."""
    sample = data[: _SAMPLE - _SAMPLE % 2]
    if len(data) % 2 or len(sample) < 8 or b"\0" not in sample:
        return None
    even, odd = sample[::2].count(0) / (len(sample) / 2), sample[1::2].count(0) / (len(sample) / 2)
    if odd > 0.2 and even < 0.01:
        return "utf-16-le"
    return "utf-16-be" if even > 0.2 and odd < 0.01 else None


def _by_language(sample: bytes) -> tuple[str | None, bool]:
    """The character set whose language explains the characters beyond ASCII, and whether no other's does."""
    shares = {charset: _japanese_share(sample, charset) for charset in _JAPANESE}
    shares[_WESTERN] = _western_share(sample)
    likely = {name for name, share in shares.items() if share >= _LEAST}
    if _EUC_KANA.search(sample) is None:  # letters of other alphabets look like its kanji, none like its kana
        shares["euc_jp"] = 0.0
    best = max(shares, key=lambda name: shares[name])
    return (best if shares[best] >= _LEAST else None), shares[best] >= _SURE and likely == {best}


def _japanese_share(sample: bytes, charset: str) -> float:
    """Common Japanese among the characters beyond ASCII: kana, kanji in daily use, words in half-width kana.

    A kanji within a Latin word is none that anybody wrote, a sign there tells nothing; a rare
    kanji is likely beside a common one.
    """
    text = sample.decode(charset, errors="replace")
    daily = [bool(_KANA.match(character)) or _is_daily_kanji(character) for character in text]
    common = beyond = 0
    for at, character in enumerate(text):
        if character < "\x80":
            continue
        around = text[max(at - 1, 0) : at + 2]
        is_latin = any("a" <= near <= "z" for near in around)
        if is_latin and _is_sign(character):
            continue
        beyond += 1
        if is_latin:
            continue
        beside = any(daily[max(at - 1, 0) : at]) or any(daily[at + 1 : at + 2])
        common += daily[at] or (beside and _is_kanji(character))
    if charset == "cp932":
        common += sum(len(word) for word in _HALF_WIDTH.findall(text) if not _is_punctuation(word))
    return common / beyond if beyond else 0.0


def _is_sign(character: str) -> bool:
    """Whether it is a full-width sign, a number in a circle, or a mark such as that of a company."""
    return any(first <= character <= last for first, last in _SIGN_BLOCKS)


def _is_kanji(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\uf929" <= character <= "\ufa2d"


def _is_daily_kanji(character: str) -> bool:
    """Whether a kanji is of the standard's first level, which holds those in daily use."""
    if not "\u4e00" <= character <= "\u9fff":
        return False
    try:
        lead = character.encode("euc_jp")[0]
    except UnicodeEncodeError:
        return False
    return 0xB0 <= lead <= 0xCF


def _is_punctuation(word: str) -> bool:
    """Whether half-width kana are marks for the most part, as EUC-JP looks in CP932."""
    return sum(character <= "\uff65" for character in word) > len(word) / 3


def _western_share(sample: bytes) -> float:
    """Letters with accents inside Latin words, and signs in their places, among characters beyond ASCII."""
    text = sample.decode("cp1252", errors="replace")
    beyond = sum(character >= "\x80" for character in text)
    likely = len(_SIGNS.findall(text))
    for word in _LATIN_WORD.findall(text):
        accented = sum(character >= "\x80" for character in word)
        is_mixed = accented < len(word) or len(word) == 1
        if 0 < accented <= max(2, 0.6 * len(word)) and is_mixed and _one_case(word):
            likely += accented
    return likely / beyond if beyond else 0.0


def _one_case(word: str) -> bool:
    """Whether capitals stand only in front, after a Mc or the like, or everywhere."""
    upper = sum(character.isupper() for character in word)
    return upper == len(word.replace("ß", "")) or (upper <= 1 + (len(word) > 4) and not word[1:].isupper())


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


def _fails(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _replaced(data: bytes, charset: str) -> Decoded:
    text = data.decode(charset, errors="replace")
    if charset == "cp932":
        text = _NO_CHARACTER.sub(DAMAGED, text)
    return Decoded(text.encode("utf-8", errors="replace"), charset, DAMAGED in text)
