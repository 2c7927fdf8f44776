"""Which words stand on the page 目標の配分?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("目標の配分", "Share targets out"),
    "question": Text(
        "{period}の目標 {total} をどう配分するか（{scope}）", "How to share out {total} of {period} ({scope})"
    ),
    "alike": Text(
        "{n}人の達成確率が {low}〜{high} にそろいます。",
        "{n} people have chances from {low} to {high}.",
    ),
    "apart": Text(
        "{way}では、{n}人の達成確率が {low}〜{high} に分かれます。",
        "Shared {way}, {n} people have chances from {low} to {high}.",
    ),
    "even_instead": Text("均等配分なら {low}〜{high} です。", "Shared evenly: {low} to {high}."),
    "chance_instead": Text(
        "達成確率が等しくなる配分なら {low}〜{high} です。", "With equal chances: {low} to {high}."
    ),
    "nobody": Text("この範囲の下に配分する相手はいません。", "There is nobody below to share it out to."),
    "whole_chance": Text("全体の達成確率 {p}", "Chance of the whole {p}"),
    "growth": Text("前年同期比 {g}", "{g} on the same period last year"),
    "fixed_count": Text("固定 {n}件", "{n} fixed"),
    "not_stored": Text(
        "この期間の目標は未登録のため、五分五分で届く額から始めています。",
        "No target is stored for this period; this starts from what is reached as often as not.",
    ),
    "guide": Text("目安", "For comparison"),
    "level": Text("{label}（{p}で届く）", "{label} ({p})"),
    "last_year": Text("前年同期の実績", "same period last year"),
    "form_title": Text("条件を変える", "Change what it is shared out by"),
    "way": Text("配分の仕方", "Way"),
    "base": Text("合計の決め方", "Whole"),
    "base_stored": Text("登録済みの目標", "the stored target"),
    "base_total": Text("金額（{unit}）", "an amount ({unit})"),
    "base_growth": Text("前年同期比（%）", "growth on last year (%)"),
    "base_confidence": Text("達成確率（%）", "a chance (%)"),
    "amount": Text("値", "Value"),
    "round": Text("端数", "Rounded to"),
    "again": Text("配分し直す", "Share out again"),
    "form_said": Text(
        "固定したい人の額を表に入力して「配分し直す」を押すと、残りを配分し直します。",
        "Type what is fixed into the table and press the button: the rest is shared out again.",
    ),
    "table_title": Text("一人ひとりの目標と達成確率", "Everybody's target and chance"),
    "name": Text("名前", "Name"),
    "fixed": Text("固定する額", "Fixed"),
    "fixed_of": Text("{name}の固定する額（{unit}）", "Fixed amount of {name} ({unit})"),
    "target": Text("目標", "Target"),
    "chance": Text("達成確率", "Chance"),
    "ways": Text("配分ごとの達成確率", "Chance under each way"),
    "ways_of": Text("{name}：配分ごとの達成確率", "{name}: chance under each way"),
    "expected": Text("着地見込み", "Forecast"),
    "stored": Text("登録済み", "Stored"),
    "is_fixed": Text("固定", "fixed"),
    "is_new": Text("着任1年未満", "first year"),
    "away": Text("不在 {p}", "away {p}"),
    "sum": Text("合計（{n}人）", "Sum ({n} people)"),
    "sum_same": Text("全体の目標と一致", "equals the whole"),
    "sum_apart": Text("全体の目標との差 {d}", "differs from the whole by {d}"),
    "legend": Text(
        "左端が0%、点線が50%、右端が100%。{marks}。塗りつぶし＝いまの配分",
        "From 0 % at the left to 100 %; dotted: 50 %. {marks}. Filled: as shared out here",
    ),
    "compare_title": Text("配分の仕方を比べる", "The ways compared"),
    "compare_caption": Text("配分の仕方ごとの、達成確率のばらつき", "How far chances are apart, by way"),
    "lowest": Text("最低", "Lowest"),
    "median": Text("中央", "Middle"),
    "highest": Text("最高", "Highest"),
    "spread": Text("開き（pt）", "Spread (pt)"),
    "compare_said": Text(
        "開きがいちばん小さいのは「{way}」です（{spread}ポイント）。",
        "Chances are closest when shared {way}: {spread} points apart.",
    ),
    "save_title": Text("保存", "Store"),
    "save_said": Text(
        "保存するまで、何も登録されません。保存すると、{n}件の目標が登録済みの目標と置き換わります。",
        "Nothing is stored before you press the button. It stores {n} targets, in the place of older ones.",
    ),
    "kind": Text("種類", "Kind"),
    "kind_none": Text("指定なし", "not told"),
    "kind_committed": Text("必達", "committed"),
    "kind_stretch": Text("挑戦", "stretch"),
    "kind_budget": Text("予算", "budget"),
    "save": Text("この配分を保存", "Store these targets"),
    "may_not": Text(
        "保存には目標を登録する権限が必要です。このページの住所を管理者に送ると、同じ配分が開きます。",
        "Storing needs the right to write. Send this page's address to an administrator: it opens the same.",
    ),
    "past_not": Text(
        "過去の時点の配分は保存できません。「今に戻る」から開き直してください。",
        "What is as of a past day cannot be stored; go back to now first.",
    ),
    "done_kept": Text("目標を保存しました。", "The targets are stored."),
    "done_changed": Text(
        "新しいデータが入り、配分が変わりました。まだ保存していません。確かめてから、もう一度保存してください。",
        "New data came in and the targets are others now. Nothing is stored yet; look, then store again.",
    ),
    "left_out": Text("目標を配分しない人（{n}人）", "Without a target ({n})"),
    "assumptions": Text("前提", "What this takes for granted"),
    "differences": Text("合わない目標（{n}件）", "Targets that do not add up ({n})"),
}
