"""Which words stand on the pages of meetings: weekly reviews and one-on-ones?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "carried_said": Text("{n}件のうち{k}件が済みました。", "{k} of {n} are done."),
    "carried_none": Text(
        "前回までの約束はありません。この会議で決めたことが、次回ここに並びます。",
        "Nothing was agreed before. What is agreed in this meeting stands here next time.",
    ),
    "who": Text("担当", "Who"),
    "what": Text("約束", "Agreement"),
    "due": Text("期日", "Due"),
    "result": Text("結果", "Result"),
    "change_result": Text("結果を付ける", "Set the result"),
    "from_meeting": Text("決めた会議", "Agreed in"),
    "in_review": Text("第{n}週の会議", "review, week {n}"),
    "in_one_on_one": Text("1on1 {day}", "1-on-1, {day}"),
    "found": Text("{kind} {n}/{of}件", "{kind} {n}/{of}"),
    "result_open": Text("未定", "Open"),
    "result_done": Text("済", "Done"),
    "result_not_done": Text("未", "Not done"),
    "state_open": Text("これから", "open"),
    "state_done": Text("済", "done"),
    "state_not_done": Text("未", "not done"),
    "state_overdue": Text("期日超過", "overdue"),
    "by_activities": Text("活動の記録から", "from activities"),
    "moves_said": Text(
        "この7日間：受注{won}件、失注{lost}件、新規{created}件。ステージ変更{stage}件、金額変更{amount}件、"
        "受注予定日の変更{expected_close_date}件（うち後ろ倒し{pushed_back}件）。",
        "In these 7 days: {won} won, {lost} lost, {created} new; {stage} changes of stage, {amount} of "
        "amount, {expected_close_date} of the expected close date ({pushed_back} of them pushed back).",
    ),
    "moves_caption": Text("種類ごとの大きい変更", "The largest of each kind"),
    "more_moves": Text("ほかの変更（{n}件）", "Other changes ({n})"),
    "no_moves": Text("この7日間に記録された変更はありません。", "No change was recorded in these 7 days."),
    "deal": Text("商談", "Deal"),
    "change": Text("変化", "Change"),
    "detail": Text("内容", "Detail"),
    "amount": Text("金額", "Amount"),
    "by": Text("担当・変更者", "By"),
    "on": Text("日付", "On"),
    "change_won": Text("受注", "won"),
    "change_lost": Text("失注", "lost"),
    "change_created": Text("新規", "new"),
    "change_stage": Text("ステージ", "stage"),
    "change_later": Text("後ろ倒し", "pushed back"),
    "change_earlier": Text("前倒し", "pulled in"),
    "change_more": Text("増額", "amount up"),
    "change_less": Text("減額", "amount down"),
    "notes": Text("メモ", "Notes"),
    "save": Text("保存", "Save"),
    "add": Text("約束を追加", "Add the agreement"),
    "new_what": Text("新しい約束（何を）", "New agreement (what)"),
    "new_activity": Text("済みを判定する活動（任意）", "Activity that shows it is done (optional)"),
    "new_deal": Text("対象の商談（任意）", "With which deal (optional)"),
    "new_times": Text("回数", "Times"),
    "by_hand": Text("活動では判定しない", "none: somebody says so"),
    "no_deal": Text("商談を指定しない", "no deal in particular"),
    "agreed_none": Text("まだ何も決まっていません。", "Nothing is agreed yet."),
    "nobody_yet": Text("担当者を選ぶ", "Choose a person"),
    "take": Text("やる", "Take it"),
    "pass": Text("見送る", "Pass"),
    "pass_reason": Text("見送る理由", "Why it is passed"),
    "next_steps": Text("次の打ち手（候補）", "Next steps to choose from"),
    "no_actions": Text(
        "勧められる打ち手はありません。根拠のある打ち手が見つかると、ここに並びます。",
        "There is no next step to recommend; those with evidence appear here.",
    ),
    "chosen_title": Text("この7日間に選んだ打ち手", "Chosen in these 7 days"),
    "chosen_accepted": Text("やる", "taken"),
    "chosen_dismissed": Text("見送り", "passed"),
    "chosen_done": Text("済み", "done"),
    "chosen_said": Text(
        "受注確率 {uplift}、信頼度 {reliability}", "Win probability {uplift}, reliability {reliability}"
    ),
    "done_saved": Text("保存しました。", "Saved."),
    "done_added": Text("約束を追加しました。", "The agreement is added."),
    "done_taken": Text(
        "打ち手を約束に加え、「やる」と記録しました。",
        "The action is taken, and stands among the agreements.",
    ),
    "done_passed": Text("「見送る」と記録しました。", "That it is passed is recorded."),
    "not_saved": Text("まだ保存されていません。", "This is not saved yet."),
    "theirs": Text(
        "別の画面で保存された内容は次のとおりです。下の欄にはあなたが入力した内容が残っています。"
        "必要な部分を書き足してから、もう一度「保存」を押してください。",
        "What was saved elsewhere stands here; the fields below still hold what you typed in. Add what is "
        "needed and press Save again.",
    ),
    "past_meeting": Text(
        "{day}の会議で見た数字です。今の数字は今週の会議でご覧ください。",
        "The numbers that the meeting of {day} saw; those of now are in this week's.",
    ),
    "read_only": Text(
        "閲覧だけができます。書き込むには、結果を記録する権限（recommend）が必要です。",
        "You can read this; to write, the right to record outcomes (recommend) is needed.",
    ),
    "as_sheet": Text("A4 1枚に印刷できます。", "Prints on one sheet of A4."),
}
