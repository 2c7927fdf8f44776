"""Which custom KPIs has a company defined? Read from the tables [[kpi]] of its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crm.errors import SanchoError
from crm.i18n import Text
from crm.kpi_units import MONEY, SHARE
from crm.schema import TABLES, Kind
from features.kpis.catalogue import KPIS
from features.kpis.count import EXTRA_COLUMNS, KPI_EVENTS
from features.kpis.definition import STYLES, Count, Kpi, Shape

CUSTOM_KPI_EXAMPLE = """\
[[kpi]]
id = "demos_per_visit"
label_ja = "訪問あたりデモ件数"
label_en = "Demos per visit"
unit_ja = "件"
unit_en = "demos"
count = "activities"              # which events, from the list below
where = { kind = "demo" }         # column = value or a list of values; "*" = filled in
per = { count = "activities", where = { kind = "visit" } }   # divided by this
share = false                     # true = a share of the divisor (0 to 1)
styles = ["field"]                # field, route, inside; default all
controllable = true

[[kpi]]
id = "demo_minutes"
label_ja = "デモ時間"
label_en = "Time in demos"
unit_ja = "分"
unit_en = "minutes"
count = "activities"
where = { kind = "demo" }
total = "minutes"                 # sums a column; distinct = "account_id" would count distinct values

[[kpi]]
id = "lead_qualification"
label_ja = "リードの案件化率"
label_en = "Leads that get qualified"
count = "leads.created"
reached = "qualified_at"          # share of the period's rows that have reached it by now\
"""


class _Counted(BaseModel):
    model_config = ConfigDict(extra="forbid")
    count: str
    where: dict[str, str | bool | float | list[str | bool | float]] = Field(default_factory=dict)
    total: str | None = None
    distinct: str | None = None


class _CustomKpi(_Counted):
    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    label_ja: str = Field(min_length=1)
    label_en: str = Field(min_length=1)
    unit_ja: str = "件"
    unit_en: str = "times"
    reached: str | None = None
    per: _Counted | None = None
    share: bool = False
    styles: list[str] = Field(default_factory=lambda: list(STYLES))
    controllable: bool = False
    lower_is_better: bool = False


def custom_kpis(tables: Sequence[Mapping[str, Any]]) -> tuple[Kpi, ...]:
    """KPIs of the tables, in order. Raises SanchoError that names the KPI, the key and the valid values."""
    kpis = [_custom_kpi(table, number) for number, table in enumerate(tables, 1)]
    taken = [kpi.id for kpi in KPIS]
    for kpi in kpis:
        if kpi.id in taken:
            raise _setting_error(
                kpi.id,
                Text(
                    "同じ id のKPIがすでにあります。別の id にしてください。",
                    "this id is already in use; choose another.",
                ),
            )
        taken.append(kpi.id)
    return tuple(kpis)


def _custom_kpi(table: Mapping[str, Any], number: int) -> Kpi:
    name = str(table.get("id", f"#{number}"))
    try:
        own = _CustomKpi.model_validate(dict(table))
    except ValidationError as fault:
        error = fault.errors()[0]
        key = ".".join(str(part) for part in error["loc"])
        raise _setting_error(
            name,
            Text(
                "「{key}」の値「{value}」は使えません。docs/kpis.md の設定例を参照してください。",
                "{key}: {value!r} cannot be used ({why}); see the example in docs/kpis.md.",
            ).format(key=key, value=str(error["input"])[:60], why=error["msg"]),
        ) from None
    unknown = sorted(set(own.styles) - set(STYLES))
    if unknown:
        raise _setting_error(
            name,
            Text(
                "styles の「{got}」はありません。{fine} から選んでください。",
                "styles: no {got!r}; choose from {fine}.",
            ).format(got=unknown[0], fine=", ".join(STYLES)),
        )
    count = _count_of(own, name, own.reached)
    per = None if own.per is None else _count_of(own.per, name, None)
    if per is not None and own.reached is not None:
        raise _setting_error(
            name,
            Text("reached と per は同時に使えません。", "use either reached or per, not both."),
        )
    shape = _shape(own, count, per)
    adds_money = count.total is not None and _kind(count.of, count.total) is Kind.MONEY
    unit = Text(own.unit_ja, own.unit_en)
    if shape in (Shape.RATE, Shape.COHORT):
        unit = SHARE
    elif adds_money:
        unit = MONEY
    label = Text(own.label_ja, own.label_en)
    styles = tuple(own.styles)
    controllable, low = own.controllable, own.lower_is_better
    return Kpi(own.id, label, label, unit, shape, count, per, styles, controllable, low)


def _shape(own: _CustomKpi, count: Count, per: Count | None) -> Shape:
    if own.reached is not None:
        return Shape.COHORT
    if per is not None:
        return Shape.RATE if own.share else Shape.MEAN
    return Shape.COUNT if count.total is None else Shape.AMOUNT


def _count_of(own: _Counted, name: str, reached: str | None) -> Count:
    event = KPI_EVENTS.get(own.count)
    if event is None:
        raise _setting_error(
            name,
            Text(
                "count の「{got}」はありません。{fine} から選んでください。",
                "count: no {got!r}; choose from {fine}.",
            ).format(got=own.count, fine=", ".join(KPI_EVENTS)),
        )
    table = TABLES[event.table]
    columns = {*table.by_name, *EXTRA_COLUMNS.get(event.table, ())}
    wanted = [(column, "where") for column in own.where]
    wanted += [(own.distinct or "", "distinct"), (own.total or "", "total"), (reached or "", "reached")]
    for column, key in wanted:
        if column and column not in columns and not table.custom:
            raise _setting_error(
                name,
                Text(
                    "{key} の列「{column}」は {table} にありません。",
                    "{key}: {table} has no column {column!r}.",
                ).format(key=key, column=column, table=event.table),
            )
    if own.total is not None and _kind(own.count, own.total) not in (Kind.MONEY, Kind.NUMBER, None):
        raise _setting_error(
            name,
            Text("total の列「{c}」は数値ではありません。", "total: {c!r} is not a number.").format(
                c=own.total
            ),
        )
    if reached is not None and _kind(own.count, reached) is not Kind.MOMENT:
        raise _setting_error(
            name,
            Text("reached の列「{c}」は日時ではありません。", "reached: {c!r} is not a time.").format(
                c=reached
            ),
        )
    where = tuple((column, _allowed(value)) for column, value in own.where.items())
    return Count(own.count, where, own.total, own.distinct, reached)


def _kind(of: str, column: str) -> Kind | None:
    known = TABLES[KPI_EVENTS[of].table].by_name.get(column)
    return None if known is None else known.kind


def _allowed(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in values)


def _setting_error(name: str, why: Text) -> SanchoError:
    return SanchoError(
        Text("sancho.toml の [[kpi]]「{name}」：{why}", "sancho.toml, [[kpi]] {name!r}: {why}").format(
            name=name, why=why
        ),
        "bad_setting",
    )
