"""What does a mapping file say? Its TOML read strictly, every mistake named with its place and a way out."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sancho.crm.errors import SanchoError
from sancho.crm.i18n import Text
from sancho.crm.importing.source import Reading
from sancho.crm.schema import TABLES

SHIPPED = Path(__file__).parent.parent / "mappings"
UNITS = {
    "円": 1.0,
    "千円": 1e3,
    "万円": 1e4,
    "百万円": 1e6,
    "千万円": 1e7,
    "億円": 1e8,
    "千": 1e3,
    "百万": 1e6,
}
MINUTES = "(minutes)"  # what `pair` adds to a row: minutes from its start to its end
LINE = "(line)"  # the row's line in its file, for rows that have no id of their own


@dataclass(frozen=True)
class Lookup:
    """The value of another source's column `take` in the row whose column `on` holds this value."""

    source: str
    on: str
    take: str


@dataclass(frozen=True)
class Rule:
    """How one canonical column comes from a source row."""

    source: str | None = None
    const: str | None = None
    template: str | None = None
    first: tuple[Rule, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)  # canonical value by source value
    others: str = "keep"  # keep, blank or error: what becomes of a value without a meaning
    lookup: Lookup | None = None
    unit: float | None = None
    dates: tuple[str, ...] = ()
    where: Mapping[str, Condition] = field(default_factory=dict)
    optional: bool = False


@dataclass(frozen=True)
class Condition:
    """What a source column must hold: one of, none of, a beginning, or anything / nothing."""

    among: tuple[str, ...] | None = None
    without: tuple[str, ...] | None = None
    starts: str | None = None
    filled: bool | None = None


@dataclass(frozen=True)
class Pair:
    """Two rows, a start and an end, that are one thing that took time."""

    by: tuple[str, ...]
    column: str
    start: str
    end: str
    time: str


@dataclass(frozen=True)
class Block:
    """Rows of one canonical table from one source (or written out in the mapping)."""

    table: str
    source: str | None
    columns: Mapping[str, Rule]
    where: Mapping[str, Condition] = field(default_factory=dict)
    rows: tuple[Mapping[str, str], ...] = ()
    distinct: bool = False
    pair: Pair | None = None
    history: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Files of one source, and how to read them."""

    files: tuple[str, ...]
    how: Reading
    optional: bool = False


@dataclass(frozen=True)
class FileMapping:
    """A whole mapping."""

    name: str
    title: Text
    sources: Mapping[str, Origin]
    blocks: tuple[Block, ...]
    zone: ZoneInfo | None = None
    currency: str | None = None
    dates: tuple[str, ...] = ()


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with Sancho."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_mapping(name: str | Path) -> FileMapping:
    """The mapping in a TOML file, or one that comes with Sancho by its name."""
    path = Path(name)
    if not path.is_file() and path.suffix != ".toml" and path.name == str(name):
        path = SHIPPED / f"{name}.toml"
    if not path.is_file():
        shipped = shipped_mappings()
        raise SanchoError(
            Text(
                "マッピング「{name}」がありません。"
                "TOML ファイルのパスか、{shipped} のいずれかを指定してください。",
                "no mapping {name!r}; give the path of a TOML file or one of {shipped}.",
            ).format(name=name, shipped=", ".join(shipped)),
            "no_such_mapping",
        )
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SanchoError(
            Text(
                "マッピング {path} は TOML として読めません（{error}）。"
                'その行を直してください（日本語のキーは "案件名" のように引用符で囲みます）。',
                "mapping {path} is not TOML ({error}); mend that line "
                '(keys beyond a-z need quotes, like "案件名").',
            ).format(path=path.name, error=error),
            "bad_mapping",
        ) from None
    return _Reader(path.stem).mapping(said)


def _did_you_mean(given: str, known: list[str]) -> Text:
    near = difflib.get_close_matches(given, known, 1)
    return Text(f"{near[0]} のことですか。", f"did you mean {near[0]}? ") if near else Text("", "")


class _Reader:
    """Reads a mapping's parts; `fail` tells the first mistake."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sources: set[str] = set()

    def fail(self, place: str, ja: str, en: str) -> NoReturn:
        raise SanchoError(
            Text(f"マッピング {self.name} の {place}：{ja}", f"mapping {self.name}, {place}: {en}"),
            "bad_mapping",
        )

    def keys(self, place: str, said: Any, allowed: str) -> Mapping[str, Any]:
        """A table of settings, all of whose keys are known."""
        if not isinstance(said, dict):
            self.fail(
                place, f"設定の表が必要ですが {said!r} です。", f"expected a table of settings, got {said!r}."
            )
        known = allowed.split()
        for key in said:
            if key not in known:
                question = _did_you_mean(key, known)
                self.fail(
                    place,
                    f"キー「{key}」は使えません。{question.ja}使えるのは {'、'.join(known)} です。",
                    f"unknown key {key!r}; {question.en}known are {', '.join(known)}.",
                )
        return said

    def text(self, place: str, said: Any) -> str:
        """A value as text."""
        if isinstance(said, bool) or not isinstance(said, str | int | float):
            self.fail(place, f"文字列が必要ですが {said!r} です。", f"expected text, got {said!r}.")
        return str(said)

    def texts(self, place: str, said: Any) -> tuple[str, ...]:
        """One text or several."""
        return tuple(self.text(place, part) for part in (said if isinstance(said, list) else [said]))

    def mapping(self, said: Any) -> FileMapping:
        """The whole file."""
        said = self.keys("先頭 (top)", said, "title_ja title_en zone currency dates sources tables")
        self.sources = set(said.get("sources", {}))
        zone = self.zone(said.get("zone"))
        sources = {
            name: self.origin(f"sources.{name}", part) for name, part in said.get("sources", {}).items()
        }
        blocks = tuple(self.block(f"tables[{n}]", part) for n, part in enumerate(said.get("tables", []), 1))
        if not blocks:
            self.fail(
                "tables",
                "[[tables]] がありません。1つ以上書いてください。",
                "no [[tables]]; write at least one.",
            )
        title = Text(str(said.get("title_ja", self.name)), str(said.get("title_en", self.name)))
        currency = said.get("currency")
        return FileMapping(
            self.name, title, sources, blocks, zone,
            None if currency is None else self.text("currency", currency),
            self.texts("dates", said.get("dates", [])),
        )  # fmt: skip

    def zone(self, said: Any) -> ZoneInfo | None:
        if said is None:
            return None
        try:
            return ZoneInfo(self.text("zone", said))
        except (ZoneInfoNotFoundError, ValueError):
            self.fail(
                "zone",
                f"時間帯「{said}」はありません。Asia/Tokyo のように書いてください。",
                f"no time zone {said!r}; write it like Asia/Tokyo.",
            )

    def origin(self, place: str, said: Any) -> Origin:
        said = self.keys(place, said, "files encoding delimiter skip sheet optional")
        if "files" not in said:
            self.fail(
                place,
                'files がありません（例 files = "deals*.csv"）。',
                'files is missing (e.g. files = "deals*.csv").',
            )
        how = Reading(
            said.get("encoding"), said.get("delimiter"), int(said.get("skip", 0)), said.get("sheet")
        )
        return Origin(self.texts(f"{place}.files", said["files"]), how, bool(said.get("optional", False)))

    def block(self, place: str, said: Any) -> Block:
        said = self.keys(place, said, "table source columns where rows distinct pair history")
        table = self.text(f"{place}.table", said.get("table", ""))
        if table not in TABLES:
            self.one_of(f"{place}.table", table, list(TABLES))
        place = f"{place} ({table})"
        source = said.get("source")
        rows = tuple(self.row(f"{place}.rows", row, table) for row in said.get("rows", []))
        if (source is None) == (not rows):
            self.fail(place, "source か rows のどちらか一方を書いてください。", "give either source or rows.")
        if source is not None and source not in self.sources:
            self.one_of(f"{place}.source", str(source), sorted(self.sources))
        columns = {
            name: self.rule(f"{place}.columns.{name}", part) for name, part in said.get("columns", {}).items()
        }
        self.columns(f"{place}.columns", columns, table)
        history = self.texts(f"{place}.history", said.get("history", []))
        if history and table != "deals":
            self.fail(place, "history は deals の表だけで使えます。", "history is only for the table deals.")
        return Block(
            table, source, columns, self.where(f"{place}.where", said.get("where", {})), rows,
            bool(said.get("distinct", False)), self.pair(f"{place}.pair", said.get("pair")), history,
        )  # fmt: skip

    def one_of(self, place: str, given: str, known: list[str]) -> NoReturn:
        question = _did_you_mean(given, known)
        self.fail(
            place,
            f"「{given}」はありません。{question.ja}使えるのは {'、'.join(known)} です。",
            f"no {given!r}; {question.en}known are {', '.join(known)}.",
        )

    def columns(self, place: str, given: Mapping[str, object], table: str) -> None:
        for name in given:
            if name not in TABLES[table].by_name and not TABLES[table].custom:
                self.one_of(place, name, list(TABLES[table].names))
            if name.startswith("_") or '"' in name or "\\" in name:
                self.fail(place, f"列名「{name}」は使えません。", f"column name {name!r} cannot be used.")

    def row(self, place: str, said: Any, table: str) -> Mapping[str, str]:
        if not isinstance(said, dict):
            self.fail(
                place,
                f"行は表の形で書いてください（{said!r}）。",
                f"write each row as a table, not {said!r}.",
            )
        self.columns(place, said, table)
        return {name: self.text(f"{place}.{name}", value) for name, value in said.items()}

    def rule(self, place: str, said: Any) -> Rule:
        if isinstance(said, str):
            return Rule(source=said)
        said = self.keys(
            place, said, "from const template first values others lookup on take unit dates where optional"
        )
        ways = [way for way in ("from", "const", "template", "first") if way in said]
        if len(ways) != 1:
            self.fail(
                place,
                "from、const、template、first のどれか1つを書いてください。",
                "give exactly one of from, const, template, first.",
            )
        values = said.get("values", {})
        if not isinstance(values, dict):
            self.fail(
                f"{place}.values",
                "元の値 = 新しい値 の表を書いてください。",
                "write a table of source value = new value.",
            )
        others = said.get("others", "keep")
        if others not in ("keep", "blank", "error"):
            self.one_of(f"{place}.others", str(others), ["keep", "blank", "error"])
        return Rule(
            source=None if "from" not in said else self.text(f"{place}.from", said["from"]),
            const=None if "const" not in said else self.text(f"{place}.const", said["const"]),
            template=None if "template" not in said else self.text(f"{place}.template", said["template"]),
            first=tuple(self.rule(f"{place}.first", part) for part in said.get("first", [])),
            meanings={key: self.text(f"{place}.values.{key}", value) for key, value in values.items()},
            others=others,
            lookup=self.lookup(place, said),
            unit=self.unit(f"{place}.unit", said.get("unit")),
            dates=self.texts(f"{place}.dates", said.get("dates", [])),
            where=self.where(f"{place}.where", said.get("where", {})),
            optional=bool(said.get("optional", False)),
        )

    def lookup(self, place: str, said: Mapping[str, Any]) -> Lookup | None:
        given = [key for key in ("lookup", "on", "take") if key in said]
        if not given:
            return None
        if len(given) < 3:
            self.fail(
                place, "lookup、on、take は3つそろえて書いてください。", "lookup, on and take go together."
            )
        if said["lookup"] not in self.sources:
            self.one_of(f"{place}.lookup", str(said["lookup"]), sorted(self.sources))
        return Lookup(
            said["lookup"], self.text(f"{place}.on", said["on"]), self.text(f"{place}.take", said["take"])
        )

    def unit(self, place: str, said: Any) -> float | None:
        if said is None:
            return None
        if isinstance(said, int | float) and not isinstance(said, bool):
            return float(said)
        if said not in UNITS:
            self.one_of(place, str(said), list(UNITS))
        return UNITS[said]

    def where(self, place: str, said: Any) -> dict[str, Condition]:
        if not isinstance(said, dict):
            self.fail(place, "列 = 条件 の表を書いてください。", "write a table of column = condition.")
        return {column: self.condition(f"{place}.{column}", part) for column, part in said.items()}

    def condition(self, place: str, said: Any) -> Condition:
        if isinstance(said, bool):
            return Condition(filled=said)
        if not isinstance(said, dict):
            return Condition(among=self.texts(place, said))
        said = self.keys(place, said, "among without starts filled")
        among, without = said.get("among"), said.get("without")
        return Condition(
            None if among is None else self.texts(place, among),
            None if without is None else self.texts(place, without),
            None if "starts" not in said else self.text(place, said["starts"]),
            said.get("filled"),
        )

    def pair(self, place: str, said: Any) -> Pair | None:
        if said is None:
            return None
        said = self.keys(place, said, "by column start end time")
        for key in ("by", "column", "start", "end", "time"):
            if key not in said:
                self.fail(place, f"{key} がありません。", f"{key} is missing.")
        rest = [self.text(f"{place}.{key}", said[key]) for key in ("column", "start", "end", "time")]
        return Pair(self.texts(f"{place}.by", said["by"]), *rest)
