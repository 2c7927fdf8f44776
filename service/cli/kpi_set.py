"""What do `kpi-set candidates`, `propose`, `accept`, `show` and `review` do?"""

from __future__ import annotations

from typing import Annotated, Any

from crm.i18n import Text
from service.cli.answer import Answer, print_answer
from service.cli.command import AsOf, Command, Json, Lang, Period, Scope, option
from service.cli.reader import Reader

_MOST = 15  # candidates that are shown
PersonScope = Annotated[
    str,
    option(
        "--scope", "S", Text("対象（person:ID など）。", "Whose: person:ID and so on."), show_default=False
    ),
]


def candidates(
    period: Period, scope: Scope = "company", as_of: AsOf = None, as_json: Json = False, lang: Lang = "ja"
) -> int:
    """Every KPI for a scope, ranked."""
    return print_answer(
        lambda service: service.sets_of_kpis.candidates(period, scope, as_of, lang),
        _show_candidates,
        as_json,
        lang,
    )


def propose(
    period: Period, scope: Scope = "company", as_of: AsOf = None, as_json: Json = False, lang: Lang = "ja"
) -> int:
    """Three to five KPIs for each person."""
    from service.schemas import ProposeRequest

    request = ProposeRequest(period=period, scope=scope, as_of=as_of)
    return print_answer(
        lambda service: service.sets_of_kpis.propose(request, lang), _show_proposal, as_json, lang
    )


def accept(
    period: Period,
    scope: PersonScope,
    kpi: Annotated[
        list[str] | None,
        option(
            "--kpi",
            "KPI=VALUE",
            Text(
                "KPIと目標値（繰り返し指定可）。既定は提案どおり。",
                "A KPI and its value, again for each. Default: as proposed.",
            ),
        ),
    ] = None,
    reason: Annotated[
        str | None, option("--reason", "TEXT", Text("変更の理由。", "Why it is changed."))
    ] = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """Stores a set of KPIs as targets."""
    from crm.acting import actor
    from service.callers import Caller
    from service.schemas import AcceptRequest, ProposeRequest
    from service.schemas.kpi_sets import ChosenKpi

    given = [_chosen(one) for one in kpi or ()]

    def ask(service: Any) -> Answer:
        chosen = given
        if not chosen:
            made = service.sets_of_kpis.propose(ProposeRequest(period=period, scope=scope, as_of=None), lang)
            own = next(one for one in made["sets"] if one["scope"] == scope)
            chosen = [(row["kpi"], row["value"]) for row in own["kpis"]]
        kpis = [ChosenKpi(kpi=name, value=value) for name, value in chosen]
        request = AcceptRequest(kpis=kpis, reason=reason)
        caller = Caller(name=actor().caller, rights=())
        answer: Answer = service.sets_of_kpis.accept(scope, period, request, caller, lang)
        return answer

    return print_answer(ask, _show_set, as_json, lang)


def show(period: Period, scope: PersonScope, as_json: Json = False, lang: Lang = "ja") -> int:
    """The accepted KPIs of a scope."""
    return print_answer(
        lambda service: service.sets_of_kpis.show(scope, period, lang), _show_set, as_json, lang
    )


def review(
    period: Period, scope: Scope = "company", as_of: AsOf = None, as_json: Json = False, lang: Lang = "ja"
) -> int:
    """What became of the accepted KPIs."""
    return print_answer(
        lambda service: service.sets_of_kpis.review(period, scope, as_of, lang), _show_review, as_json, lang
    )


HELP = Text(
    "1人3〜5個のKPIを選び、決め、四半期ごとに見直します。",
    "Chooses three to five KPIs a person, sets them, and reviews them each quarter.",
)
COMMANDS = (
    Command(
        "candidates",
        candidates,
        Text(
            "KPIの候補を、目標への効果の大きい順に理由とともに表示します。",
            "Lists candidates, the strongest effect on the goal first, with the reason of each.",
        ),
    ),
    Command(
        "propose",
        propose,
        Text(
            "担当者ごとに3〜5個のKPIを提案します（保存しません）。",
            "Proposes three to five a person; stores nothing.",
        ),
    ),
    Command(
        "accept",
        accept,
        Text("KPIセットを決定し、目標として登録します。", "Stores a set, and its values as targets."),
    ),
    Command(
        "show", show, Text("決定したKPIセットと履歴を表示します。", "Shows the accepted set and its history.")
    ),
    Command(
        "review",
        review,
        Text(
            "決定したKPIの結果と、続けるか外すかを表示します。",
            "Shows what became of the accepted KPIs, and what to do about each.",
        ),
    ),
)
_NO_EFFECT = Text("–", "–")


def _chosen(given: str) -> tuple[str, float]:
    """A KPI and its value as they are typed, KPI=VALUE.

    >>> _chosen("visits=40")
    ('visits', 40.0)
    """
    from crm.errors import SanchoError

    name, equals, value = given.rpartition("=")
    try:
        if not equals:
            raise ValueError
        return name, float(value)
    except ValueError:
        raise SanchoError(_BAD_KPI.format(given=given), "bad_request") from None


_BAD_KPI = Text(
    "--kpi の「{given}」は読めません。visits=40 のように指定してください。",
    "--kpi: {given!r} cannot be read; write it as visits=40.",
)


def _size(row: Answer, reader: Reader) -> str:
    """The effect of a row, by what it is ranked."""
    if row["strength"] is None:
        return "–"
    size = f"{row['strength']:+.1f}" if abs(row["strength"]) >= 0.05 else "±0.0"
    points = row["ranked_by"] == "attainment"
    return size + (reader.text("pt", " pt") if points else reader.text("%", "% of target"))


def _show_candidates(answer: Answer, reader: Reader) -> None:
    rows = []
    for row in answer["candidates"][:_MOST]:
        label, (expected, value) = reader.kpi_row(row["label"], row["unit"], [row["expected"], row["value"]])
        mark = reader.text("○", "yes") if row["proposable"] else ""
        rows.append([label, expected, value, reader.percent(row["probability"]), _size(row, reader), mark])
    headings = [
        Text("KPI", "KPI"),
        Text("着地見込み", "expected"),
        Text("一歩先", "a step"),
        Text("届く確率", "its chance"),
        Text("目標への効果", "effect on\nthe target"),
        Text("提案可", "proposable"),
    ]
    reader.table(headings, rows, right=[1, 2, 3, 4], whole=[0], title=reader.title(answer))
    for row in answer["candidates"][:5]:
        reader.line(reader.text("{label}：{why}", "{label}: {why}", label=row["label"], why=row["reason"]))
    if rows:
        reader.next_step(
            "`sancho kpi-set propose {period}` で担当者ごとの提案を確認してください。",
            "`sancho kpi-set propose {period}` proposes a set for each person.",
            period=answer["period"],
        )


def _show_proposal(answer: Answer, reader: Reader) -> None:
    for one in answer["sets"]:
        reader.line(reader.text("■ {who}", "* {who}", who=reader.named_scope(one)))
        for number, row in enumerate(one["kpis"], 1):
            reader.line(f"{number}. {row['sentence']}")
    first = next((one for one in answer["sets"] if one["kpis"]), None)
    if first is not None:
        reader.next_step(
            "`sancho kpi-set accept {period} --scope {scope}` で提案どおりに決定できます。",
            "`sancho kpi-set accept {period} --scope {scope}` accepts a proposal as it is.",
            period=answer["period"],
            scope=first["scope"],
        )


def _show_set(answer: Answer, reader: Reader) -> None:
    current = answer["current"]
    if current is None:
        reader.line(
            reader.text("{about}：KPIセット未設定", "{about}: no set of KPIs", about=reader.title(answer))
        )
        reader.next_step(
            "`sancho kpi-set propose {period}` で提案を確認してください。",
            "`sancho kpi-set propose {period}` shows a proposal.",
            period=answer["period"],
        )
        return
    rows = []
    for row in current["kpis"]:
        label, (value, expected) = reader.kpi_row(row["label"], row["unit"], [row["value"], row["expected"]])
        unmet = [name for name, found in row["smart"].items() if not found["ok"]]
        rows.append([label, value, expected, reader.percent(row["probability"]), ", ".join(unmet) or "OK"])
    headings = [
        Text("KPI", "KPI"),
        Text("目標", "target"),
        Text("決定時の\n着地見込み", "expected\nwhen accepted"),
        Text("決定時の\n達成確率", "chance\nwhen accepted"),
        Text("SMART", "SMART"),
    ]
    reader.table(headings, rows, right=[1, 2, 3], whole=[0], title=reader.title(answer))
    for one in answer["versions"]:
        reader.line(
            reader.text(
                "第{n}版：{at}　{who}　{kpis}{why}",
                "version {n}: {at}, {who}: {kpis}{why}",
                n=one["version"],
                at=one["accepted_at"][:16].replace("T", " "),
                who=one["accepted_by"],
                kpis=reader.list(row["label"] for row in one["kpis"]),
                why="" if one["reason"] is None else f"（{one['reason']}）",
            )
        )


def _show_review(answer: Answer, reader: Reader) -> None:
    for text in answer["why_due"]:
        reader.line(reader.text("見直しの時期です。{why}", "A review is due. {why}", why=text))
    for one in answer["sets"]:
        reader.line(reader.text("■ {who}", "* {who}", who=reader.named_scope(one)))
        for row in one["kpis"]:
            reader.line(row["sentence"])
        for row in one["put_in_place"]:
            reader.line(reader.text("追加候補：{why}", "To put in place: {why}", why=row["sentence"]))
