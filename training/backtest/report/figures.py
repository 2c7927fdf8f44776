"""Which charts does a backtest have? Plotly figures, the same for the page, notebooks and the dashboard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from crm.i18n import Language, Text
from training.backtest.deal_scores import BY_PERIOD_END, QUESTIONS, SANCHO
from training.backtest.report.words import KIND_LABELS, currency_of, money
from training.backtest.result import LABELS, QUESTION_LABELS

Json = Mapping[str, Any]

# Okabe & Ito (2008): distinct for all colour vision; marks and dashes distinguish them in grey print.
COLOURS = {
    SANCHO: "#0072B2",
    "base_rate": "#999999",
    "stage_rates": "#E69F00",
    "life_table": "#B8860B",
    "naive_bayes": "#CC79A7",
    "logistic": "#009E73",
    "lightgbm_closed": "#D55E00",
    "lightgbm_ripe": "#8B4513",
    "alone_table": "#56B4E9",
    "alone_regression": "#4B7F9F",
    "alone_trees": "#6A5ACD",
    "alone_plain_trees": "#2F4F4F",
    "stage_weighted": "#E69F00",
    "run_rate": "#CC79A7",
    "last_year": "#009E73",
}
SHOWN = (SANCHO, "stage_rates", "logistic", "lightgbm_ripe")  # at first; the others at a click in the legend
MARKS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "dash")
INK, GRID = "#222222", "#dddddd"


def figures(result: Json, lang: Language) -> dict[str, Any]:
    """Plotly figures by name, in one language; those without data are left out."""
    charts: dict[str, Any] = {}
    for question in QUESTIONS[::-1]:
        if SANCHO in result["deals"][question]["overall"]["methods"]:
            charts[f"reliability_{question}"] = reliability(result, question, lang)
    if len(result["deals"][BY_PERIOD_END]["by_week"]) > 1:
        charts["loss_by_week"] = loss_by_week(result, lang)
    if any(line["scope"] == "company" for line in result["forecasts"]):
        charts["company"] = company(result, lang)
    if result["periods"]:
        charts["crps"] = crps_by_week(result, lang)
        charts["coverage"] = coverage(result, lang)
        charts["pit"] = pit(result, lang)
    if any(line["target"] is not None for line in result["forecasts"]):
        charts["attainment"] = attainment(result, lang)
    return charts


def reliability(result: Json, question: str, lang: Language) -> Any:
    """Share won by predicted probability, in 15 bins of equal size; the diagonal is perfect calibration."""
    figure = _figure(
        QUESTION_LABELS[question].to(lang),
        Text("予測した確率", "Predicted probability").to(lang),
        Text("実際に受注した割合", "Share won").to(lang),
    )
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": INK, "width": 1, "dash": "dot"},
        name=Text("予測＝実績の線", "Perfect calibration").to(lang), hoverinfo="skip",
    )  # fmt: skip
    for number, (name, rows) in enumerate(result["deals"][question]["reliability"].items()):
        visible = name in SHOWN
        figure.add_scatter(
            x=[row[0] for row in rows],
            y=[row[1] for row in rows],
            customdata=[row[2] for row in rows],
            mode="lines+markers",
            visible=True if visible else "legendonly",
            **_style(name, number, lang),
            hovertemplate="%{x:.1%} → %{y:.1%}<br>n = %{customdata:.0f}<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(tickformat=".0%", range=[0, 1])
    figure.update_yaxes(tickformat=".0%", range=[0, 1])
    return figure


def loss_by_week(result: Json, lang: Language) -> Any:
    """Log loss of "won by the period's end" by week of the period, with 95% intervals."""
    rows = [row for row in result["deals"][BY_PERIOD_END]["by_week"] if row["methods"]]
    figure = _figure(
        QUESTION_LABELS[BY_PERIOD_END].to(lang),
        Text("期間の経過週", "Weeks of the period elapsed").to(lang),
        Text("対数損失（低いほど良い）", "Log loss (lower is better)").to(lang),
    )
    for number, name in enumerate(rows[0]["methods"] if rows else []):
        means = [row["methods"][name]["log_loss"] for row in rows]
        figure.add_scatter(
            x=[row["week"] for row in rows],
            y=[mean["mean"] for mean in means],
            error_y=_bars(means),
            mode="lines+markers",
            visible=True if name in SHOWN else "legendonly",
            **_style(name, number, lang),
        )
    figure.update_xaxes(tickvals=[row["week"] for row in rows])
    return figure


def company(result: Json, lang: Language) -> Any:
    """The company's revenue: the forecast at each origin, and the actual."""
    lines = [line for line in result["forecasts"] if line["scope"] == "company"]
    at = [_at(line, lang) for line in lines]
    forecasts = [line["methods"][SANCHO] for line in lines]
    figure = _figure(
        Text("全社の売上：着地見込みと実績", "Company revenue: forecast and actual").to(lang),
        "",
        Text("売上", "Revenue").to(lang),
    )
    for lo, hi, width, label in (
        ("p05", "p95", 3, "90%"),
        ("p10", "p90", 7, "80%"),
        ("p25", "p75", 13, "50%"),
    ):
        xs: list[Any] = []
        ys: list[Any] = []
        for moment, forecast in zip(at, forecasts, strict=True):
            xs += [moment, moment, None]
            ys += [forecast[lo], forecast[hi], None]
        figure.add_scatter(
            x=xs, y=ys, mode="lines", line={"color": COLOURS[SANCHO], "width": width}, opacity=0.3,
            hoverinfo="skip",
            name=Text(f"予測幅（{label}）", f"{label} range").to(lang),
        )  # fmt: skip
    figure.add_scatter(
        x=at, y=[forecast["p50"] for forecast in forecasts], mode="markers",
        name=Text("着地見込み（中央値）", "Median forecast").to(lang),
        marker={"color": COLOURS[SANCHO], "size": 9, "symbol": "line-ew-open", "line": {"width": 3}},
    )  # fmt: skip
    figure.add_scatter(
        x=at, y=[line["methods"]["stage_weighted"]["p50"] for line in lines], mode="markers",
        name=LABELS["stage_weighted"].to(lang),
        marker={"color": COLOURS["stage_weighted"], "size": 8, "symbol": "square-open", "line": {"width": 2}},
    )  # fmt: skip
    figure.add_scatter(
        x=at, y=[line["actual"] for line in lines], mode="markers", name=Text("実績", "Actual").to(lang),
        marker={"color": INK, "size": 10, "symbol": "x"},
    )  # fmt: skip
    figure.add_scatter(
        x=at, y=[line["target"] for line in lines], mode="markers", name=Text("目標", "Target").to(lang),
        marker={"color": "#D55E00", "size": 12, "symbol": "line-ew-open", "line": {"width": 2}},
    )  # fmt: skip
    figure.update_xaxes(type="category", tickangle=-40)
    figure.update_layout(legend={"y": -0.45}, height=480)
    top = max(
        value
        for line, forecast in zip(lines, forecasts, strict=True)
        for value in (forecast["p95"], line["actual"])
    )
    ticks = _round_steps(top)
    figure.update_yaxes(
        rangemode="tozero",
        tickvals=ticks,
        ticktext=[money(value, currency=currency_of(result)).to(lang) if value else "0" for value in ticks],
    )
    return figure


def crps_by_week(result: Json, lang: Language) -> Any:
    """CRPS as a share of the mean actual, by kind of scope and week."""
    from plotly.subplots import make_subplots

    kinds = list(result["periods"])
    figure = make_subplots(cols=len(kinds), subplot_titles=[KIND_LABELS[kind].to(lang) for kind in kinds])
    for column, kind in enumerate(kinds, start=1):
        rows = [row for row in result["periods"][kind]["by_week"] if row["methods"]]
        for number, name in enumerate(rows[0]["methods"] if rows else []):
            figure.add_scatter(
                x=[row["week"] for row in rows],
                y=[row["methods"][name]["crps"]["mean"] / (row["mean_actual"] or 1.0) for row in rows],
                mode="lines+markers",
                legendgroup=name,
                showlegend=column == 1,
                **_style(name, number, lang),
                row=1,
                col=column,
            )
    _dress(
        figure,
        Text(
            "売上予測の誤差（CRPS、実績平均に対する割合）",
            "Error of the revenue forecast (CRPS / mean actual)",
        ).to(lang),
    )
    figure.update_xaxes(title=Text("経過週", "Weeks elapsed").to(lang), tickvals=result["settings"]["weeks"])
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def coverage(result: Json, lang: Language) -> Any:
    """Share of actuals within the 50, 80 and 90% ranges, by kind of scope and week."""
    from plotly.subplots import make_subplots

    kinds = list(result["periods"])
    figure = make_subplots(
        cols=len(kinds), subplot_titles=[KIND_LABELS[kind].to(lang) for kind in kinds], shared_yaxes=True
    )
    for column, kind in enumerate(kinds, start=1):
        rows = [row for row in result["periods"][kind]["by_week"] if row["methods"]]
        for number, level in enumerate(("50", "80", "90")):
            shares = [row["methods"][SANCHO]["coverage"][level] for row in rows]
            colour = (COLOURS["stage_rates"], COLOURS[SANCHO], COLOURS["logistic"])[number]
            figure.add_scatter(
                x=[row["week"] for row in rows],
                y=[share["mean"] for share in shares],
                error_y=_bars(shares),
                mode="lines+markers",
                name=Text(f"予測幅（{level}%）", f"{level}% range").to(lang),
                legendgroup=level,
                showlegend=column == 1,
                line={"color": colour, "dash": DASHES[number]},
                marker={"symbol": MARKS[number], "size": 8},
                row=1,
                col=column,
            )
            # After the trace: Plotly draws no line in an empty subplot.
            figure.add_hline(
                y=int(level) / 100, line={"color": colour, "dash": "dot", "width": 1}, row=1, col=column
            )
    _dress(
        figure,
        Text(
            "予測幅に実績が入った割合（点線は想定の割合）",
            "Share of actuals in the range (dotted: expected)",
        ).to(lang),
    )
    figure.update_xaxes(title=Text("経過週", "Weeks elapsed").to(lang), tickvals=result["settings"]["weeks"])
    figure.update_yaxes(tickformat=".0%", range=[0, 1.05])
    return figure


def pit(result: Json, lang: Language) -> Any:
    """Histogram of the PIT, by kind of scope: uniform if the distributions are calibrated."""
    from plotly.subplots import make_subplots

    kinds = list(result["periods"])
    figure = make_subplots(cols=len(kinds), subplot_titles=[KIND_LABELS[kind].to(lang) for kind in kinds])
    for column, kind in enumerate(kinds, start=1):
        counts = result["periods"][kind]["pit"].get(SANCHO, [])
        figure.add_bar(
            x=[(number + 0.5) / len(counts) for number in range(len(counts))],
            y=counts,
            marker={"color": COLOURS[SANCHO], "line": {"color": "white", "width": 1}},
            showlegend=False,
            row=1,
            col=column,
        )
        if counts:
            figure.add_hline(
                y=sum(counts) / len(counts), line={"color": INK, "dash": "dot", "width": 1}, row=1, col=column
            )
    _dress(
        figure,
        Text(
            "予測分布の中での実績の位置（PIT、一様なら適切）",
            "Position of actuals in the predicted distribution (PIT; uniform if calibrated)",
        ).to(lang),
    )
    figure.update_layout(bargap=0.02)
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    return figure


def attainment(result: Json, lang: Language) -> Any:
    """Share of targets reached by predicted probability, in ten bands, all scopes and origins."""
    figure = _figure(
        Text(
            "目標達成：予測した確率と実際（全対象・全時点）",
            "Targets: predicted probability and share reached (all scopes and origins)",
        ).to(lang),
        Text("予測した達成確率", "Predicted probability").to(lang),
        Text("達成した割合", "Share reached").to(lang),
    )
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": INK, "width": 1, "dash": "dot"},
        name=Text("予測＝実績の線", "Perfect calibration").to(lang), hoverinfo="skip",
    )  # fmt: skip
    lines = [line for line in result["forecasts"] if line["target"] is not None]
    for number, name in enumerate((SANCHO, "stage_weighted")):
        bands: dict[int, list[tuple[float, bool]]] = {}
        for line in lines:
            chance = line["methods"][name]["probability"]
            bands.setdefault(min(int(chance * 10), 9), []).append((chance, line["attained"]))
        filled = [bands[band] for band in sorted(bands)]
        figure.add_scatter(
            x=[sum(chance for chance, _ in band) / len(band) for band in filled],
            y=[sum(reached for _, reached in band) / len(band) for band in filled],
            text=[f"n = {len(band)}" for band in filled],
            mode="lines+markers",
            **_style(name, number, lang),
        )
        figure.data[-1].marker.size = [6 + 24 * (len(band) / len(lines)) ** 0.5 for band in filled]
    figure.update_xaxes(tickformat=".0%", range=[-0.02, 1.02])
    figure.update_yaxes(tickformat=".0%", range=[-0.05, 1.05])
    return figure


def _round_steps(top: float) -> list[float]:
    """Round amounts from 0 to just above `top`, at most nine.

    >>> _round_steps(180.0), _round_steps(0.0)
    ([0.0, 50.0, 100.0, 150.0, 200.0], [0.0])
    """
    if top <= 0:
        return [0.0]
    size = 10.0 ** math.floor(math.log10(top))
    step = next(size * part for part in (0.2, 0.5, 1.0, 2.0) if top / (size * part) <= 7)
    return [step * number for number in range(int(top / step) + 2)]


def _at(line: Json, lang: Language) -> str:
    return Text("{p} {w}週", "{p} wk {w}").format(p=line["period"], w=line["week"]).to(lang)


def _style(name: str, number: int, lang: Language) -> dict[str, Any]:
    return {
        "name": LABELS[name].to(lang),
        "line": {
            "color": COLOURS[name],
            "width": 3 if name == SANCHO else 1.5,
            "dash": DASHES[number % len(DASHES)],
        },
        "marker": {"symbol": MARKS[number % len(MARKS)], "size": 8 if name == SANCHO else 6},
    }


def _bars(intervals: list[Json]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [
            (interval["mean"] if interval["hi"] is None else interval["hi"]) - interval["mean"]
            for interval in intervals
        ],
        "arrayminus": [
            interval["mean"] - (interval["mean"] if interval["lo"] is None else interval["lo"])
            for interval in intervals
        ],
        "width": 2,
        "thickness": 1,
    }


def _figure(title: str, x: str, y: str) -> Any:
    from plotly import graph_objects

    figure = graph_objects.Figure()
    _dress(figure, title)
    figure.update_xaxes(title=x)
    figure.update_yaxes(title={"text": y, "standoff": 12})
    return figure


def _dress(figure: Any, title: str) -> None:
    figure.update_layout(
        title={"text": title, "x": 0, "font": {"size": 15}},
        font={
            "family": "system-ui, 'Hiragino Sans', 'Noto Sans CJK JP', 'Yu Gothic', sans-serif",
            "size": 12,
            "color": INK,
        },
        paper_bgcolor="white",
        plot_bgcolor="white",
        margin={"l": 60, "r": 30, "t": 60, "b": 50},
        height=420,
        legend={"orientation": "h", "y": -0.25},
        template="none",
    )
    figure.update_xaxes(automargin=True, gridcolor=GRID, linecolor=INK, zeroline=False, ticks="outside")
    figure.update_yaxes(automargin=True, gridcolor=GRID, linecolor=INK, zeroline=False, ticks="outside")
