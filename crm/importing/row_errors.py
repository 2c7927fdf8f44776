"""What is wrong with a row or a file, in words that help to put it right?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from crm.i18n import Text

# Reasons by code: sentences into which a check fills {value}, {column} and other details.
REASONS: dict[str, Text] = {
    "bad_moment": Text(
        "日時として読めません。1900年から2199年までの日時を 2026-11-20 09:00、2026/11/20、2026年11月20日 の"
        "ように書いてください。",
        "not a date and time of 1900 to 2199; write it like 2026-11-20 09:00, 2026/11/20 or 2026年11月20日.",
    ),
    "bad_date": Text(
        "日付として読めません。1900年から2199年までの日付を 2026-11-20、2026/11/20、2026年11月20日 のように"
        "書いてください。",
        "not a date of 1900 to 2199; write it like 2026-11-20, 2026/11/20 or 2026年11月20日.",
    ),
    "bad_number": Text(
        "数値ではありません。1200000 または 1,200,000 のように書いてください"
        "（単位はマッピングの unit で指定できます）。",
        "not a number; write it like 1200000 or 1,200,000 (a unit can be named in a mapping).",
    ),
    "negative": Text("負の数は使えません。0以上にしてください。", "negative; it must be 0 or more."),
    "not_positive": Text("0より大きい数にしてください。", "must be above 0."),
    "bad_currency": Text(
        "通貨がわかりません。JPY、USD、EUR のような3文字の通貨コードで書いてください"
        "（円、ドル、€ なども使えます）。",
        "not a currency; write a three-letter code such as JPY, USD or EUR (円, $ and € are understood too).",
    ),
    "currency_contradicts_amount": Text(
        "通貨「{value}」が金額に書かれた通貨（{mark}）と食い違っています。",
        "currency {value!r} contradicts the one written with the amount ({mark}).",
    ),
    "own_currency": Text(
        "組織の通貨（{own}）自体のレートは不要です。1単位が{own}でいくらかを、ほかの通貨について書いてください。",
        "the organisation's own currency ({own}) needs no rate; give what one unit of another is in {own}.",
    ),
    "bad_flag": Text(
        "はい／いいえとして読めません。true か false にしてください。",
        "neither yes nor no; write true or false.",
    ),
    "older_than_known": Text(
        "この商談について、より新しい内容（{newest}）が既にあります。"
        "一覧は古い順に取り込むか、過去の変更は deal_events で取り込んでください。",
        "something newer ({newest}) is known of this deal; import lists in the order of their dates, or past "
        "changes as deal_events.",
    ),
    "bad_choice": Text("使える値は {choices} です。", "must be one of {choices}."),
    "unmapped_value": Text(
        "マッピングの values にない値です。マッピングに加えてください。",
        "not among the mapping's values; add it to the mapping.",
    ),
    "missing_source_column": Text(
        "マッピングにある列「{column}」がありません。{hint}",
        "column {column!r}, which the mapping names, is missing. {hint}",
    ),
    "missing": Text("必須の項目が空です。値を入れてください。", "required but blank; fill it in."),
    "missing_column": Text(
        "必須の列「{column}」（{label}）がありません。{hint}",
        "required column {column!r} ({label}) is missing. {hint}",
    ),
    "unseen": Text(
        "閲覧範囲の外の人・商談・対象に関わる行のため、書き込めません。"
        "自分またはチームのデータだけを送ってください。",
        "it is about a person, a deal or a scope outside of what you may see; send rows of your own or your "
        "team's.",
    ),
    "new_row_incomplete": Text(
        "新しい行なのに必須の列「{column}」がファイルにありません。この列を加えて取り込んでください。",
        "a new row, but the file has no column {column!r}, which new rows need; add it.",
    ),
    "wrong_encoding": Text(
        "文字コードが合わず、文字が壊れています。UTF-8 で保存し直すか、"
        "--encoding で文字コードを指定してください。",
        "wrong encoding: some bytes fit no character; save the file again as UTF-8 or say --encoding.",
    ),
    "no_result": Text(
        "計算結果のない数式か、エラーのセルです。Excel で開いて計算させ、保存し直してください。",
        "a formula without its result, or an error of the sheet; open it "
        "in Excel, let it calculate, save it again.",
    ),
    "digits_lost": Text(
        "IDが数値として保存され、桁が失われています。書き出すときに文字列にしてください。",
        "an ID that was saved as a number and has lost digits; export it as text.",
    ),
    "total_row": Text(
        "合計の行です。商談ではないので取り込みません。",
        "a row of totals, which is none of the table's rows.",
    ),
    "old_list": Text(
        "{newest} より前の一覧です。より新しい一覧が取り込み済みなので、間に入れることはできません。",
        "older than the newest list in the store, of {newest}; it cannot be put between what is known.",
    ),
    "control_character": Text(
        "使えない制御文字が含まれています。取り除いてください。", "contains a NUL character; remove it."
    ),
    "column_count": Text(
        "列の数が {found} で、見出しの {expected} と合いません。区切り文字や引用符を確認してください。",
        "has {found} columns where the header has {expected}; check separators and quotes.",
    ),
    "open_quote": Text(
        '引用符（"）が閉じられていません。閉じるか取り除いてください。',
        "a quote is opened and never closed; close it or remove it.",
    ),
    "bad_json": Text(
        "JSON として読めません（{detail}）。1行に1つのオブジェクトを書いてください。",
        "not JSON ({detail}); write one object per line.",
    ),
    "duplicate_id": Text(
        "同じIDの行が{first}行目にあり、内容が違います。どちらかを直すか削ってください。",
        "the same ID is on line {first} with other contents; correct or remove one of them.",
    ),
    "unknown_deal": Text(
        "この商談は、保存済みのデータにもこの取り込みにもありません。先に商談を取り込むか、IDを直してください。",
        "no such deal, neither stored nor in this import; import the deal first or correct the ID.",
    ),
    "deal_in_quarantine": Text(
        "この商談の行が同じ取り込みでエラー行になりました。商談の行を直してから、もう一度取り込んでください。",
        "the deal's own row was rejected in this import; fix that row, then import this one again.",
    ),
    "future": Text(
        "未来の日時です（現在は {now}）。実際に起きた日時にしてください。",
        "in the future (it is now {now}); give the time it happened.",
    ),
    "closed_before_created": Text(
        "決着日時が作成日時 {created} より前です。", "closed before it was created ({created})."
    ),
    "ended_before_started": Text("終了が開始 {started} より前です。", "ends before it starts ({started})."),
    "before_created": Text("獲得日時 {created} より前です。", "before the lead was created ({created})."),
    "outcome_contradicts_stage": Text(
        "結果「{value}」がステージ「{stage}」（{meant}）と食い違っています。",
        "outcome {value!r} contradicts stage {stage!r}, which means {meant}.",
    ),
    "outcome_without_closed_at": Text(
        "決着した商談（{ending}）なのに決着日時（closed_at）が空です。",
        "the deal has ended ({ending}) but closed_at is blank.",
    ),
    "closed_at_without_outcome": Text(
        "決着日時があるのに結果（outcome）が空で、ステージ「{stage}」からもわかりません。",
        "closed_at is given but outcome is blank, and stage {stage!r} does not imply it.",
    ),
    "bad_scope": Text(
        "対象は company、team:ID、person:ID のいずれかです。", "scope must be company, team:ID or person:ID."
    ),
    "bad_period": Text(
        "期間は 2026-Q4、FY2026-Q3、FY2026-H2、FY2026、2026-11、2026-W47、"
        "2026-10-01..2026-12-31 のいずれかの形です。",
        "period must be like 2026-Q4, FY2026-Q3, FY2026-H2, FY2026, 2026-11, 2026-W47 "
        "or 2026-10-01..2026-12-31.",
    ),
    "bad_month": Text("期首月は1から12の整数です。", "the first month must be a whole number from 1 to 12."),
    "bad_zone": Text(
        "タイムゾーンが見つかりません。Asia/Tokyo のようなIANAの名前を指定してください。",
        "no such time zone; give an IANA name such as Asia/Tokyo.",
    ),
    "bad_country": Text(
        "この国の祝日がわかりません。JP のような2文字の国コードを指定してください。",
        "no public holidays are known for this country; give a two-letter code such as JP.",
    ),
    "bad_rank_column": Text(
        "確度の項目には、商談の自社項目（標準項目以外）の列名を指定してください。",
        "the column of the rank must be a column of your own of deals, not a standard one.",
    ),
    "bad_deal_word": Text(
        "商談の呼び方は1〜20文字の語にしてください。", "the word for a deal must have 1 to 20 characters."
    ),
    "second_organisation": Text(
        "組織は1つだけです（この一覧では「{first}」）。1行にまとめてください。",
        "a store holds one organisation ({first!r} in this list); give one row.",
    ),
    "bad_metric": Text(
        "指標は revenue か KPI のIDです（半角英小文字・数字・_、または material:資料名、action:種別）。",
        "metric must be revenue or a KPI's id (a-z, 0-9, _; or material:NAME, action:KIND).",
    ),
    "unreadable_file": Text(
        "ファイルを読めません（{detail}）。{hint}", "cannot read the file ({detail}). {hint}"
    ),
    "unknown_table": Text(
        "どの表のファイルかわかりません。ファイル名を deals.csv のような表の名前にするか、"
        "--table またはマッピングで指定してください。{hint}",
        "cannot tell which table this file is; name it after its table, like deals.csv, "
        "or use --table or a mapping. {hint}",
    ),
    "duplicate_column": Text(
        "列「{column}」が2つあります。1つにしてください。", "column {column!r} appears twice; keep one."
    ),
    "bad_column_name": Text(
        "列名「{column}」は使えません。引用符と \\ のない、200文字以内の名前にしてください。",
        "column name {column!r} cannot be used; give it a name of up to 200 characters without quotes or \\.",
    ),
}


class CellError(NamedTuple):
    """What is wrong with one value of a slice of rows; `values` fill in the reason's sentence."""

    row: int
    column: str
    code: str
    values: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RowError:
    """One error: where it is, the value there, why it is refused; one of a whole file covers `rows` rows.

    Errors of one bad row share `row`, its number within the import; `raw` is the row as text.
    """

    table: str
    file: str
    line: int | None
    column: str
    value: str
    code: str
    reason: Text
    row: int = 0
    raw: dict[str, str] | None = None
    rows: int = 1

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON holds it."""
        return {
            "table": self.table,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "value": self.value,
            "code": self.code,
            "reason": {"ja": self.reason.ja, "en": self.reason.en},
        }


def reason(code: str, **values: object) -> Text:
    """The sentence that explains an error code, with its values filled in."""
    return REASONS[code].format(**values) if values else REASONS[code]
