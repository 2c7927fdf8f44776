"""What stands on the page 予測の成績? The proof of the model in service, put into words and a picture."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from crm.i18n import Language, Text
from pictures.measure import COUNT, PERCENT, Measure
from pictures.reliability import Bin, Reliability
from service.access_rules import may
from service.language import day_text, moment_text
from service.pages.frame import foot
from service.pages.navigation import places
from service.pages.trust.words import WORDS
from service.pages.values import cell

Answer = Mapping[str, Any]
_SCORE = Measure(1.0, Text("", ""), 3)
_INDEX = Measure(1.0, Text("", ""), 2)
_SHARE = Measure(0.01, Text("%", "%"), 1)
_DRIFTS = 5  # features that are told
_SIDES = {"better": "up", "worse": "down"}


def trust_view(
    lang: Language, proof: Answer, versions: Answer, rights: Collection[str], backtest_job: Answer | None
) -> dict[str, Any]:
    """The values of trust.html.j2."""
    reliability, backtest, monitoring = proof["reliability"], proof["backtest"], proof["monitoring"]
    data = proof["data"]
    return {
        "summary": proof["summary"],
        "reliability": None if reliability is None else picture(reliability).figure(lang),
        "targets": [_target(row, lang) for row in proof["targets"]],
        "intervals": [_interval(row, lang) for row in proof["intervals"]],
        "deal_methods": [
            _method(row, _SCORE, lang) for row in proof["deal_methods"] if not _is_part(row["name"])
        ],
        "has_yomi": any(place.path == "/yomi" for place in places(rights)),
        "revenue_methods": [_method(row, _SHARE, lang) for row in proof["revenue_methods"]],
        "backtest": None
        if backtest is None
        else WORDS["backtest_said"]
        .format(periods=_span(backtest["periods"]), at=moment_text(backtest["made_at"], lang))
        .to(lang),
        "backtest_step": None if backtest_job is None else _step(backtest_job),
        "may_backtest": may(rights, "train_model"),
        "newest": WORDS["newest_said"]
        .format(at=moment_text(data["newest_deal_record"], lang), days=data["days_old"])
        .to(lang),
        "quarantined": cell(data["quarantined_rows"], COUNT, lang),
        "may_mend": may(rights, "list_quarantine") and data["quarantined_rows"] > 0,
        "findings": [one["message"] for one in data["findings"]],
        "monitoring": None if monitoring is None else _monitoring(monitoring, lang),
        "versions": [_version(row, lang, rights) for row in versions["models"]],
        "may_roll_back": may(rights, "roll_back_model") and len(versions["models"]) > 1,
        "in_service": proof["version"]["version"],
        "foot": foot(proof, lang),
    }


def picture(reliability: Answer) -> Reliability:
    """What came of the chances that were said."""
    bins = [
        Bin(row["predicted"], row["observed"], row["low"], row["high"], row["count"])
        for row in reliability["groups"]
    ]
    return Reliability(name="reliability", title=WORDS["reliability_title"], bins=bins)


def _is_part(name: str) -> bool:
    """Whether a method is a part of the model, which is for the model card."""
    return name.startswith("alone_")


def _span(periods: list[str]) -> str:
    return periods[0] if len(periods) == 1 else f"{periods[0]} – {periods[-1]}"


def _step(job: Answer) -> str:
    return job["progress"]["step"] if job["progress"] else ""


def _target(row: Answer, lang: Language) -> dict[str, str]:
    return {
        "said": _tenth(row, lang),
        "forecasts": cell(row["forecasts"], COUNT, lang),
        "reached": cell(row["reached"], COUNT, lang),
    }


def _tenth(row: Answer, lang: Language) -> str:
    """From where to where chances were said; none is said to be certain."""
    low, high = f"{100 * row['low']:.0f}", f"{row['high']:.0%}"
    if row["low"] == 0:
        return WORDS["below"].format(high=high).to(lang)
    if row["high"] == 1:
        return WORDS["above"].format(low=low).to(lang)
    return f"{low}{_between(lang)}{high}"


def _between(lang: Language) -> str:
    return "〜" if lang == "ja" else " to "


def _interval(row: Answer, lang: Language) -> dict[str, str]:
    ends = "–"
    if row["low"] is not None:
        ends = _between(lang).join(PERCENT.text(row[end], lang) for end in ("low", "high"))
    return {
        "kind": WORDS[f"kind_{row['kind']}"].to(lang),
        "level": cell(row["level"], PERCENT, lang),
        "covered": cell(row["covered"], PERCENT, lang),
        "ends": ends,
        "count": cell(row["count"], COUNT, lang),
        "verdict": WORDS[row["verdict"]].to(lang),
        "side": "down" if row["verdict"] == "refuted" else "",
    }


def _method(row: Answer, measure: Measure, lang: Language) -> dict[str, str]:
    gap = row["difference"]
    ends = ""
    if gap is not None:
        ends = _between(lang).join(measure.number(gap[end], signed=True) for end in ("lo", "hi"))
        ends = f"（{ends}）" if lang == "ja" else f" ({ends})"
    return {
        "label": row["label"],
        "score": cell(row["score"], measure, lang),
        "difference": "" if gap is None else cell(gap["mean"], measure, lang, signed=True) + ends,
        "verdict": WORDS[row["verdict"] or "itself"].to(lang),
        "side": _SIDES.get(row["verdict"] or "", ""),
    }


def _monitoring(report: Answer, lang: Language) -> dict[str, Any]:
    return {
        "verdict": WORDS["retrain_yes" if report["retrain"] else "retrain_no"].to(lang),
        "side": "down" if report["retrain"] else "",
        "reasons": report["reasons"],
        "closed": WORDS["closed_since"]
        .format(n=f"{report['closed_deals_since']:,}", all=f"{report['closed_deals_in_training']:,}")
        .to(lang),
        "drift": [
            {
                "label": row["label"],
                "psi": cell(row["psi"], _INDEX, lang),
                "weight": cell(row["importance"], _SHARE, lang),
                "alarm": WORDS["alarm" if row["alarm"] else "usual"].to(lang),
                "side": "down" if row["alarm"] else "",
            }
            for row in sorted(report["feature_drift"], key=lambda row: -row["importance"])[:_DRIFTS]
        ],
    }


def _version(row: Answer, lang: Language, rights: Collection[str]) -> dict[str, Any]:
    decision = (row["gate_decision"] or "").split(" / ")
    is_champion = "champion" in row["aliases"]
    told = decision[0 if lang == "ja" or len(decision) < 2 else 1] or "–"
    if row["promoted_by"]:
        by_hand = WORDS["by_hand"].format(who=row["promoted_by"], why=row["promoted_because"] or "–")
        told = by_hand.to(lang)
    return {
        "version": row["version"],
        "trained": "–" if row["trained_at"] is None else _day(row["trained_at"], lang),
        "log_loss": cell(row["metrics"].get("log_loss"), _SCORE, lang),
        "in_service": is_champion,
        "decision": told,
        "may_promote": not is_champion and may(rights, "promote_model"),
    }


def _day(at: str, lang: Language) -> str:
    day: date = datetime.fromisoformat(at).date()
    return day_text(day, lang)
