"""What does `organisation` do? Shows what the organisation's calendar and currency are, and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.command import AsOf, Command, Json, Lang, option
from service.cli.output import note, print_json, print_line, print_table

if TYPE_CHECKING:
    from crm.eventlog import EventLog
    from crm.store import Store


def organisation(
    fiscal_start_month: Annotated[
        int | None,
        option(
            "--fiscal-start-month", "N", Text("年度の最初の月（1〜12）。", "First month of the fiscal year.")
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        option("--time-zone", "ZONE", Text("タイムゾーン（IANAの名前）。", "Time zone, an IANA name.")),
    ] = None,
    country: Annotated[
        str | None,
        option("--country", "CC", Text("祝日を数える国（2文字）。", "Country whose public holidays count.")),
    ] = None,
    currency: Annotated[
        str | None, option("--currency", "CUR", Text("通貨（3文字）。", "Currency, three letters."))
    ] = None,
    rate_kind: Annotated[
        str | None,
        option(
            "--rate-kind",
            "market|internal",
            Text("使う為替レート（internal：社内レート）。", "Exchange rates that count."),
        ),
    ] = None,
    rank_column: Annotated[
        str | None,
        option(
            "--rank-column",
            "COLUMN",
            Text("担当者の確度（ヨミ）が入る商談の列。", "Column of deals with the rep's own call."),
        ),
    ] = None,
    deal_word: Annotated[
        str | None,
        option("--deal-word", "WORD", Text("商談の呼び方（案件など）。", "What a deal is called here.")),
    ] = None,
    known_from: Annotated[
        str | None,
        option(
            "--known-from",
            "D",
            Text(
                "変更がいつから有効か。既定は今。以前からそうだった場合はその日付。",
                "Since when the change holds. Default: now; an earlier date where it has been so since.",
            ),
        ),
    ] = None,
    as_of: AsOf = None,
    as_json: Json = False,
    lang: Lang = "ja",
) -> int:
    """The organisation as of a moment, after the change if one is given."""
    from service.organisation import disagreements, open_store
    from service.settings import read_settings

    given = {
        "fiscal_start_month": fiscal_start_month,
        "time_zone": time_zone,
        "country": country,
        "currency": currency,
        "rate_kind": rate_kind,
        "rank_column": rank_column,
        "deal_word": deal_word,
    }
    settings = read_settings()
    said = {name: value for name, value in given.items() if value is not None}
    with open_store(settings) as store:
        notices = _change(store, said, known_from) if said else []
        log = store.read(tables=("organisation", "deals") if rank_column else ("organisation",))
    moment = log.instant(as_of)
    if rank_column and rank_column not in log["deals"]:
        notices.append(_NO_COLUMN.format(column=rank_column))
    told = [("notice", text) for text in notices]
    told += disagreements(settings, log.organisation)
    if as_json:
        print_json(_as_json(log, moment, told, lang))
        return 0
    _show(log, moment, lang)
    for _, text in told:
        note(text.to(lang))
    return 0


COMMAND = Command(
    "organisation",
    organisation,
    Text(
        "組織の設定（期首月・タイムゾーン・国・通貨）を表示・変更します。",
        "Shows or changes the organisation: fiscal year, time zone, country, currency.",
    ),
)
_NO_COLUMN = Text(
    "商談にまだ「{column}」という列がありません。取り込むと使われます。",
    "No deal has a column {column!r} yet; it is used once one is imported.",
)
_NOTHING_CHANGED = Text("変更はありません。", "Nothing changed: the store says so already.")
_HEADINGS = (Text("項目", "item"), Text("値", "value"), Text("いつから", "known since"))
_ALWAYS = Text("最初から", "the beginning")


def _change(store: Store, said: dict[str, Any], known_from: str | None) -> list[Text]:
    """Stores what is said; what it means, or an error that names the first impossible value."""
    from crm.importing import check_rows, push_rows
    from crm.organisation import COMPANY

    row = {"organisation_id": COMPANY, **said} | ({} if known_from is None else {"known_from": known_from})
    zone = store.read(tables=("organisation",)).zone
    _, errors = check_rows("organisation", [row], zone)
    if errors:
        wrong = errors[0]
        option_name = f"--{wrong.column.replace('_', '-')}"
        text = Text(
            f"{option_name} {wrong.value}：{wrong.reason.ja}",
            f"{option_name} {wrong.value}: {wrong.reason.en}",
        )
        raise SanchoError(text, "bad_organisation")
    result = push_rows(store, "organisation", [row], zone, source="sancho organisation")
    return result.notices or ([_NOTHING_CHANGED] if not result.total.imported else [])


def _show(log: EventLog, moment: int, lang: Language) -> None:
    from crm.instants import iso
    from crm.schema import TABLES
    from service.language import as_of_text, moment_text

    now, labels = log.organisations.at(moment), TABLES["organisation"].by_name
    rows = []
    for name, value in vars(now).items():
        since = _since(log, name, moment)
        known = _ALWAYS.to(lang) if since is None else moment_text(iso(since, now.zone), lang)
        rows.append([labels[name].label.to(lang), "–" if value is None else str(value), known])
    print_table("", [heading.to(lang) for heading in _HEADINGS], rows, whole=[0])
    print_line(as_of_text(iso(moment, now.zone), lang))


def _as_json(log: EventLog, moment: int, told: list[tuple[str, Text]], lang: Language) -> dict[str, Any]:
    from crm.instants import iso

    now = log.organisations.at(moment)
    since = {name: _since(log, name, moment) for name in vars(now)}
    return {
        "organisation": vars(now),
        "known_from": {name: None if at is None else iso(at, now.zone) for name, at in since.items()},
        "as_of": iso(moment, now.zone),
        "warnings": [{"code": code, "message": text.to(lang)} for code, text in told],
    }


def _since(log: EventLog, name: str, moment: int) -> int | None:
    """Since when a column says what it says at a moment; None = from the beginning."""
    from crm.versions import ALWAYS

    known = [(at, said) for at, said in log.organisations.known if at < moment or at == ALWAYS]
    since, value = known[-1][0], getattr(known[-1][1], name)
    for at, said in reversed(known):
        if getattr(said, name) != value:
            break
        since = at
    return None if since == ALWAYS else since
