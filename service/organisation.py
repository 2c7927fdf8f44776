"""What is the organisation, and do the settings and the model agree with it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm.i18n import Text
from crm.organisation import LEARNED_FROM, Organisation
from crm.schema import TABLES
from crm.store import Store
from crm.store.exclusion import one_at_a_time
from features import Calendar

if TYPE_CHECKING:
    from models.bundle import Bundle
    from service.settings import Settings
    from training.registry import Registry

CALENDAR_CHANGED = "calendar_changed"
SETTINGS_DIFFER = "settings_differ"
# Settings by the column of the organisation that they fill.
_SETTINGS = {
    "fiscal_start_month": "fiscal_start_month",
    "time_zone": "timezone",
    "country": "country",
    "currency": "currency",
}
_DIFFER = Text(
    "{label}は保存済みの組織の設定 {stored} に従います（{setting} = {given} は使われません）。変更するには "
    "`sancho organisation --{option} {given}` を実行してください。",
    "{label}: the stored organisation says {stored}, which holds, and {setting} = {given} is not used; to "
    "change it, `sancho organisation --{option} {given}`.",
)
_CHANGED = Text(
    "この時点の組織の設定は{label} {now}ですが、モデルは {was} で学習しています。期間・目標・日付は"
    "組織の設定に従い、モデルの{part}は学習時のままです。`sancho train` で再学習してください。",
    "{label}: the organisation says {now} at this moment, the model was trained with {was}. Periods, targets "
    "and dates go by the organisation, the model's {part} by its own until it is trained anew "
    "(`sancho train`).",
)


def open_store(settings: Settings) -> Store:
    """The store of an installation, which the settings tell what the organisation is until it says so."""
    return Store.open(settings.store_url, organisation=settings.organisation)


def open_registry(settings: Settings) -> Registry:
    """The model registry of an installation; who shares the store does not change the champion meanwhile."""
    from training.registry import Registry

    return Registry(settings.home, exclude=lambda: one_at_a_time(settings.store_url))


def present_organisation(settings: Settings) -> Organisation:
    """What the organisation says now."""
    with open_store(settings) as store:
        return store.read(tables=("organisation",)).organisation


def disagreements(settings: Settings, organisation: Organisation) -> list[tuple[str, Text]]:
    """Settings that somebody made and that say something else than the stored organisation, which holds."""
    said = vars(settings.organisation)
    return [
        (
            SETTINGS_DIFFER,
            _DIFFER.format(
                label=TABLES["organisation"][column].label,
                stored=getattr(organisation, column),
                setting=f"SANCHO_{setting.upper()}",
                given=said[column],
                option=column.replace("_", "-"),
            ),
        )
        for column, setting in _SETTINGS.items()
        if setting in settings.model_fields_set and said[column] != getattr(organisation, column)
    ]


def calendar_warnings(bundle: Bundle, organisation: Organisation) -> list[tuple[str, Text]]:
    """Where a model was trained with another calendar than the organisation's at a moment.

    With another currency than the model's there is no answer (`Bundle.check_currency`).
    """
    learned = {
        "fiscal_start_month": bundle.calendar.fiscal_start_month,
        "time_zone": str(bundle.calendar.zone),
        "country": bundle.calendar.country,
    }
    return [
        (
            CALENDAR_CHANGED,
            _CHANGED.format(
                label=TABLES["organisation"][column].label,
                now=getattr(organisation, column),
                was=was,
                part=LEARNED_FROM[column],
            ),
        )
        for column, was in learned.items()
        if was != getattr(organisation, column)
    ]


def reasons_to_retrain(bundle: Bundle, organisation: Organisation) -> list[Text]:
    """What the organisation says at a moment that the model was trained without."""
    other = bundle.other_currency(organisation)
    return [
        *(text for _, text in calendar_warnings(bundle, organisation)),
        *([] if other is None else [other]),
    ]


def calendar_of(organisation: Organisation) -> Calendar:
    """The calendar by which the organisation works."""
    return Calendar.of_organisation(organisation)
