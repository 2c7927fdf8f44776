"""What is out of reach at the moment, and since when? Answers go on, and say so."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from crm.i18n import Language, Text
from crm.instants import iso
from crm.store import engine
from service.language import moment_text
from service.logs import log_event
from training import mlflow_connection

STORE, REGISTRY = engine.UNAVAILABLE, mlflow_connection.UNAVAILABLE
_TEXTS = {
    REGISTRY: Text(
        "モデルの登録先を{since}から利用できません。バージョン{version}で回答を続けています。"
        "復旧するまで、モデルの登録・採用・切り戻しはできません。",
        "The model registry has been out of reach since {since}: version {version} goes on answering, and no "
        "model can be registered, promoted or rolled back until it is back.",
    ),
    STORE: Text(
        "データベースを{since}から利用できません。それまでのデータで回答しています。"
        "復旧するまで、新しいデータの反映と保存はできません。",
        "The database has been out of reach since {since}: answers are from the data known until then, and "
        "nothing new is seen or stored until it is back.",
    ),
}


@dataclass(frozen=True)
class Outage:
    """Since when something has been out of reach (microseconds UTC), and what was said at first."""

    since: int
    reason: Text


class Outages:
    """What is out of reach, by the code of its error."""

    def __init__(self) -> None:
        self._now: dict[str, Outage] = {}
        self._logged: dict[str, Outage] = {}
        self._guard = threading.Lock()

    def __contains__(self, code: str) -> bool:
        return code in self._now

    def began(self, code: str, reason: Text) -> None:
        """Notes a failure; the first one is the beginning."""
        with self._guard:
            self._now.setdefault(code, Outage(time.time_ns() // 1000, reason))

    def ended(self, code: str) -> None:
        """Notes that it answers; nothing happens where it always did."""
        with self._guard:
            self._now.pop(code, None)

    def log_changes(self) -> None:
        """Logs each beginning and each end, once."""
        now, before = self._now.copy(), self._logged
        self._logged = now
        for code in now.keys() - before.keys():
            log_event("sancho.outages", "warning", code, reason=now[code].reason.en)
        for code in before.keys() - now.keys():
            minutes = round((time.time_ns() // 1000 - before[code].since) / 6e7, 1)
            log_event("sancho.outages", "warning", f"{code}_ended", minutes=minutes)

    def reasons(self) -> list[Text]:
        """What was said when it began: with the address, for who runs the service."""
        return [outage.reason for outage in self._now.copy().values()]

    def warnings(self, version: str, zone: ZoneInfo) -> list[tuple[str, Text]]:
        """What the service cannot do at the moment, by code."""
        return [
            (code, _TEXTS[code].format(since=_since_when(outage.since, zone), version=version))
            for code, outage in self._now.copy().items()
        ]


def _since_when(since: int, zone: ZoneInfo) -> Text:
    at = iso(since, zone)
    languages: tuple[Language, Language] = ("ja", "en")
    return Text(*(moment_text(at, lang) for lang in languages))
