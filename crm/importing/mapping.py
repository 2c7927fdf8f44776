"""What does a mapping file define? Its TOML is read strictly: a mistake is named with its place and a fix."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing.columns import UNITS
from crm.importing.encoding import known_charset
from crm.importing.source import Reading
from crm.schema import TABLES, VERSION_COLUMNS

_FIELD = re.compile(r"\{([^{}]*)\}")
SHIPPED = Path(__file__).parent.parent / "mappings"
MINUTES = "(minutes)"  # what `pair` adds to a row: minutes from its start to its end
SHEET = "(sheet)"  # the name of the sheet a row stands on
LINE = "(line)"  # the row's line in its file, for rows that have no id of their own


@dataclass(frozen=True)
class Lookup:
    """The value of another source's column `take` in the row whose column `on` holds this value."""

    source: str
    on: str
    take: str


@dataclass(frozen=True)
class Monthly:
    """The columns of a monthly amount and of its term in months or years; `default` months where blank."""

    amount: str
    months: str | None = None
    years: str | None = None
    default: float | None = None


@dataclass(frozen=True)
class Rule:
    """How one canonical column comes from a source row."""

    source: str | None = None
    const: str | None = None
    template: str | None = None
    first: tuple[Rule, ...] = ()
    monthly: Monthly | None = None
    meanings: Mapping[str, str] = field(default_factory=dict)  # canonical value by source value
    others: str = "keep"  # keep, blank or error: what becomes of a value without a meaning
    lookup: Lookup | None = None
    unit: float | None = None
    decimal: str | None = None
    dates: tuple[str, ...] = ()
    where: Mapping[str, Condition] = field(default_factory=dict)
    optional: bool = False

    @property
    def columns(self) -> set[str]:
        """The source columns that it takes values from."""
        names = {name for rule in self.first for name in rule.columns}
        names |= set(_FIELD.findall(self.template or ""))
        return names | ({self.source} if self.source else set())


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
    decimal: str | None = None
    snapshot: str | None = None  # the column that says of which day a row is
    given: str = ""  # as it was named

    def columns_of(self, source: str) -> set[str]:
        """The columns of a source that the mapping names."""
        names: set[str] = set()
        for block in self.blocks:
            if block.source == source:
                names |= {*block.where, *(block.pair.by if block.pair else ())}
                for rule in block.columns.values():
                    names |= rule.columns
        return names - {LINE, SHEET, MINUTES}


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with Sancho."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def shipped_mapping(name: str) -> FileMapping:
    """A mapping that comes with Sancho: what a caller names is never looked for in the server's folders."""
    if name not in shipped_mappings():
        raise _no_mapping(name)
    return load_mapping(name)


def load_mapping(name: str | Path) -> FileMapping:
    """The mapping in a TOML file, or one that comes with Sancho by its name."""
    path = Path(name)
    if not path.is_file() and path.suffix != ".toml" and path.name == str(name):
        path = SHIPPED / f"{name}.toml"
    if not path.is_file():
        raise _no_mapping(str(name))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(path.name, error) from None
    return read_mapping(text, path.stem, str(name))


def read_mapping(text: str, name: str = "mapping", given: str | None = None) -> FileMapping:
    """The mapping of a text: TOML, or the same as JSON where it begins with a brace."""
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _unreadable(name, error) from None
    return replace(_Reader(name).mapping(document), given=given or name)


def _no_mapping(name: str) -> SanchoError:
    return SanchoError(
        Text(
            "マッピング「{name}」がありません。"
            "TOML ファイルのパスか、{shipped} のいずれかを指定してください。",
            "no mapping {name!r}; give the path of a TOML file or one of {shipped}.",
        ).format(name=name, shipped=", ".join(shipped_mappings())),
        "no_such_mapping",
    )


def _unreadable(name: str, error: Exception) -> SanchoError:
    return SanchoError(
        Text(
            "マッピング {name} は TOML（または JSON）として読めません（{error}）。"
            'その行を直してください（日本語のキーは "案件名" のように引用符で囲みます）。',
            "mapping {name} is not TOML (or JSON) ({error}); correct that line "
            '(keys beyond a-z need quotes, like "案件名").',
        ).format(name=name, error=error),
        "bad_mapping",
    )


def _did_you_mean(given: str, known: list[str]) -> Text:
    near = difflib.get_close_matches(given, known, 1)
    return Text(f"{near[0]} のことですか。", f"did you mean {near[0]}? ") if near else Text("", "")


class _Reader:
    """Reads a mapping's parts; the first mistake raises an error."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sources: set[str] = set()

    def fail(self, at: str, ja: str, en: str) -> NoReturn:
        raise SanchoError(
            Text(f"マッピング {self.name} の {at}：{ja}", f"mapping {self.name}, {at}: {en}"),
            "bad_mapping",
        )

    def keys(self, at: str, value: Any, allowed: str) -> Mapping[str, Any]:
        """A table of settings, all of whose keys are known."""
        if not isinstance(value, dict):
            self.fail(
                at,
                f"設定の表が必要ですが {value!r} です。",
                f"expected a table of settings, got {value!r}.",
            )
        known = allowed.split()
        for key in value:
            if key not in known:
                question = _did_you_mean(key, known)
                self.fail(
                    at,
                    f"キー「{key}」は使えません。{question.ja}使えるのは {'、'.join(known)} です。",
                    f"unknown key {key!r}; {question.en}known are {', '.join(known)}.",
                )
        return value

    def text(self, at: str, value: Any) -> str:
        """A value as text."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            self.fail(at, f"文字列が必要ですが {value!r} です。", f"expected text, got {value!r}.")
        return str(value)

    def texts(self, at: str, value: Any) -> tuple[str, ...]:
        """One text or several."""
        return tuple(self.text(at, part) for part in (value if isinstance(value, list) else [value]))

    def mapping(self, value: Any) -> FileMapping:
        """The whole file."""
        value = self.keys(
            "先頭 (top)", value, "title_ja title_en zone currency dates decimal snapshot sources tables"
        )
        self.sources = set(value.get("sources", {}))
        zone = self.zone(value.get("zone"))
        sources = {
            name: self.origin(f"sources.{name}", part) for name, part in value.get("sources", {}).items()
        }
        blocks = tuple(self.block(f"tables[{n}]", part) for n, part in enumerate(value.get("tables", []), 1))
        if not blocks:
            self.fail(
                "tables",
                "[[tables]] がありません。1つ以上書いてください。",
                "no [[tables]]; write at least one.",
            )
        title = Text(str(value.get("title_ja", self.name)), str(value.get("title_en", self.name)))
        currency = value.get("currency")
        return FileMapping(
            self.name, title, sources, blocks, zone,
            None if currency is None else self.text("currency", currency),
            self.texts("dates", value.get("dates", [])),
            self.decimal("decimal", value.get("decimal")),
            None if "snapshot" not in value else self.text("snapshot", value["snapshot"]),
        )  # fmt: skip

    def zone(self, value: Any) -> ZoneInfo | None:
        if value is None:
            return None
        try:
            return ZoneInfo(self.text("zone", value))
        except (ZoneInfoNotFoundError, ValueError):
            self.fail(
                "zone",
                f"時間帯「{value}」はありません。Asia/Tokyo のように書いてください。",
                f"no time zone {value!r}; write it like Asia/Tokyo.",
            )

    def origin(self, at: str, value: Any) -> Origin:
        value = self.keys(at, value, "files encoding delimiter skip sheet optional")
        if "files" not in value:
            self.fail(
                at,
                'files がありません（例 files = "deals*.csv"）。',
                'files is missing (e.g. files = "deals*.csv").',
            )
        encoding = value.get("encoding")
        how = Reading(
            None if encoding is None else known_charset(self.text(f"{at}.encoding", encoding)),
            value.get("delimiter"),
            int(value.get("skip", 0)),
            value.get("sheet"),
        )
        return Origin(self.texts(f"{at}.files", value["files"]), how, bool(value.get("optional", False)))

    def block(self, at: str, value: Any) -> Block:
        value = self.keys(at, value, "table source columns where rows distinct pair history")
        table = self.text(f"{at}.table", value.get("table", ""))
        if table not in TABLES:
            self.one_of(f"{at}.table", table, list(TABLES))
        at = f"{at} ({table})"
        source = value.get("source")
        rows = tuple(self.row(f"{at}.rows", row, table) for row in value.get("rows", []))
        if (source is None) == (not rows):
            self.fail(at, "source か rows のどちらか一方を書いてください。", "give either source or rows.")
        if source is not None and source not in self.sources:
            self.one_of(f"{at}.source", str(source), sorted(self.sources))
        columns = {
            name: self.rule(f"{at}.columns.{name}", part) for name, part in value.get("columns", {}).items()
        }
        self.columns(f"{at}.columns", columns, table)
        history = self.texts(f"{at}.history", value.get("history", []))
        if history and table != "deals":
            self.fail(at, "history は deals の表だけで使えます。", "history is only for the table deals.")
        return Block(
            table, source, columns, self.where(f"{at}.where", value.get("where", {})), rows,
            bool(value.get("distinct", False)), self.pair(f"{at}.pair", value.get("pair")), history,
        )  # fmt: skip

    def one_of(self, at: str, given: str, known: list[str]) -> NoReturn:
        question = _did_you_mean(given, known)
        self.fail(
            at,
            f"「{given}」はありません。{question.ja}使えるのは {'、'.join(known)} です。",
            f"no {given!r}; {question.en}known are {', '.join(known)}.",
        )

    def columns(self, at: str, given: Mapping[str, object], table: str) -> None:
        for name in given:
            if name not in TABLES[table].by_name and name not in VERSION_COLUMNS and not TABLES[table].custom:
                self.one_of(at, name, [*TABLES[table].names, *VERSION_COLUMNS])
            if name.startswith("_") or '"' in name or "\\" in name:
                self.fail(at, f"列名「{name}」は使えません。", f"column name {name!r} cannot be used.")

    def row(self, at: str, value: Any, table: str) -> Mapping[str, str]:
        if not isinstance(value, dict):
            self.fail(
                at,
                f"行は表の形で書いてください（{value!r}）。",
                f"write each row as a table, not {value!r}.",
            )
        self.columns(at, value, table)
        return {name: self.text(f"{at}.{name}", cell) for name, cell in value.items()}

    def rule(self, at: str, value: Any) -> Rule:
        if isinstance(value, str):
            return Rule(source=value)
        value = self.keys(
            at,
            value,
            "from const template first monthly months years default_months values others lookup on take unit "
            "decimal dates where optional",
        )
        ways = [way for way in ("from", "const", "template", "first", "monthly") if way in value]
        if len(ways) != 1:
            self.fail(
                at,
                "from、const、template、first、monthly のどれか1つを書いてください。",
                "give exactly one of from, const, template, first, monthly.",
            )
        values = value.get("values", {})
        if not isinstance(values, dict):
            self.fail(
                f"{at}.values",
                "元の値 = 新しい値 の表を書いてください。",
                "write a table of source value = new value.",
            )
        others = value.get("others", "keep")
        if others not in ("keep", "blank", "error"):
            self.one_of(f"{at}.others", str(others), ["keep", "blank", "error"])
        return Rule(
            source=None if "from" not in value else self.text(f"{at}.from", value["from"]),
            const=None if "const" not in value else self.text(f"{at}.const", value["const"]),
            template=None if "template" not in value else self.text(f"{at}.template", value["template"]),
            first=tuple(self.rule(f"{at}.first", part) for part in value.get("first", [])),
            monthly=self.monthly(at, value),
            meanings={key: self.text(f"{at}.values.{key}", meaning) for key, meaning in values.items()},
            others=others,
            lookup=self.lookup(at, value),
            unit=self.unit(f"{at}.unit", value.get("unit")),
            decimal=self.decimal(f"{at}.decimal", value.get("decimal")),
            dates=self.texts(f"{at}.dates", value.get("dates", [])),
            where=self.where(f"{at}.where", value.get("where", {})),
            optional=bool(value.get("optional", False)),
        )

    def monthly(self, at: str, value: Mapping[str, Any]) -> Monthly | None:
        term = [key for key in ("months", "years", "default_months") if key in value]
        if "monthly" not in value and not term:
            return None
        if "monthly" not in value or not term or {"months", "years"} <= set(term):
            self.fail(
                at,
                "monthly（月額の列）と、months（契約月数の列）か years（契約年数の列）のどちらかを"
                "書いてください。空欄のときの月数は default_months です。",
                "give monthly (the column of the monthly amount) with either months or years (the column of "
                "the term); default_months is the term of rows that leave it blank.",
            )
        default = value.get("default_months")
        if default is not None and (
            isinstance(default, bool) or not isinstance(default, int | float) or default <= 0
        ):
            self.fail(
                f"{at}.default_months",
                f"0より大きい月数が必要ですが {default!r} です。",
                f"expected a number of months above 0, got {default!r}.",
            )
        return Monthly(
            self.text(f"{at}.monthly", value["monthly"]),
            None if "months" not in value else self.text(f"{at}.months", value["months"]),
            None if "years" not in value else self.text(f"{at}.years", value["years"]),
            None if default is None else float(default),
        )

    def lookup(self, at: str, value: Mapping[str, Any]) -> Lookup | None:
        given = [key for key in ("lookup", "on", "take") if key in value]
        if not given:
            return None
        if len(given) < 3:
            self.fail(
                at, "lookup、on、take は3つそろえて書いてください。", "lookup, on and take go together."
            )
        if value["lookup"] not in self.sources:
            self.one_of(f"{at}.lookup", str(value["lookup"]), sorted(self.sources))
        return Lookup(
            value["lookup"],
            self.text(f"{at}.on", value["on"]),
            self.text(f"{at}.take", value["take"]),
        )

    def unit(self, at: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if value not in UNITS:
            self.one_of(at, str(value), list(UNITS))
        return UNITS[value]

    def decimal(self, at: str, value: Any) -> str | None:
        if value is None:
            return None
        mark = self.text(at, value)
        return mark if mark in (".", ",") else self.one_of(at, mark, [".", ","])

    def where(self, at: str, value: Any) -> dict[str, Condition]:
        if not isinstance(value, dict):
            self.fail(at, "列 = 条件 の表を書いてください。", "write a table of column = condition.")
        return {column: self.condition(f"{at}.{column}", part) for column, part in value.items()}

    def condition(self, at: str, value: Any) -> Condition:
        if isinstance(value, bool):
            return Condition(filled=value)
        if not isinstance(value, dict):
            return Condition(among=self.texts(at, value))
        value = self.keys(at, value, "among without starts filled")
        among, without = value.get("among"), value.get("without")
        return Condition(
            None if among is None else self.texts(at, among),
            None if without is None else self.texts(at, without),
            None if "starts" not in value else self.text(at, value["starts"]),
            value.get("filled"),
        )

    def pair(self, at: str, value: Any) -> Pair | None:
        if value is None:
            return None
        value = self.keys(at, value, "by column start end time")
        for key in ("by", "column", "start", "end", "time"):
            if key not in value:
                self.fail(at, f"{key} がありません。", f"{key} is missing.")
        rest = [self.text(f"{at}.{key}", value[key]) for key in ("column", "start", "end", "time")]
        return Pair(self.texts(f"{at}.by", value["by"]), *rest)
