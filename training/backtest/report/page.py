"""How is a backtest written as one HTML page that works offline, prints, and has both languages?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from crm.i18n import LANGUAGES, Language, Text
from training.backtest.deal_scores import QUESTIONS, SANCHO
from training.backtest.figure_notes import NOTES
from training.backtest.report.figures import figures
from training.backtest.report.words import KIND_LABELS, currency_of, money, summary
from training.backtest.result import LABELS, QUESTION_LABELS

Json = Mapping[str, Any]


def page(result: Json, lang: Language = "ja") -> str:
    """The whole page, without external resources; it opens in `lang`, a switch shows the other language."""
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    charts = {
        language: {name: json.loads(figure.to_json()) for name, figure in figures(result, language).items()}
        for language in LANGUAGES
    }

    currency = currency_of(result)

    def both(text: Text) -> Markup:
        return Markup('<span class="ja" lang="ja">{}</span><span class="en" lang="en">{}</span>').format(
            text.ja, text.en
        )

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "number": number,
        "ci": interval,
        "gap": gap,
        "bounds": bounds,
        "money": lambda value: both(money(value, currency=currency)),
        "money_gap": lambda value: both(money_gap(value, currency)),
        "percent": lambda value: "–" if value is None else f"{100 * value:.1f}%",
        "signed_share": lambda value: f"{100 * value:+.1f}%",
        "signed": lambda value, digits: "–" if value is None else f"{value:+.{digits}f}",
        "comparison": comparison,
        "label": lambda name: both(LABELS[name]),
        "kind": lambda name: both(KIND_LABELS[name]),
        "question": lambda name: both(QUESTION_LABELS[name]),
    }
    environment.globals |= {"t": lambda ja, en: both(Text(ja, en)), "both": both}
    template = environment.from_string(files(__package__).joinpath("page.html").read_text("utf-8"))
    return template.render(
        result=result,
        lang=lang,
        summary=summary(result),
        questions=[name for name in QUESTIONS[::-1] if result["deals"][name]["overall"]["methods"]],
        sancho=SANCHO,
        names=list(charts["en"]),
        notes=NOTES,
        # "</" would end the script element that contains the figures.
        figures=Markup(json.dumps(charts, ensure_ascii=False).replace("</", "<\\/")),  # noqa: S704
        plotly=Markup(get_plotlyjs()),  # noqa: S704
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many digits; a dash where it is unknown."""
    return "–" if value is None else f"{value:.{digits}f}"


def interval(value: Json, digits: int = 3) -> str:
    """A number with its 95% interval.

    >>> interval({"mean": 0.5, "lo": 0.4, "hi": 0.6}, 2)
    '0.50 [0.40, 0.60]'
    """
    if value["mean"] is None:
        return "–"
    ends = "" if value["lo"] is None else f" [{value['lo']:.{digits}f}, {value['hi']:.{digits}f}]"
    return f"{value['mean']:.{digits}f}{ends}"


def gap(value: Json, digits: int = 3) -> str:
    """A signed difference with its 95% interval."""
    if value["mean"] is None:
        return "–"
    ends = "" if value["lo"] is None else f" [{value['lo']:+.{digits}f}, {value['hi']:+.{digits}f}]"
    return f"{value['mean']:+.{digits}f}{ends}"


def bounds(value: Json, digits: int = 3) -> str:
    """How far a figure can move whatever becomes of the deals still open; nothing where it cannot.

    >>> bounds({"mean": 0.5, "least": 0.45, "most": 0.52}, 2), bounds({"least": 0.5, "most": 0.5})
    ('0.45 … 0.52', '')
    """
    if value.get("least") is None or value["least"] == value["most"]:
        return ""
    return f"{value['least']:.{digits}f} … {value['most']:.{digits}f}"


def money_gap(value: Json, currency: str = "JPY") -> Text:
    """A signed difference of amounts with its 95% interval."""
    ends = ("lo", "hi") if value["lo"] is not None else ()
    mean, *rest = (money(value[name], signed=True, currency=currency) for name in ("mean", *ends))
    return (
        Text("{mean} [{lo}, {hi}]", "{mean} [{lo}, {hi}]").format(mean=mean, lo=rest[0], hi=rest[1])
        if rest
        else mean
    )


def comparison(value: Json) -> str:
    """Class of a difference in loss, Sancho minus baseline: better, worse, or same (interval contains 0)."""
    if value["mean"] is None or value["lo"] is None:
        return "same"
    return "better" if value["hi"] < 0 else "worse" if value["lo"] > 0 else "same"
