"""What does an import do with the organisation's row? Fills its blanks, and says what a change means."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from crm.i18n import Text
from crm.importing.row_versions import VersionRecorder
from crm.organisation import COLUMNS, COMPANY, LEARNED_FROM, Organisation, organisation_from
from crm.schema import TABLES, Kind
from crm.store import Writer

_TABLE = TABLES["organisation"]
_CHANGED = Text(
    "組織の設定を変更しました：{changes}。今後の回答の期間はこの設定に従います。",
    "The organisation was changed: {changes}. Periods of answers go by it from now on.",
)
_RETRAIN = Text(
    "再学習が必要です（`sancho train`）。対象：{parts}。それまでモデルは学習時の設定のままで、"
    "回答に注意（calendar_changed）が付きます。",
    "This must be trained anew (`sancho train`): {parts}. Until then the model keeps the settings it was "
    "trained with, and answers carry the warning calendar_changed.",
)
_NEW_CURRENCY = Text(
    "今後はすべての金額を為替レート（rates）で{now}に換算します。モデルは{was}で学習しているため、"
    "再学習（`sancho train`）するまで回答できません（currency_changed）。",
    "From now on all amounts count in {now}, at exchange rates (table rates). The model was trained in "
    "{was}: it does not answer (currency_changed) until it is trained anew (`sancho train`).",
)
_OTHER_DAYS = Text(
    "年度の期間（FY2026-Q3 など）の指す日付が変わりました。その期間の目標を確認してください。",
    "Fiscal periods such as FY2026-Q3 mean other days now; check the targets set for them.",
)


def stored_organisation(writer: Writer, default: Organisation | None = None) -> Organisation | None:
    """What the stored row says; None where there is none, or where it is gone."""
    row = writer.rows_named("organisation", [COMPANY]).get(COMPANY)
    if row is None or COMPANY in writer.gone("organisation"):
        return None
    return organisation_from({name: row[name] for name in COLUMNS}, default or Organisation())


def fill_organisation(writer: Writer, versions: VersionRecorder, settings: Organisation) -> str | None:
    """Lets the settings say what the row leaves blank, once data are there; what was filled, as one line."""
    row = writer.rows_named("organisation", [COMPANY]).get(COMPANY, {})
    blank = {
        name: value for name, value in vars(settings).items() if value is not None and row.get(name) is None
    }
    if not blank or COMPANY in writer.gone("organisation"):
        return None
    kinds = {Kind.NUMBER: pa.float64()}
    columns = {"organisation_id": pa.array([COMPANY], pa.string())}
    columns |= {n: pa.array([value], kinds.get(_TABLE[n].kind, pa.string())) for n, value in blank.items()}
    versions.meet(_TABLE, columns)
    writer.upsert("organisation", columns)
    return f"organisation from the settings: {sorted(blank.items())}"


def change_notices(before: Organisation | None, after: Organisation | None) -> list[Text]:
    """What a change of the organisation means; nothing where there was none before."""
    if before is None or after is None or before == after:
        return []
    changed = [name for name in COLUMNS if getattr(before, name) != getattr(after, name)]
    told = [_CHANGED.format(changes=_joined(_change(name, before, after) for name in changed))]
    if "fiscal_start_month" in changed:
        told.append(_OTHER_DAYS)
    learned = [LEARNED_FROM[name] for name in changed if name in LEARNED_FROM]
    if learned:
        told.append(_RETRAIN.format(parts=_joined(learned)))
    if "currency" in changed:
        told.append(_NEW_CURRENCY.format(was=before.currency, now=after.currency))
    return told


def _change(name: str, before: Organisation, after: Organisation) -> Text:
    old, new = getattr(before, name), getattr(after, name)
    was, now = ("–" if value is None else str(value) for value in (old, new))
    return Text("{label} {was} → {now}", "{label} {was} → {now}").format(
        label=_TABLE[name].label, was=was, now=now
    )


def _joined(texts: Iterable[Text]) -> Text:
    parts = list(texts)
    return Text("、".join(part.ja for part in parts), ", ".join(part.en for part in parts))
