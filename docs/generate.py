"""Which files are made from code? Pages, openapi.json, and the Python client that is made from that.

`python docs/generate.py` writes them; a test fails where they are not up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_type_hints

from crm.i18n import Text
from crm.schema import TABLES, VERSION_COLUMNS, Column
from features import CATALOGUE
from features.kpis import KPIS
from features.kpis.count import KPI_EVENTS
from features.kpis.followed import MONTH_END_DAYS, STAND_DAYS, TOUCH_DAYS
from features.kpis.own import CUSTOM_KPI_EXAMPLE
from models.padding import ALLOWED, KINDS
from service.app import create_app
from service.settings import ActionSettings, RetentionSettings, Settings
from tools.client_code import client_code
from training.config import TrainConfig

HERE = Path(__file__).parent
SETTINGS_EXAMPLE = """\
timezone = "Asia/Tokyo"
fiscal_start_month = 4

[actions]
hold_out = 0.1

[retention]
audit = 1095
activity_text = 730

[train]
exclude = ["deals.確度"]
owner_blind = true\
"""
_GENERAL = Text("全般", "General")
_ONLY_VARIABLES = {
    "MLFLOW_TRACKING_URI": Text(
        "MLflowの記録先とモデルの登録先。空なら home の中のSQLite",
        "MLflow's tracking server and model registry; empty = SQLite in the home",
    ),
    "MLFLOW_TRACKING_USERNAME": Text(
        "MLflowサーバーのユーザー名（認証を使う場合）", "User name at MLflow's server, where it asks for one"
    ),
    "MLFLOW_TRACKING_PASSWORD": Text(
        "MLflowサーバーのパスワード（認証を使う場合）", "Password at MLflow's server, where it asks for one"
    ),
    "MLFLOW_TRACKING_TOKEN": Text(
        "MLflowサーバーのトークン（ユーザー名とパスワードの代わり）",
        "Token for MLflow's server, in place of user name and password",
    ),
    "MLFLOW_HTTP_REQUEST_TIMEOUT": Text(
        "MLflowサーバーの応答を待つ秒数の上限", "For how many seconds MLflow's server may take to answer"
    ),
    "OTEL_EXPORTER_OTLP_ENDPOINT": Text(
        "OpenTelemetryのスパンの送信先（例：http://collector:4318）。空なら送らない",
        "Where spans of OpenTelemetry are sent (http://collector:4318, say); empty: nowhere",
    ),
    "OTEL_SERVICE_NAME": Text("スパンに付けるサービスの名前", "The service's name in spans"),
    "OTEL_SDK_DISABLED": Text("true なら、スパンを送らない", "true: no spans are sent"),
    "OMP_NUM_THREADS": Text(
        "学習に使うスレッド数の上限（train.threads より小さいとき）",
        "At most so many threads for a training, where that is fewer than train.threads",
    ),
    "SANCHO_KERNELS": Text(
        "インストールに付属するコンパイル済みカーネルのフォルダー（イメージが設定する）",
        "Folder of compiled kernels that an installation brings; the image sets it",
    ),
    "SANCHO_DEBUG": Text(
        "空でなければ、予期しないエラーの詳細を表示する", "Not empty: show all details of an unexpected error"
    ),
}


@dataclass(frozen=True)
class Setting:
    """One line of the settings page."""

    group: Text
    name: str
    variable: str
    key: str
    default: str
    meaning: Text


def tables_page() -> str:
    """The canonical tables in both languages, as Markdown."""
    lines = [
        "# Canonical tables",
        "",
        "Every source becomes these tables, and models read only these. Times are ISO 8601 (naive = the",
        "organisation's time zone), money is a plain number. `*` = required.",
        "`deals` and `accounts` take any further column as a custom attribute.",
        "",
        "Every table also takes these columns, which say since when a row is known, since when it is",
        "gone, and which row took its place (see [import](import.md)):",
        "; ".join(f"`{name}` {column.label.both()}" for name, column in VERSION_COLUMNS.items()) + ".",
    ]
    for table in TABLES.values():
        lines += [
            "",
            f"## {table.name} — {table.label.ja}",
            "",
            f"Key: {', '.join(f'`{name}`' for name in table.key)}.",
            "",
            "| column | 項目 | label | kind | values |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_row(column) for column in table.columns]
    return "\n".join(lines) + "\n"


def features_page() -> str:
    """The deal features in both languages, as Markdown."""
    lines = [
        "# Deal features",
        "",
        "What the models see of a deal as of a moment. A company's own columns of `deals` and `accounts`",
        "become features besides these. *Controllable* means: the rep can change it.",
        "",
        "| feature | 名称 | label | unit | group | controllable |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for f in CATALOGUE:
        ours = "yes" if f.controllable else ""
        lines.append(f"| `{f.name}` | {f.label.ja} | {f.label.en} | {f.unit.both()} | {f.group} | {ours} |")
    return "\n".join(lines) + "\n"


def kpis_page() -> str:
    """The KPIs in both languages and how to add your own, as Markdown."""
    lines = [
        "# KPIs",
        "",
        "`sancho kpis PERIOD` and `GET /v1/kpis/{period}` give each for the company, a team or a person.",
        "Targets are rows of `targets` whose `metric` is the KPI's name. *Controllable* means: the rep can",
        "influence it.",
        "",
        "| KPI | 名称 | label | 意味 | meaning | unit | styles | controllable |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kpi in KPIS:
        ours, styles = "yes" if kpi.controllable else "", ", ".join(kpi.styles)
        lines.append(
            f"| `{kpi.id}` | {kpi.label.ja} | {kpi.label.en} | {kpi.meaning.ja} | {kpi.meaning.en} | "
            f"{kpi.unit.both()} | {styles} | {ours} |"
        )
    lines += ["", *_padding()]
    lines += ["", "## Your own", "", "In `sancho.toml`:", "", "```toml", CUSTOM_KPI_EXAMPLE, "```", ""]
    lines += [
        "`count` is one of:",
        "",
        "| count | 数えるもの | counts | table | when |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [f"| `{n}` | {h.label.ja} | {h.label.en} | {h.table} | {h.at} |" for n, h in KPI_EVENTS.items()]
    lines += [
        "",
        "`where`, `total`, `distinct` and `reached` name columns of that table (see [tables](tables.md)),",
    ]
    lines += ["custom ones of `deals` included."]
    return "\n".join(lines) + "\n"


def _padding() -> list[str]:
    """What is asked about KPIs that rise without what should follow."""
    lines = [
        "## KPIs that rise without what should follow",
        "",
        "`sancho kpi-set padding PERIOD` and `GET /v1/kpis/{period}/padding` tell whose KPI has risen while",
        "what should follow it has not: a question to ask, with the rows to look at, not a verdict.",
        "",
        "| kind | 名称 | label | KPIs | asked of |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in KINDS.values():
        kpis, styles = ", ".join(f"`{kpi}`" for kpi in kind.kpis) or "–", ", ".join(kind.styles)
        lines.append(f"| `{kind.id}` | {kind.label.ja} | {kind.label.en} | {kpis} | {styles} |")
    return [
        *lines,
        "",
        f"A new deal should see an activity, a step forward or a win within {TOUCH_DAYS} days; a step",
        f"forward should not be taken back within {STAND_DAYS}; a deal due this month should not be pushed",
        f"out of it in the month's last {MONTH_END_DAYS} days. Rows that are not old enough to tell are left",
        "out.",
        "",
        "A person is compared with the own past (up to two years, in stretches as long as the period so far)",
        "and with how peers of the same style changed meanwhile. How much honest people differ, and each",
        "from himself, is estimated from the past. Where nobody in the company pads, the chance of even one",
        f"question is at most {ALLOWED:.0%}, over all people and kinds. Who has always had few rows that are",
        "followed is not asked: only a change is. Who sees a person's KPIs sees the questions; they are in",
        "the person's own record, too, and can be answered there (`POST /v1/me/answers`).",
        "`benchmarks/accuracy_padding.py` measures how many are found, and how often an honest person is",
        "asked.",
    ]


def settings_page() -> str:
    """Every setting in both languages, as Markdown."""
    lines = [
        "# Settings",
        "",
        "An environment variable comes first, then `sancho.toml` in the working folder, then the default.",
        "A wrong name or value stops the command with a sentence that says which values are valid. A table",
        "can also be an environment variable that holds it as JSON: `SANCHO_ACTIONS='{\"hold_out\": 0.1}'`,",
        "`SANCHO_TRAIN`, `SANCHO_KPI`. The `[[kpi]]` tables are described with the [KPIs](kpis.md#your-own).",
        "",
        "環境変数、作業フォルダーの `sancho.toml`、既定値の順に優先します。誤った名前や値があると、",
        "使える値を示して終了します。表はJSONの環境変数（`SANCHO_ACTIONS` など）でも指定できます。",
    ]
    groups: dict[str, list[str]] = {}
    for row in settings():
        cells = (f"`{cell}`" if cell else "" for cell in (row.name, row.variable, row.key, row.default))
        line = f"| {' | '.join(cells)} | {row.meaning.ja} | {row.meaning.en} |"
        groups.setdefault(row.group.both(), []).append(line)
    for group, rows in groups.items():
        heading = "| setting | environment variable | sancho.toml | default | 意味 | meaning |"
        lines += ["", f"## {group}", "", heading, "| --- | --- | --- | --- | --- | --- |", *rows]
    lines += ["", "## 例 / Example", "", "```toml", SETTINGS_EXAMPLE, "```"]
    return "\n".join(lines) + "\n"


def settings() -> Iterator[Setting]:
    """Every setting: of the installation, of recommendations, of a training, and environment variables."""
    for name, field in Settings.model_fields.items():
        if name not in ("actions", "retention", "train", "kpi"):
            default = "./.sancho" if name == "home" else _toml(field.default)
            meaning = _meaning(Settings, name)
            yield Setting(_GENERAL, name, f"SANCHO_{name.upper()}", name, default, meaning)
    for name, meaning in _ONLY_VARIABLES.items():
        yield Setting(_GENERAL, name, name, "", "", meaning)
    for name, field in ActionSettings.model_fields.items():
        group = Text("打ち手 [actions]", "Recommendations")
        meaning = _meaning(ActionSettings, name)
        yield Setting(group, name, "", f"actions.{name}", _toml(field.default), meaning)
    for name in RetentionSettings.model_fields:
        group = Text("保存期間 [retention]", "Retention")
        yield Setting(group, name, "", f"retention.{name}", "", _meaning(RetentionSettings, name))
    for name, value in vars(TrainConfig()).items():
        group = Text("学習 [train]", "Training")
        yield Setting(group, name, "", f"train.{name}", _toml(value), _meaning(TrainConfig, name))


def _meaning(kind: type, name: str) -> Text:
    """The text beside a setting's type."""
    hint = get_type_hints(kind, include_extras=True)[name]
    found = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, Text)]
    if len(found) != 1:
        raise SystemExit(f"{kind.__name__}.{name}: give its type a Text that says what it means")
    return found[0]


def _toml(value: Any) -> str:
    """A default as `sancho.toml` writes it."""
    return json.dumps(value if not isinstance(value, Path) else str(value), ensure_ascii=False)


def described() -> dict[str, Any]:
    """The REST interface as the application describes it."""
    with TemporaryDirectory() as home:
        return create_app(Settings(home=Path(home)), warm=False).openapi()


def openapi() -> str:
    """The same as a file, sorted so that a difference is a change."""
    return json.dumps(described(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


PAGES = {
    "tables.md": tables_page,
    "features.md": features_page,
    "kpis.md": kpis_page,
    "settings.md": settings_page,
    "openapi.json": openapi,
}


def client() -> dict[str, str]:
    """The Python client's modules by name."""
    return client_code(described())


def _row(column: Column) -> str:
    star = "*" if column.required else ""
    return (
        f"| `{column.name}`{star} | {column.label.ja} | {column.label.en} | {column.kind} | "
        f"{', '.join(column.choices)} |"
    )


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
    for name, code in client().items():
        (HERE.parent / "sancho" / name).write_text(code, encoding="utf-8")
