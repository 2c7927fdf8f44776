"""Which pages are made from code? tables.md from the schema, features.md and kpis.md from the catalogues.

`python docs/generate.py` writes them; a test fails where they are not up to date.
"""

from __future__ import annotations

from pathlib import Path

from sancho.crm.schema import TABLES, Column
from sancho.features import CATALOGUE
from sancho.features.kpis import KPIS
from sancho.features.kpis.count import HAPPENINGS
from sancho.features.kpis.own import OWN_EXAMPLE

HERE = Path(__file__).parent


def tables_page() -> str:
    """The canonical tables in both languages, as Markdown."""
    lines = [
        "# Canonical tables",
        "",
        "Every source becomes these tables, every model reads only these. Times are ISO 8601 (naive = the",
        "organisation's time zone), money is a plain number. `*` = must be filled.",
        "`deals` and `accounts` take any further column as a custom attribute.",
    ]
    for table in TABLES.values():
        lines += [
            "",
            f"## {table.name} — {table.label.ja}",
            "",
            f"A row is named by {', '.join(f'`{name}`' for name in table.key)}.",
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
        "become features besides these. *Controllable* means: the seller can change it.",
        "",
        "| feature | 名称 | label | unit | group | controllable |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for f in CATALOGUE:
        ours = "yes" if f.controllable else ""
        lines.append(f"| `{f.name}` | {f.label.ja} | {f.label.en} | {f.unit.both()} | {f.group} | {ours} |")
    return "\n".join(lines) + "\n"


def kpis_page() -> str:
    """The KPIs in both languages and how to add one's own, as Markdown."""
    lines = [
        "# KPIs",
        "",
        "`sancho kpis PERIOD` and `GET /v1/kpis/{period}` give each for the company, a team or a person.",
        "Targets are rows of `targets` whose `metric` is the KPI's name. *Controllable* means: in a seller's",
        "own hands.",
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
    lines += ["", "## Your own", "", "In `sancho.toml`:", "", "```toml", OWN_EXAMPLE, "```", ""]
    lines += [
        "`count` is one of:",
        "",
        "| count | 数えるもの | counts | table | when |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [f"| `{n}` | {h.label.ja} | {h.label.en} | {h.table} | {h.at} |" for n, h in HAPPENINGS.items()]
    lines += [
        "",
        "`where`, `total`, `distinct` and `reached` name columns of that table (see [tables](tables.md)),",
    ]
    lines += ["custom ones of `deals` included."]
    return "\n".join(lines) + "\n"


PAGES = {"tables.md": tables_page, "features.md": features_page, "kpis.md": kpis_page}


def _row(column: Column) -> str:
    star = "*" if column.required else ""
    return (
        f"| `{column.name}`{star} | {column.label.ja} | {column.label.en} | {column.kind} | "
        f"{', '.join(column.choices)} |"
    )


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
