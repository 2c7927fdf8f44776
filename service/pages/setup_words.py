"""Which words stand on the page 設定・取込, and on pages before there is a forecast?"""

from __future__ import annotations

from collections.abc import Mapping

from crm.i18n import Text

WORDS: Mapping[str, Text] = {
    "title": Text("設定・取込", "Set-up"),
    "question": Text("データを取り込み、予測できるようにする", "Import data, and get a forecast"),
    "steps": Text("手順", "Steps"),
    "step_file": Text("ファイル", "File"),
    "step_columns": Text("列の対応", "Columns"),
    "step_quarantine": Text("取り込めなかった行", "Rejected rows"),
    "step_training": Text("学習", "Training"),
    "step_targets": Text("目標", "Targets"),
    "state_done": Text("済み", "done"),
    "state_now": Text("いまここ", "now"),
    "state_open": Text("まだ", "to do"),
    # the first admin
    "admin_title": Text("はじめに：あなたのアカウント", "First: your account"),
    "admin_said": Text(
        "このリンクでのサインインは今回だけです。お名前・メールアドレス・パスワードを登録すると、次か"
        "らもサインインできます。",
        "The link lets you in this once. Tell your name, e-mail address and a password to sign in "
        "from now on.",
    ),
    "admin_name": Text("お名前", "Your name"),
    "admin_password": Text("パスワード（12文字以上）", "Password (12 characters or more)"),
    "admin_save": Text("登録する", "Save"),
    "done_admin": Text(
        "登録しました。次からはこのメールアドレスでサインインできます。",
        "Saved. You can sign in by this e-mail address from now on.",
    ),
    # 1 file
    "file_said": Text(
        "CRMやExcelから書き出したファイルを選びます。CSV（UTF-8・シフトJIS）、TSV、Excel（XLSX）、"
        "Parquet、NDJSON、"
        "{most}MBまで。お手元のヨミ表（Excel）もそのまま読めます。まだ何も保存しません。",
        "Choose a file exported from your CRM or Excel: CSV (UTF-8 or Shift JIS), TSV, Excel (XLSX), "
        "Parquet or "
        "NDJSON, up to {most} MB. Nothing is stored yet.",
    ),
    "file_order": Text(
        "商談（deals）があれば予測できます。担当者・活動・商談の変更履歴・目標もあると、より正確になります。",
        "Deals are enough for a forecast. People, activities, the history of deals and targets make "
        "it better.",
    ),
    "file": Text("ファイル", "File"),
    "table": Text("何のデータか", "What it holds"),
    "table_auto": Text("ファイル名から判断", "Told by its name"),
    "encoding": Text("文字コード", "Character set"),
    "encoding_auto": Text("自動", "Recognised"),
    "check": Text("中身を確認する", "Check the file"),
    "or_sample": Text(
        "まだデータがないときは、サンプルの営業組織で試せます（1〜2分）。",
        "Without data yet, try a sample sales organisation (a minute or two).",
    ),
    "sample": Text("サンプルで試す", "Try the sample"),
    "imported_tables": Text("取り込み済み", "Imported so far"),
    "rows": Text("行数", "Rows"),
    "file_name": Text("ファイル：{file}", "File: {file}"),
    # 2 columns
    "columns_none": Text(
        "ファイルを確認すると、ここに列と最初の5行が出ます。",
        "Once a file is checked, its columns and first five values appear here.",
    ),
    "columns_said": Text(
        "「{file}」の列を、Sanchoのどの項目として取り込むかを確認してください（{rows}行）。",
        "Check what each column of {file} is imported as ({rows} rows).",
    ),
    "checking": Text("{what}しています：{step}", "{what}: {step}"),
    "what_check": Text("ファイルを確認", "Checking the file"),
    "what_import": Text("取り込み", "Importing"),
    "what_training": Text("学習", "Training"),
    "what_sample": Text("サンプルを作成", "Building the sample"),
    "waiting": Text("順番を待っています", "waiting for its turn"),
    "column": Text("ファイルの列", "Column of the file"),
    "samples": Text("最初の5行", "First five values"),
    "meaning": Text("取り込み先", "Imported as"),
    "meaning_of": Text("「{heading}」の取り込み先", "What {heading} is imported as"),
    "unused": Text("使わない", "not used"),
    "custom": Text("独自項目として取り込む", "a custom attribute"),
    "maybe": Text("候補", "a guess"),
    "table_unknown": Text(
        "ファイル名から、何のデータか判断できません。選んでください。",
        "The file's name does not say what it holds; please choose.",
    ),
    "guesses": Text(
        "「候補」の列を確かめてから、確認し直してください。",
        "Look at the columns marked as a guess, then check again.",
    ),
    "is_book": Text(
        "お手元のヨミ表（Excel）として読みます。月・担当・ヨミの列は自動で見分けます。",
        "This is read as a manager's own deal list; months, reps and ranks are recognised.",
    ),
    "sheets": Text("ブックの表は自動で見分けます：{names}", "The workbook's tables are recognised: {names}"),
    "full": Text(
        "これが全件の一覧です（一覧にない行は、今後は無いものとして扱います）",
        "This list is complete (rows it lacks are gone from now on)",
    ),
    "import": Text("取り込む", "Import"),
    "check_again": Text("この内容で確認し直す", "Check again"),
    "would": Text("取り込むと：{counts}。", "It would import: {counts}."),
    "did": Text("取り込みました：{counts}。", "Imported: {counts}."),
    "count": Text(
        "{label} {imported}行（変更なし {unchanged}行、取り込めない行 {bad}行）",
        "{label} {imported} rows ({unchanged} unchanged, {bad} rejected)",
    ),
    "count_plain": Text("{label} {imported}行", "{label} {imported} rows"),
    "would_reject": Text(
        "取り込めない行（{n}行のうち最初の{shown}行）",
        "Rows that would be rejected (the first {shown} of {n})",
    ),
    "notices": Text("読み方についてのお知らせ（{n}件）", "How the file was read ({n} notes)"),
    "no_choice": Text(
        "この列の選択は使えません。ページを開き直してください。",
        "this choice of columns cannot be used; open the page again.",
    ),
    "failed": Text("{what}できませんでした：{why}", "{what} failed: {why}"),
    "resolved": Text("直った行：{n}行", "Rows put right: {n}"),
    # 3 quarantine
    "quarantine_none": Text("取り込めなかった行はありません。", "No row was rejected."),
    "quarantine_said": Text(
        "{n}行を取り込めませんでした。ここで直すか、CSVで受け取って直し、もう一度取り込んでください。"
        "直った行はここから消えます。",
        "{n} rows were rejected. Mend them here, or download them as CSV, mend and import them "
        "again. Rows that are "
        "right leave this list.",
    ),
    "line": Text("行", "Line"),
    "value": Text("値", "Value"),
    "reason": Text("理由", "Reason"),
    "mend": Text("直して取り込む", "Import it mended"),
    "mended_value": Text("{file} {line}行目の「{column}」", "{column} in line {line} of {file}"),
    "download": Text("{label}の{n}行をCSVで受け取る", "Download {n} rows of {label} as CSV"),
    "upload_mended": Text("直したCSVを取り込む", "Import the mended CSV"),
    "more_rows": Text("次の行", "More rows"),
    "first_rows": Text("最初から", "From the beginning"),
    "no_row": Text(
        "この行は表の形になっていないため、元のファイルで直してください。",
        "This line is no row; mend it in the file.",
    ),
    "choose_table": Text("何のデータか分からないため、取り込めません。", "What it holds is not known."),
    # 4 training
    "training_none": Text("商談を取り込むと学習できます。", "Import deals first."),
    "training_due": Text(
        "商談 {n}件から学習します。数分かかります。閉じてもかまいません。",
        "Learns from {n} deals. It takes minutes; you may close this page.",
    ),
    "train": Text("学習する", "Train"),
    "retrain": Text("再学習する", "Retrain"),
    "trained": Text(
        "モデル v{version} が使用中です（{day} 学習）。", "Model v{version} is in service (trained {day})."
    ),
    "trained_after": Text(
        "取り込んだデータは、再学習しなくても見通しに反映されます。",
        "New data count at once, without retraining.",
    ),
    "few_deals": Text(
        "決着した商談が{n}件。会社の平均に寄せた広めの見込みです。あと{more}件で自社の傾向が効きはじめます。",
        "{n} deals have closed: the forecast is wide and leans on averages. With {more} more, your "
        "own record counts.",
    ),
    "progress": Text("進み {percent}%", "{percent}% done"),
    "minutes_left": Text("残り約{n}分", "about {n} min left"),
    "soon": Text("まもなく終わります", "nearly done"),
    "may_close": Text("閉じてもかまいません。", "You may close this page."),
    "refreshing": Text("{n}秒ごとに更新しています。", "Refreshed every {n} seconds."),
    "stop_refreshing": Text("更新を止める", "Stop refreshing"),
    "job_failed": Text("前回は完了しませんでした：{why}", "The last one failed: {why}"),
    # 5 targets
    "targets_said": Text(
        "売上目標を入れると、届く確率が出ます。表（targets）をファイルで取り込むこともできます。",
        "With a revenue target its probability appears. A table of targets can be imported as a file, too.",
    ),
    "targets_none": Text("目標はまだありません。", "No target yet."),
    "target_scope": Text("対象", "Scope"),
    "target_period": Text("期間", "Period"),
    "target_value": Text("売上目標", "Revenue target"),
    "target_unit": Text("単位", "Unit"),
    "target_save": Text("目標を保存する", "Save the target"),
    "bad_value": Text(
        "売上目標は 20,000 のような0より大きい数で入力してください。",
        "the target must be a number above 0, such as 20,000.",
    ),
    "done_target": Text("目標を保存しました。", "The target is saved."),
    "done_training": Text("学習を始めました。", "The training has begun."),
    "done_sample": Text("サンプルを作成しています。", "The sample is being built."),
    "to_outlook": Text("見通しを見る", "See the outlook"),
    # before there is a forecast
    "no_data_title": Text(
        "データを取り込むと、ここに今期の見通しが出ます",
        "Import data, and this period's outlook appears here",
    ),
    "no_data_ask": Text("データの取り込みは管理者が行います。", "An admin imports the data."),
    "take_file": Text("ファイルを取り込む", "Import a file"),
    "importing_title": Text("データを取り込んでいます", "Data are being imported"),
    "training_title": Text("学習しています", "The model is being trained"),
    "not_trained_title": Text(
        "データはそろいました。学習すると、ここに今期の見通しが出ます",
        "The data are here. Once trained, this period's outlook appears here",
    ),
    "loading_title": Text("学習が終わりました", "The model is trained"),
    "loading_said": Text(
        "見通しを準備しています。数秒で表示されます。",
        "The outlook is being prepared; it appears in seconds.",
    ),
    "to_setup": Text("設定・取込へ", "To the set-up"),
}
