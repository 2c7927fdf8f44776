"""How is a state that answers made? From the store as it is now, with the champion of the registry.

A state after another one is made from what that one holds: only the rows that were written to since are
read, and of its simulations only what they change is made anew. What comes of it says the same as a state
made from the whole store, which takes its place from time to time.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import NEVER, as_of_instant
from crm.store import HeldTables, Store
from crm.store.engine import store_failure
from crm.store.held_tables import Renewal
from crm.versions import LATEST
from features import History, compile_history
from features.arrays import Ints, ints
from features.changed_history import Change, activity_rows, changed_history
from features.kept_history import history_name, keep_history, kept_history
from features.levels import Levels
from models.bundle import Bundle
from models.scoring import feature_columns
from service import messages
from service.model_state import Caches, KnownBefore, ModelState
from service.moments import moment_of_now
from service.outages import REGISTRY, STORE, Outages
from service.settings import Settings
from training.log_age import newest_deal_record
from training.registry import ModelVersion, Registry

WHOLE_SECONDS = 900.0  # after which the whole store is read again, whatever has been written to
_MOST_DEALS = 500  # whose rows are exchanged in what was known before
_SETTLED = 100  # changes of what was known as of earlier moments that are told apart
_CHAMPION_SECONDS = 15.0  # between two looks for a new champion in the registry
Model = tuple[Bundle, ModelVersion]


class StateMaker:
    """A store and a registry, and what was read from the store last."""

    def __init__(self, settings: Settings, store: Store, registry: Registry, outages: Outages) -> None:
        self.settings, self.store, self.registry, self.outages = settings, store, registry, outages
        self._held: HeldTables | None = None
        self._whole_at = -np.inf  # when the whole store was read last
        self._champion_asked_at = -np.inf
        self._activity_rows: tuple[History | None, Ints | None] = (None, None)  # of the history made last

    def newer_data(self, state: ModelState | None, first: Model | None) -> ModelState | None:
        """A state of the store's data as they are now, with the model in service or the first one.

        None where the state there is says it all. "Now" moves on also while the store is out of reach.
        """
        try:
            revision = self.store.revision()
            self.outages.ended(STORE)
            if state is None or self._held is None:
                assert first is not None  # noqa: S101 - without a model nothing is made
                return self._first(first)
            is_due = self._now_of(state) != state.now and time.monotonic() - self._whole_at > WHOLE_SECONDS
            if revision != state.revision or is_due:
                return self._with_new_rows(state, self._held, is_due)
        except Exception as fault:
            failure = store_failure(fault)
            if failure is None:
                raise
            if state is None:
                raise failure from fault
            self.outages.began(STORE, failure.text)
        if state is not None and self._now_of(state) != state.now:
            model = (state.bundle, state.info)
            return self._state(model, state.revision, state.log, state.history, state, LATEST)
        return None

    def with_model(self, model: Model, state: ModelState) -> ModelState:
        """The data of a state with another model."""
        bundle, _ = model
        bundle.check_currency(state.log.organisation)
        history = compile_history(state.log, bundle.calendar, levels_of(bundle))
        return self._state(model, state.revision, state.log, history, state, NEVER)

    def forget_champion(self) -> None:
        """The registry is asked for the champion again, however recently it was."""
        self._champion_asked_at = -np.inf

    def new_champion(self, state: ModelState | None) -> Model | None:
        """The champion, checked, where it is not the version in service.

        While the registry is out of reach that one stays; at the start, the copy of the one last in service.
        """
        if state is not None and time.monotonic() - self._champion_asked_at < _CHAMPION_SECONDS:
            return None
        try:
            champion = self.registry.champion()
            if champion is None and state is None:
                raise SanchoError(messages.NO_MODEL, "no_model")
            is_new = champion is not None and (state is None or champion.version != state.info.version)
            model = self.registry.load(champion.version) if is_new and champion is not None else None
            self.outages.ended(REGISTRY)
        except SanchoError as error:
            if error.code != REGISTRY:
                raise
            self.outages.began(REGISTRY, error.text)
            model = self.registry.last_champion() if state is None else None
            if model is None and state is None:
                raise
        finally:
            self._champion_asked_at = time.monotonic()  # after the answer, which may have taken its time
        if model is not None:
            model[0].check()
        return model

    def _first(self, model: Model) -> ModelState:
        """From copies where nothing has changed since they were made; else they are made."""
        bundle, _ = model
        folder, levels = self.settings.kept_folder, levels_of(bundle)
        log, name_of_state, held = self.store.read_held(folder, self.settings.zone)
        bundle.check_currency(log.organisation)
        self._held, self._whole_at = held, time.monotonic()
        name = history_name(name_of_state, log, bundle.calendar, levels)
        history = kept_history(folder, name, bundle.calendar)
        if history is None:
            history = compile_history(log, bundle.calendar, levels)
            keep_history(folder, name, history)
        return self._state(model, held.revision, log, history, None, NEVER)

    def _with_new_rows(self, state: ModelState, held: HeldTables, whole: bool) -> ModelState:
        """The state with the rows that were written to since, or with all rows read again."""
        log, renewal = self.store.read_again(held, self.settings.zone, whole)
        state.bundle.check_currency(log.organisation)
        self._held = renewal.held
        known_from = renewal.known_from
        if known_from == NEVER:
            self._whole_at = time.monotonic()
        if renewal.held.revision == state.revision:
            known_from = LATEST
        history = self._history_after(state, log, renewal)
        revision = renewal.held.revision
        fresh = self._state((state.bundle, state.info), revision, log, history, state, known_from)
        return replace(fresh, known_before=_known_before(state, fresh, renewal))

    def _history_after(self, state: ModelState, log: EventLog, renewal: Renewal) -> History:
        """The history of a log: of a state before with what some deals' rows change, else compiled whole."""
        if renewal.touched is not None:
            before, rows = self._activity_rows
            if before is not state.history or rows is None:
                rows = activity_rows(state.history, state.log)
            change = Change(renewal.touched, renewal.deals)
            made = changed_history(state.history, rows, state.log, log, change)
            if made is not None:
                self._activity_rows = made
                return made[0]
        return compile_history(log, state.bundle.calendar, levels_of(state.bundle))

    def _state(
        self,
        model: Model,
        revision: int,
        log: EventLog,
        history: History,
        before: ModelState | None,
        known_from: int,
    ) -> ModelState:
        """`known_from`: what `before` says as of a moment up to it holds of the new state as well."""
        bundle, info = model
        columns = feature_columns(bundle, history)
        now = moment_of_now(as_of_instant(None, self.settings.zone), log.zone)
        settled: tuple[tuple[int, int], ...] = ((NEVER, revision),)
        caches = Caches()
        if before is not None and before.bundle is bundle:
            places = None
            if not history.deal_ids.equals(before.history.deal_ids):
                places = ints(history.deal_ids.get_indexer(before.history.deal_ids))
            caches = before.caches.renewed(known_from, before.now, now, places)
        if before is not None and known_from != NEVER:
            settled = before.settled
            if known_from != LATEST:
                later = tuple(each for each in settled if each[0] < known_from)
                settled = _at_most(((known_from, revision), *later))
        fresh = ModelState(
            bundle=bundle,
            info=info,
            revision=revision,
            log=log,
            history=history,
            columns=columns,
            catalogue=tuple(history.features[at] for at in columns),
            now=now,
            newest_deal_record=newest_deal_record(log, now),
            loaded_at=time.monotonic(),
            settled=settled,
            caches=caches,
        )
        if before is not None and known_from not in (NEVER, LATEST):
            _keep_what_was_known(before, fresh, known_from)
        return fresh

    def _now_of(self, state: ModelState) -> int:
        """The "now" of the clock."""
        return moment_of_now(as_of_instant(None, self.settings.zone), state.log.zone)


def _at_most(settled: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """The newest of them; all moments before those count as changed by the oldest that is left."""
    if len(settled) <= _SETTLED:
        return settled
    return (*settled[: _SETTLED - 1], (NEVER, settled[_SETTLED - 1][1]))


def _keep_what_was_known(before: ModelState, fresh: ModelState, known_from: int) -> None:
    """The state before a revision answers as of moments up to it, without being made anew.

    Where something else than rows' versions says more of earlier moments, it does not.
    """
    revision = fresh.log.next_revision(known_from)
    if revision == known_from and before.log.next_revision(known_from) is None:
        past = replace(before, caches=before.caches.of_moments_up_to(known_from).without_past_states())
        fresh.caches.past_states.get(revision, lambda: past)


def _known_before(before: ModelState, fresh: ModelState, renewal: Renewal) -> KnownBefore | None:
    """What was known as of now before some rows were written to, where it says something of what is now."""
    if renewal.touched is None or before.now != fresh.now or before.log.zone != fresh.log.zone:
        return None
    known = dict(before.caches.known.items()).get(before.now)
    held = before.known_before if known is None else KnownBefore(known, {}, frozenset())
    if held is None or len(held.deals) > _MOST_DEALS:
        return None
    return held.also(renewal.touched, renewal.deals)


def levels_of(bundle: Bundle) -> Levels:
    """Levels with lists of names; the kind of an attribute without levels (number, date) stays text."""
    return {name: value if isinstance(value, str) else list(value) for name, value in bundle.levels.items()}
