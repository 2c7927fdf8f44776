"""What does `actions` do? Shows what to do next on which deal, and what became of what was recommended."""

from __future__ import annotations

from typing import Any

from sancho.crm.i18n import Language, Text
from sancho.features import label_of
from sancho.service.cli.ask import asked
from sancho.service.cli.output import print_json, print_table, print_warnings, say
from sancho.service.language import money_text
from sancho.service.settings import Settings, read_settings

_RELIABILITY = {
    "high": Text("高", "high"),
    "medium": Text("中", "medium"),
    "low": Text("低", "low"),
}


def show_actions(
    deal: str | None,
    period: str | None,
    limit: int,
    scope: str,
    as_of: str | None,
    as_json: bool,
    lang: Language,
) -> int:
    """The next actions of a scope, or of one deal."""
    settings = read_settings()
    answers = asked(settings)
    answer = answers.actions(scope, deal, period, as_of, limit, lang)
    answers.close()
    if as_json:
        print_json(answer)
    else:
        _show(answer, deal, settings, lang)
    return 0


def show_lift(as_json: bool, lang: Language) -> int:
    """What became of recommendations, and whether they help."""
    answers = asked(read_settings())
    answer = answers.lift(lang)
    answers.close()
    if as_json:
        print_json(answer)
    else:
        _show_lift(answer, lang)
    return 0


def _show(answer: dict[str, Any], deal: str | None, settings: Settings, lang: Language) -> None:
    ja = lang == "ja"
    headings = (
        ["商談", "担当者", "打ち手", "受注確率（80%区間）", "達成確率", "見込み売上", "所要分", "信頼度"]
        if ja
        else ["deal", "owner", "action", "win (80 %)", "goal", "revenue", "minutes", "reliability"]
    )
    rows = []
    for one in answer["actions"]:
        low, high = one["interval"]
        goal = one["attainment_pp"]
        rows.append(
            [
                one["deal_id"],
                one["owner_id"] or "–",
                one["label"],
                f"{one['uplift_pp']:+.1f} ({low:+.1f} – {high:+.1f})",
                "–" if goal is None else f"{goal:+.2f}",
                "+" + money_text(one["expected_revenue"], settings.currency, lang, short=True),
                f"{one['effort_minutes']:.0f}",
                _RELIABILITY[one["reliability"]].to(lang),
            ]
        )
    print_table(f"{answer['period']}  {deal or answer['scope']}", headings, rows, right=(4, 5, 6))
    for one in answer["actions"] if deal is not None else []:
        told, label = one["evidence"], one["label"]
        rates = f"{100 * told['win_rate_with']:.0f}", f"{100 * told['win_rate_without']:.0f}"
        share = told["top_sellers_share"], told["other_sellers_share"]
        count = told["deals_with"]
        say(
            f"{label}: 実施した商談{count}件の受注率は{rates[0]}%、似た商談で通常の連絡のみなら{rates[1]}%"
            if ja
            else f"{label}: {count} deals with it, {rates[0]} % won; deals alike with ordinary contacts, "
            f"{rates[1]} %"
        )
        if None not in share:
            top, other = (100 * part for part in share)
            say(
                f"  成績上位の担当者は商談の{top:.0f}%で実施（その他は{other:.0f}%）"
                if ja
                else f"  the best sellers do it on {top:.0f} % of their deals, the others on {other:.0f} %"
            )
    for one in answer["not_recommended"]:
        say(f"{'見送り' if ja else 'not recommended'}: {one['label']} – {one['why']}")
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)


def _show_lift(answer: dict[str, Any], lang: Language) -> None:
    ja = lang == "ja"
    headings = (
        ["打ち手", "推奨", "表示", "採用", "却下", "実施"]
        if ja
        else ["action", "made", "shown", "accepted", "dismissed", "done"]
    )
    rows = [
        [
            label_of(one["action"]).to(lang),
            *(str(one[name]) for name in ("made", "shown", "accepted", "dismissed", "done")),
        ]
        for one in answer["by_action"]
    ]
    print_table("打ち手の実績" if ja else "What became of them", headings, rows, right=(1, 2, 3, 4, 5))
    held = answer["hold_out"]
    if held is not None and held["lift_pp"] is not None:
        low, high = held["interval"]
        say(
            f"対照群との受注率の差 {held['lift_pp']:+.1f}ポイント（90%区間 {low:+.1f}〜{high:+.1f}）"
            if ja
            else f"win rate against the hold-out {held['lift_pp']:+.1f} points "
            f"(90 % interval {low:+.1f} to {high:+.1f})"
        )
    elif held is not None:
        say(
            f"対照群との比較には決着した商談が各30件要ります"
            f"（推奨 {held['recommended_closed']}件、対照 {held['held_out_closed']}件）"
            if ja
            else "a comparison takes 30 closed deals of each "
            f"({held['recommended_closed']} recommended, {held['held_out_closed']} held out)"
        )
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)
