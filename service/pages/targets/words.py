"""Which words stand on the page on which a target is shared out?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("目標の配分", "Share targets out"),
    "question": Text(
        "{period}の目標 {total} をどう配分するか（{scope}）",
        "How is {total} of {period} shared out ({scope})?",
    ),
    "question_open": Text("{period}の目標をいくらにするか（{scope}）", "How much in {period} ({scope})?"),
    "spread": Text("達成確率 {low}〜{high}", "Chances from {low} to {high}"),
    "same": Text("達成確率 {low}", "Chance {low}"),
    "beside": Text(
        "選んだ配分（{way}）での、いちばん低い人と高い人です。{other}なら{low}〜{high}に開きます。",
        'The lowest and the highest under the chosen way ({way}). Under "{other}": {low} to {high}.',
    ),
    "whole": Text(
        "全体の達成確率は{p}、前年同期比は{growth}です。",
        "The whole has a chance of {p}; on last year: {growth}.",
    ),
    "whole_alone": Text("全体の達成確率は{p}です。", "The whole has a chance of {p}."),
    "nobody": Text("ここより下に配分先はありません", "There is nobody below to share it out to"),
    "no_total": Text(
        "配分する目標がまだありません。合計を入力してください。",
        "There is no target yet to share out; enter a total.",
    ),
    "levels_said": Text(
        "参考：堅い水準（80%）{safe}、五分五分の水準（50%）{likely}",
        "For reference: safe (80 %) {safe}, a toss-up (50 %) {likely}",
    ),
    "form": Text("配分のしかた", "How it is shared out"),
    "total": Text("合計（{currency}。空欄は登録済みの目標）", "Total ({currency}; empty: the stored target)"),
    "way": Text("配分", "Way"),
    "round_to": Text("端数", "Round to"),
    "round_none": Text("そろえない", "not rounded"),
    "share": Text("配分し直す", "Share out again"),
    "way_chance": Text("同じ達成確率", "same chance"),
    "way_even": Text("均等", "evenly"),
    "way_history": Text("前年実績比", "by last year"),
    "way_pipeline": Text("パイプライン比", "by pipeline"),
    "table": Text("一人ひとりの目標と達成確率", "Each target and its chance"),
    "name": Text("名前", "Name"),
    "value": Text("目標", "Target"),
    "strip": Text("達成確率（0〜100%）", "Chance (0 to 100 %)"),
    "strip_said": Text(
        "青が選んだ配分。大きい丸＝同じ達成確率、縦線＝均等、小さい丸＝前年実績比、四角＝パイプライン比",
        "Blue: the chosen way. Large dot: same chance; line: evenly; small dot: last year; square: pipeline",
    ),
    "stored": Text("登録済み", "Stored"),
    "expected": Text("着地見込み", "Forecast"),
    "fixed": Text("固定（{currency}）", "Fixed ({currency})"),
    "fixed_of": Text("{who}の目標を固定（{currency}）", "Fixed target of {who} ({currency})"),
    "sum": Text("担当者の合計", "Sum of reps"),
    "sum_below": Text("すぐ下の合計", "Sum right below"),
    "difference": Text("目標との差 {v}", "Difference to the target {v}"),
    "is_new": Text("着任1年未満", "first year"),
    "away": Text("不在 {p}", "away {p}"),
    "ways": Text("配分ごとの達成確率の開き", "How even each way is"),
    "lowest": Text("最低", "Lowest"),
    "median": Text("中央", "Middle"),
    "highest": Text("最高", "Highest"),
    "spread_pp": Text("開き（pt）", "Spread (pt)"),
    "left_out": Text("目標を配分しない人（{n}人）", "Who gets no target ({n})"),
    "assumptions": Text("前提", "What this takes for granted"),
    "differences": Text("合わない目標", "Targets that do not add up"),
    "save": Text("保存", "Save"),
    "save_said": Text(
        "保存するまで、目標は何も変わりません。保存すると{n}件の目標が登録されます。",
        "Nothing is stored before you save; saving stores {n} targets.",
    ),
    "kind": Text("種類", "Kind"),
    "kind_none": Text("（指定なし）", "(none)"),
    "kind_committed": Text("必達", "committed"),
    "kind_stretch": Text("ストレッチ", "stretch"),
    "kind_budget": Text("予算", "budget"),
    "no_right": Text(
        "目標を保存する権限がないため、試算だけができます。",
        "You have no right to store targets; this is a trial.",
    ),
    "only_now": Text("過去の時点では保存できません。", "Targets are stored as of now only."),
    "done_kept": Text("目標を保存しました。", "The targets are stored."),
    "past_link": Text(
        "過去4四半期の目標は公平だったか", "How fair were the targets of the last four quarters?"
    ),
    "fairness": Text(
        "過去の目標の公平さ（期初の達成確率）", "How fair past targets were (chances on the first day)"
    ),
    "quarter": Text("四半期", "Quarter"),
    "people": Text("人数", "People"),
    "reached": Text("達成した割合", "Share who reached it"),
    "past_none": Text("目標のあった四半期がまだありません。", "No past quarter had targets."),
    "bad_number": Text(
        "「{given}」は使えません。0以上の金額を数字で入力してください。",
        "{given!r} cannot be used; enter an amount of 0 or more.",
    ),
}
