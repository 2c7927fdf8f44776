"""How does a command say its name, its help and its options in two languages? As text beside each of them.

Typer takes help as one string, so both languages travel in one, parted by a mark; `app` keeps the reader's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer

from crm.errors import SanchoError
from crm.i18n import Language, Text

_MARK = "\x1f"  # no text that people read has it


class Command(NamedTuple):
    """A command of the command line: how it is typed, its function, what its help says."""

    name: str
    function: Callable[..., int]
    help: Text


def bilingual(text: Text) -> str:
    """A text in both languages, where Typer asks for one string."""
    return f"{text.ja}{_MARK}{text.en}"


def in_language(text: str | None, lang: Language) -> str | None:
    """The reader's half of a bilingual text; any other text as it is.

    >>> in_language(bilingual(Text("期間。", "A period.")), "en")
    'A period.'
    """
    if text is None or _MARK not in text:
        return text
    return Text(*text.split(_MARK)).to(lang)


def _reader(context: typer.Context) -> Language:
    lang: Language = context.obj
    return lang


def option(name: str, metavar: str | None, text: Text, **limits: Any) -> Any:
    """An option with bilingual help; without `metavar` it is a flag."""
    return typer.Option(name, metavar=metavar, help=bilingual(text), **limits)


def argument(metavar: str, text: Text) -> Any:
    """An argument that must be given, with bilingual help."""
    return typer.Argument(metavar=metavar, help=bilingual(text))


_UNITS = {"h": 3_600, "d": 86_400, "w": 604_800}  # seconds
_BAD_INTERVAL = Text(
    "{name} の「{given}」は読めません。12h、7d、1w のように、1時間以上で指定してください。",
    "{name}: {given!r} cannot be read; give an hour or more as 12h, 7d or 1w.",
)


def interval_seconds(given: str, name: str) -> int:
    """Seconds of a length of time that an option gives, as 12h, 7d or 1w.

    >>> interval_seconds("2d", "--every")
    172800
    """
    number, unit = given[:-1], given[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()) or not 0 < int(number) < 10_000:
        raise SanchoError(_BAD_INTERVAL.format(name=name, given=given), "bad_interval")
    return int(number) * _UNITS[unit]


Period = Annotated[
    str,
    argument(
        "PERIOD",
        Text(
            "期間。2026-Q4、FY2026-H2、2026-11、this-quarter など。",
            "A period such as 2026-Q4, FY2026-H2, 2026-11 or this-quarter.",
        ),
    ),
]
PeriodOption = Annotated[
    str | None,
    option(
        "--period",
        "PERIOD",
        Text("期間。既定は今の四半期。", "A period. Default: the current quarter."),
    ),
]
Scope = Annotated[
    str,
    option(
        "--scope", "S", Text("対象。company、team:ID、person:ID。", "Scope: company, team:ID or person:ID.")
    ),
]
AsOf = Annotated[
    str | None,
    option(
        "--as-of",
        "D",
        Text(
            "予測の時点。日付はその日の終わりを指します。既定は現在。",
            "Moment of prediction; a date means its end. Default: now.",
        ),
    ),
]
Target = Annotated[
    float | None,
    option(
        "--target",
        "V",
        Text("売上目標。既定は登録済みの目標。", "The target. Default: the registered one."),
        min=0,
    ),
]
Dask = Annotated[
    str | None,
    option(
        "--dask",
        "local|ADDRESS",
        Text(
            "Daskに分散します。local（このマシンの2プロセス）またはスケジューラーのアドレス。",
            "Spread over Dask: local (two processes here) or a scheduler's address.",
        ),
    ),
]
Host = Annotated[str | None, option("--host", "HOST", Text("待ち受けるアドレス。", "Address to listen at."))]
Port = Annotated[
    int | None, option("--port", "N", Text("待ち受けるポート。", "Port to listen at."), min=1, max=65535)
]
Json = Annotated[
    bool,
    option("--json", None, Text("RESTの応答と同じJSONを出力します。", "Print the REST response as JSON.")),
]
Lang = Annotated[
    Language,
    option(
        "--lang",
        "ja|en",
        Text("表示言語。", "Language of the output."),
        show_default=False,
        case_sensitive=False,
        callback=_reader,
    ),
]
