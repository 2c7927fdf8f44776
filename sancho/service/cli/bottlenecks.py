"""What does `bottlenecks` do? Shows where deals stall, how sure that is, what it costs, and the funnel."""

from __future__ import annotations

from typing import Any

from sancho.crm.i18n import Language
from sancho.service.cli.ask import asked
from sancho.service.cli.output import print_json, print_table, print_warnings, say
from sancho.service.language import money_text
from sancho.service.settings import Settings, read_settings


def show_bottlenecks(period: str | None, scope: str, as_of: str | None, as_json: bool, lang: Language) -> int:
    """The bottlenecks of a scope, the dearest first."""
    settings = read_settings()
    answer = asked(settings).bottlenecks(scope, period, as_of, lang)
    if as_json:
        print_json(answer)
    else:
        _show(answer, settings, lang)
    return 0


def _show(answer: dict[str, Any], settings: Settings, lang: Language) -> None:
    ja = lang == "ja"
    for number, one in enumerate(answer["bottlenecks"], 1):
        low, high = one["interval"]
        say(f"{number}. {one['label']}")
        stake = money_text(one["revenue_at_stake"], settings.currency, lang, short=True)
        pp = one["attainment_pp"]
        if ja:
            goal = "" if pp is None else f"、達成確率 {pp:+.1f}ポイント"
            say(
                f"   差 {one['effect_pp']:+.1f}（90%区間 {low:+.1f}〜{high:+.1f}）、過去{one['deals']}件、"
                f"該当中の商談 {one['open_deals']}件、まもなく該当 {one['approaching_deals']}件"
            )
            say(f"   なくなれば 見込み売上 +{stake}{goal}")
            say(f"   対策: {one['suggested_action']}")
        else:
            goal = "" if pp is None else f", probability of the target {pp:+.1f} points"
            say(
                f"   difference {one['effect_pp']:+.1f} (90 % interval {low:+.1f} to {high:+.1f}), "
                f"{one['deals']} past deals, {one['open_deals']} open ones in it, "
                f"{one['approaching_deals']} about to be"
            )
            say(f"   without it: expected revenue +{stake}{goal}")
            say(f"   do: {one['suggested_action']}")
    headings = (
        ["ステージ", "到達", "次へ", "失注", "滞在中", "移行率", "日数（中央値）"]
        if ja
        else ["stage", "came", "went on", "lost", "still there", "conversion", "days (median)"]
    )
    rows = [
        [
            step["stage"],
            str(step["deals"]),
            str(step["went_on"]),
            str(step["ended"]),
            str(step["still"]),
            "–" if step["conversion"] is None else f"{100 * step['conversion']:.0f}%",
            "–" if step["days"] is None else f"{step['days']['p50']:.0f}",
        ]
        for step in answer["flow"]
    ]
    title = "直近1年の商談の流れ" if ja else "How deals flowed in the past year"
    print_table(f"{title}  {answer['scope']}", headings, rows, right=(1, 2, 3, 4, 5, 6))
    say(("時点 " if ja else "as of ") + answer["as_of"])
    print_warnings(answer, lang)
