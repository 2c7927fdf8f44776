"""When is it looked what people are to be told? Whenever the service has new data or another model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crm.errors import SanchoError
from crm.instants import last_known_day
from crm.store.alerts import Channel, NewAlert
from features import Calendar
from service.alerts.book import AlertBook, Comparison, Key
from service.alerts.findings import Finding, new_findings
from service.alerts.forms import MAIL
from service.alerts.hours import Hours
from service.alerts.kinds import DATA_STALE, MODEL_DUE
from service.alerts.readers import Reader, readers, scopes_told
from service.forecast_history import history_rows
from service.logs import log_event
from service.model_state import AnswerContext, ModelState
from service.serving_state import ServingState

GROUP_SECONDS = 900  # for which alerts are gathered into one message
_STATE = ("state", "")  # under which stands up to where was last looked, and about which scopes


class AlertNotices:
    """Looks what is worth telling, while there are channels, and queues it for those who read it.

    `wake` is given the seconds after which something is to be sent.
    """

    def __init__(
        self,
        serving: ServingState,
        book: AlertBook,
        is_model_due: Callable[[ModelState], bool | None],
        wake: Callable[[float], None],
    ) -> None:
        self._serving, self._book, self._wake = serving, book, wake
        self._is_model_due = is_model_due
        self._hours = Hours.of(serving.settings.alert_hours)
        self._looked_at: tuple[str, int, int] | None = None

    def look_if_possible(self) -> None:
        """Looks; where the queue's database is away, it is looked again at the next round."""
        try:
            self.look()
        except SanchoError as fault:
            log_event("sancho.alerts", "warning", "not_looked", reason=fault.text.en)

    def look(self) -> int:
        """Queues what is worth telling; how many alerts that makes."""
        state = self._serving.current()
        at = (state.info.version, state.now, state.revision)
        if at == self._looked_at:
            return 0
        channels = self._book.all()
        if not channels:
            return 0
        is_due = self._is_model_due(state)
        context = self._serving.context_of(state, state.now, self._serving.period(state, None, state.now))
        organisation = context.forecast.organisation
        today = last_known_day(state.now, context.zone)
        people = readers(state.known_at(state.now)["people"], organisation, today)
        self._follow(channels, people)
        told = scopes_told(channels, people, organisation)
        scopes = sorted(set(told.values()))
        history = {scope: self._history(context, scope) for scope in scopes}
        wanted = {channel.channel_id: channel.kinds for channel in channels}
        position = [state.now, state.revision]
        calendar = Calendar.of_organisation(context.organisation)
        soon = self._hours.next(self._book.now + GROUP_SECONDS * 1_000_000, calendar)

        def compare(marks: dict[Key, Any], first_due: Callable[[str], int | None]) -> Comparison:
            before = marks.get(_STATE)
            if before is not None and before > position:
                return [], {}, []  # another replica has seen newer data
            new = new_findings(context, scopes, marks, history, is_due)
            alerts = [
                NewAlert(
                    channel_id=channel_id,
                    key=finding.key,
                    kind=finding.kind,
                    body=finding.body,
                    due_at=first_due(channel_id) or soon,
                )
                for channel_id, scope in told.items()
                for finding in new.findings
                if finding.kind in wanted[channel_id] and _concerns(finding, scope)
            ]
            return alerts, {**new.marks, _STATE: position}, new.gone

        count = self._book.look(compare)
        self._looked_at = at
        if count:
            self._wake(max((soon - self._book.now) / 1e6, 0.0))
        return count

    def _follow(self, channels: Sequence[Channel], people: Mapping[str, Reader]) -> None:
        """Follows people: to a new address; who has left is not told what still waits."""
        for channel in channels:
            if channel.person_id is None:
                continue
            reader = people.get(channel.person_id)
            if reader is None:
                self._book.drop(channel.channel_id)
            elif channel.form == MAIL and reader.email and reader.email != channel.address:
                self._book.readdress(channel.channel_id, reader.email)

    def _history(self, context: AnswerContext, scope: str) -> list[Mapping[str, Any]]:
        """The stored forecasts of a scope; none while the store is out of reach."""
        period, since = context.forecast.period, context.state.log.currency_since
        store, zone = self._serving.store, context.zone
        return self._serving.from_store(
            lambda: list(history_rows(store, period, scope, context.moment, zone, since)), []
        )


def _concerns(finding: Finding, scope: str) -> bool:
    """Whether those who are told about a scope are told of a finding; data and models are the company's."""
    return finding.scope == scope or (finding.kind in (DATA_STALE, MODEL_DUE) and scope == "company")
