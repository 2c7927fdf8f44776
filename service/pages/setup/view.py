"""What stands on the page 設定・取込? The five steps from a file to a target, each with its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crm.i18n import Language, Text
from crm.schema import TABLES
from pictures.measure import COUNT
from service.chosen_columns import CUSTOM, UNUSED, previewed
from service.job_requests import MAX_FILE
from service.language import day_text
from service.pages.progress import REFRESH_SECONDS, progress_of
from service.pages.setup_words import WORDS
from service.pages.values import cell, money_measure, unit_choices
from service.set_up import NO_DATA, NOT_TRAINED

if TYPE_CHECKING:
    from training.registry import ModelVersion

Answer = Mapping[str, Any]
ENCODINGS = ("utf-8", "cp932")
STEPS = ("file", "columns", "quarantine", "training", "targets")
_SHOWN = 10  # rows that would be rejected
_TYPED = ("deals", "people", "activities", "targets")  # tables that come first in a choice


def setup_view(
    lang: Language,
    stage: Answer,
    overview: Answer,
    quarantine: Answer,
    job: Answer | None,
    model: ModelVersion | None,
    *,
    is_still: bool,
    look: int,
    is_later_page: bool,
) -> dict[str, Any]:
    """The values of setup.html.j2."""
    checked = job is not None and bool(job["request"].get("dry_run")) and job["state"] == "done"
    job_is_open = job is not None and job["state"] in ("queued", "running")
    working = stage["job"]
    is_working = job_is_open or working is not None
    few = stage["few_deals"]
    states = {
        "file": bool(stage["deals"]),
        "columns": bool(stage["deals"]) and not checked,
        "quarantine": bool(stage["deals"]) and not quarantine["total"],
        "training": stage["has_model"],
        "targets": bool(overview["targets"]),
    }
    now = _now(states, checked)
    return {
        "steps": [
            {
                "name": name,
                "words": WORDS[f"step_{name}"].to(lang),
                "state": WORDS[
                    "state_now" if name == now else "state_done" if states[name] else "state_open"
                ].to(lang),
                "is_now": name == now,
            }
            for name in STEPS
        ],
        "again": REFRESH_SECONDS if is_working and not is_still else None,
        "again_at": _again_at(job if job_is_open else None, look),
        "is_working": is_working,
        "most": MAX_FILE >> 20,
        "tables": [{"name": name, "words": TABLES[name].label.to(lang)} for name in _tables()],
        "encodings": ENCODINGS,
        "imported": [
            {"label": row["label"], "rows": cell(row["rows"], COUNT, lang)} for row in overview["tables"]
        ],
        "is_empty": stage["stage"] == NO_DATA,
        "job": None if job is None else _job(job, lang),
        "quarantine": [_row(row) for row in quarantine["rows"]],
        "quarantined": quarantine["total"],
        "downloads": [
            {
                "address": f"/v1/quarantine/{row['table']}.csv",
                "words": WORDS["download"].format(label=row["label"], n=row["rows"]).to(lang),
            }
            for row in quarantine["tables"]
        ],
        "next_rows": quarantine["next_cursor"],
        "is_later_page": is_later_page,
        "running": None if working is None or working["kind"] == "import" else progress_of(working, lang),
        "may_train": stage["deals"] > 0 and (working is None or working["kind"] == "import"),
        "is_due": stage["stage"] == NOT_TRAINED,
        "deals": f"{stage['deals']:,}",
        "trained": None if model is None else _trained(model, lang),
        "few": None if few is None else WORDS["few_deals"].format(n=few[0], more=few[1] - few[0]).to(lang),
        "failed": _failed(overview["training"]),
        **_targets(overview, lang),
    }


def _now(states: Mapping[str, bool], checked: bool) -> str:
    """The step that is next."""
    if checked:
        return "columns"
    if not states["file"]:
        return "file"
    return next((name for name in ("training", "quarantine", "targets") if not states[name]), "")


def _again_at(job: Answer | None, look: int) -> str:
    """Where the page is looked at again: at the step that is being done."""
    about = "" if job is None else f"job={job['job_id']}&"
    return f"/setup?{about}look={look + 1}#{'training' if job is None else 'columns'}"


def _tables() -> list[str]:
    return [*_TYPED, *(name for name in TABLES if name not in (*_TYPED, "organisation"))]


def _job(job: Answer, lang: Language) -> dict[str, Any]:
    """An import: how far it is, or what came of it."""
    is_check = bool(job["request"].get("dry_run"))
    result = job["result"] or {}
    preview = result.get("preview") or []
    errors = result.get("errors") or []
    one = preview[0] if len(preview) == 1 and not preview[0]["is_managers_book"] else None
    bad = sum(counts["quarantined"] for counts in result.get("files", {}).values())
    return {
        "id": job["job_id"],
        "is_check": is_check,
        "running": progress_of(job, lang) if job["state"] in ("queued", "running") else None,
        "error": None if job["error"] is None else job["error"]["message"],
        "file": job["request"].get("file", ""),
        "counts": _counts(result.get("tables", {}), lang),
        "resolved": result.get("resolved", 0),
        "columns": None if one is None or not is_check else _columns(one, job["request"], lang),
        "is_book": any(row["is_managers_book"] for row in preview),
        "sheets": [_sheet(row, lang) for row in preview] if len(preview) > 1 else [],
        "is_done": job["state"] == "done",
        "takes_any": any(
            counts["imported"] + counts["unchanged"] for counts in result.get("tables", {}).values()
        ),
        "bad": bad,
        "errors": [
            {
                "line": "–" if error["line"] is None else str(error["line"]),
                "column": _label(error["table"], error["column"], lang),
                "value": error["value"][:60],
                "reason": error["reason"] if isinstance(error["reason"], str) else error["reason"][lang],
            }
            for error in errors[:_SHOWN]
        ],
        "notices": result.get("notices") or [],
    }


def _sheet(row: Answer, lang: Language) -> str:
    label = TABLES[row["table"]].label.to(lang) if row["table"] in TABLES else "–"
    return f"{row['sheet'] or row['file']} → {label}"


def _counts(tables: Mapping[str, Answer], lang: Language) -> str:
    said = []
    for name, counts in tables.items():
        label = TABLES[name].label.to(lang) if name in TABLES else name
        is_plain = not counts["unchanged"] and not counts["quarantined"]
        values = {
            "label": label,
            "imported": f"{counts['imported']:,}",
            "unchanged": f"{counts['unchanged']:,}",
            "bad": f"{counts['quarantined']:,}",
        }
        said.append(WORDS["count_plain" if is_plain else "count"].format(**values).to(lang))
    return ("、" if lang == "ja" else "; ").join(said) or "–"


def _columns(preview: Answer, asked: Answer, lang: Language) -> dict[str, Any]:
    """The columns of a checked file, and what each can be imported as."""
    told = preview["table"] or asked.get("table")
    table = told or preview["likely_table"] or "deals"
    schema = TABLES[table]
    options = [{"name": UNUSED, "words": WORDS["unused"].to(lang)}]
    if schema.custom:
        options.append({"name": CUSTOM, "words": WORDS["custom"].to(lang)})
    options += [{"name": column.name, "words": column.label.to(lang)} for column in schema.columns]
    rows = []
    for number, column in enumerate(preview["columns"]):
        chosen = column["suggestion"] or previewed(column)
        rows.append(
            {
                "field": f"column-{number}",
                "heading": column["heading"],
                "samples": " ／ ".join(filter(None, column["samples"])) or "–",
                "chosen": chosen,
                "is_guess": column["suggestion"] is not None,
                "label": WORDS["meaning_of"].format(heading=column["heading"]).to(lang),
            }
        )
    return {
        "table": table,
        "is_unknown": told is None,
        "rows": rows,
        "options": options,
        "count": f"{preview['rows']:,}",
        "has_guesses": any(row["is_guess"] for row in rows),
    }


def _label(table: str, column: str, lang: Language) -> str:
    known = table in TABLES and column in TABLES[table].by_name
    return TABLES[table][column].label.to(lang) if known else column or "–"


def _row(row: Answer) -> dict[str, Any]:
    """A rejected row, with a field for each value that cannot be used."""
    fields: dict[str, Answer] = {}
    for error in row["errors"]:
        fields.setdefault(error["column"], error)
    values = row["values"] or {}
    return {
        "id": row["row_id"],
        "label": row["label"],
        "file": row["file"],
        "line": "–" if row["line"] is None else str(row["line"]),
        "what": " ".join(filter(None, (values.get("deal_id"), values.get("name"))))[:80],
        "reasons": [error["reason"] for error in row["errors"]],
        "fields": [
            {"name": f"value-{column}", "column": error["label"], "value": values.get(column, error["value"])}
            for column, error in fields.items()
            if column
        ]
        if row["values"] is not None
        else [],
    }


def _trained(model: ModelVersion, lang: Language) -> str:
    day = day_text(datetime.fromisoformat(model.trained_at).date(), lang)
    return WORDS["trained"].format(version=model.version, day=day).to(lang)


def _failed(training: Answer | None) -> str | None:
    """Why the last training has failed; None where it has not."""
    if training is None or training["state"] != "failed" or training["error"] is None:
        return None
    return str(training["error"]["message"])


def _targets(overview: Answer, lang: Language) -> dict[str, Any]:
    currency = overview["currency"]
    rows: Sequence[Answer] = overview["targets"]
    measure = money_measure([row["value"] for row in rows], currency, lang)
    units = unit_choices(currency, lang)
    return {
        "scopes": overview["scopes"],
        "periods": overview["periods"],
        "units": [{"name": name, "words": words} for name, words in units.items()],
        "usual_unit": "man" if "man" in units else "1",
        "targets": [
            {
                "name": row["name"],
                "period": row["period"],
                "value": cell(row["value"], measure, lang),
            }
            for row in sorted(rows, key=lambda row: (row["period"], row["scope"] != "company", row["name"]))[
                -_LISTED:
            ]
        ],
        "target_unit": Text(f"単位：{measure.unit.ja}", f"Unit: {measure.unit.en}").to(lang),
    }


_LISTED = 40  # targets, of the latest periods
