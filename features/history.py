"""What happened to all deals and in the organisation, as arrays that can be read as of any moment?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import NEVER, start_of_day
from features.arrays import (
    ACTOR,
    BEGUN,
    EFFECTIVE,
    ENDED,
    INBOUND,
    KIND,
    KINDS,
    MATERIAL,
    MONTHLY,
    RESULT,
    SECONDS,
    Accounts,
    Activities,
    Closings,
    Context,
    Deals,
    Floats,
    Ints,
    Leads,
    People,
    Products,
    RunningTotals,
    Stages,
    Track,
    floats,
    ints,
)
from features.as_of import sorted_by
from features.attribute_history import EventTable, attribute_track, days_track, names_track, vocabulary
from features.attributes import Attribute, attributes_of, find_attributes
from features.calendar import Calendar
from features.catalogue import CATALOGUE, Feature
from features.custom_counts import custom_count_features
from features.levels import MAX_CUSTOM_NAMES, Coded, Levels, finite, level_codes, most_frequent, names_of
from features.organisation import (
    context_of,
    empty_presence,
    running_totals,
    status_of,
    with_closings_attributed,
)

OUTCOME_CODE = {"won": 1, "lost": 0}


@dataclass(frozen=True, kw_only=True)
class History:
    """Deals over time and the organisation's past. Made by `compile_history` or `one_deal`, read by `build`.

    `features` are the columns of `build`: the catalogue, then custom counts and attributes;
    `levels` the names of their categories, to be stored with a model. `closed` (NEVER = open),
    `outcome` (1 won, 0 lost, -1 open) and `final_amount` (NaN = unknown) are as the whole log has them:
    labels, never features. `stages`, `people`, `accounts`, `products` are the names of local codes.
    `ignored` are custom attributes without a feature (free text, or empty).
    """

    calendar: Calendar
    deal_ids: pd.Index
    features: tuple[Feature, ...]
    levels: Levels
    created: Ints
    closed: Ints
    outcome: Ints
    final_amount: Floats
    stages: pd.Index
    people: pd.Index
    accounts: pd.Index
    products: pd.Index
    deals: Deals
    context: Context
    attributes: tuple[Attribute, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """The names of local codes."""

    stages: pd.Index
    people: pd.Index
    accounts: pd.Index
    products: pd.Index


@dataclass(frozen=True)
class Groups:
    """What the local codes stand for, shared by all deals."""

    stages: Stages
    people: People
    accounts: Accounts
    products: Products


@dataclass(frozen=True)
class CompiledDeals:
    """Deals as arrays, when and how each ended by the whole log, and the row of each of their activities."""

    deals: Deals
    closed: Ints
    outcome: Ints
    acts_row: Ints


def compile_history(log: EventLog, calendar: Calendar, levels: Levels | None = None) -> History:
    """The log as arrays. `levels` are those of the model that will score; without, they are learned here.

    The values known at a moment are those of `EventLog.as_of`. All days are those of the calendar, also where
    the log's time zone has changed since a model was trained.
    """
    log = replace(log, zone=calendar.zone)
    rows = log["deals"]
    deal_ids = pd.Index(rows["deal_id"])
    events = EventTable(log["deal_events"], deal_ids)
    names = names_in(log, events)
    levels = learn_levels(log, events, names) if levels is None else renamed_levels(levels, log)
    groups = Groups(
        stages=_stages(log, names.stages, levels),
        people=_people(log, names.people, levels, calendar),
        accounts=_accounts(log, names.accounts, levels),
        products=Products(
            floats(level_codes(names.products, names_of(levels, "product"))), _arange(names.products)
        ),
    )
    compiled = compile_deals(log, deal_ids, events, names, groups, levels)
    deals = compiled.deals
    return History(
        calendar=calendar,
        deal_ids=deal_ids,
        features=(*CATALOGUE, *custom_count_features(levels), *find_attributes(levels)),
        levels=levels,
        created=deals.created,
        closed=compiled.closed,
        outcome=compiled.outcome,
        final_amount=final_amounts(deals.amount),
        stages=names.stages,
        people=names.people,
        accounts=names.accounts,
        products=names.products,
        deals=deals,
        context=past_of(log, deals, compiled.acts_row, names),
        attributes=attributes_of(log, events, levels, names.accounts),
        ignored=tuple(name for name in _custom_columns(log) if name not in levels),
    )


def past_of(log: EventLog, deals: Deals, acts_row: Ints, names: Vocabulary) -> Context:
    """The organisation's past, from all deals of a log as arrays; `acts_row`: of their activities."""
    return context_of(deals, contracts_of(log, names), *acts_in(log, names), acts_row)


def acts_in(log: EventLog, names: Vocabulary) -> tuple[Ints, Ints]:
    """When and by whom each activity of a log was, -1 = by nobody known."""
    acts = log["activities"]
    return micros(acts["at"]), Coded.of(acts["actor_id"]).within(names.people)


def contracts_of(log: EventLog, names: Vocabulary) -> RunningTotals:
    """The contracts of each account."""
    return _contracts(log["contracts"], names.accounts)


def final_amounts(amount: Track) -> Floats:
    """The amount of each deal in the end, NaN = unknown."""
    last = np.diff(amount.start) > 0
    final = amount.first.copy()
    final[last] = amount.value[amount.start[1:][last] - 1]
    return final


def names_in(log: EventLog, events: EventTable) -> Vocabulary:
    """All names that a log's tables and its deals' histories have."""
    deals = log["deals"]

    def seen(field: str) -> tuple[Coded, Coded]:
        return Coded.of(deals[field]), events.of(field).both()

    return Vocabulary(
        vocabulary(log["stages"].sort_values("position", kind="stable")["stage"], *seen("stage")),
        vocabulary(log["people"]["person_id"], *seen("owner_id"), Coded.of(log["activities"]["actor_id"])),
        vocabulary(
            log["accounts"]["account_id"], *seen("account_id"), Coded.of(log["contracts"]["account_id"])
        ),
        vocabulary((), *seen("product")),
    )


def learn_levels(log: EventLog, events: EventTable, names: Vocabulary) -> Levels:
    """The names of all categories, most frequent first (stages in their order), and the custom attributes."""
    people = EventTable(log.changes("people"), names.people, "key")
    accounts = EventTable(log.changes("accounts"), names.accounts, "key")

    def of(table: str, column: str) -> list[str]:
        counts = Coded.of(log[table][column]).counts()
        later = counts.iloc[:0]
        if table == "deals":
            later = events.of(column).value.counts()
        elif table in ("people", "accounts"):
            later = (people if table == "people" else accounts).of(column).both().counts()
        return most_frequent(pd.concat([counts, later]))

    kinds = [kind for kind in of("activities", "kind") if kind not in KINDS]
    return {
        "deal_type": of("deals", "deal_type"),
        "source": of("deals", "source"),
        "product": of("deals", "product"),
        "stage": [str(stage) for stage in names.stages],
        "last_outcome": of("activities", "outcome"),
        "seller_style": of("people", "style"),
        "seller_team": of("people", "team_id"),
        "industry": of("accounts", "industry"),
        "region": of("accounts", "region"),
        "lead_source": of("leads", "source"),
        "activity_kind": kinds[:MAX_CUSTOM_NAMES],
        "material": of("activities", "material")[:MAX_CUSTOM_NAMES],
        **attribute_kinds(log, events),
    }


def renamed_levels(levels: Levels, log: EventLog) -> Levels:
    """Levels under the names that stages, teams and products have by now; their codes stay."""
    renamed = dict(levels)
    for feature, table in (("stage", "stages"), ("seller_team", "teams"), ("product", "products")):
        survivors = log.merged(table)
        if survivors and (names := names_of(levels, feature)):
            now = [survivors.get(name, name) for name in names]
            renamed[feature] = [
                name if after in names or after in now[:at] else after
                for at, (name, after) in enumerate(zip(names, now, strict=True))
            ]
    return renamed


def attribute_kinds(log: EventLog, events: EventTable) -> Levels:
    """Levels or kind of every custom attribute from which a feature can be made."""
    from features.attributes import learn_attribute

    levels: Levels = {}
    for name in _custom_columns(log):
        learned = learn_attribute(name, log, events)
        if learned is not None:
            levels[name] = learned
    return levels


def _custom_columns(log: EventLog) -> list[str]:
    from crm.schema import TABLES

    return [
        f"{table}.{column}"
        for table in ("deals", "accounts")
        for column in log[table].columns
        if column not in TABLES[table].by_name
    ]


def compile_deals(
    log: EventLog,
    deal_ids: pd.Index,
    events: EventTable,
    names: Vocabulary,
    groups: Groups,
    levels: Levels,
) -> CompiledDeals:
    """The deals of a log as arrays; the log may be one of some deals alone."""
    rows = log["deals"]
    created, stages = ints(micros(rows["created_at"])), groups.stages
    stage = names_track(Coded.of(rows["stage"]), events.of("stage"), names.stages)
    activities, acts_row = _activities(log["activities"], deal_ids, names.people, levels)
    row_outcome = Coded.of(rows["outcome"]).to_code(OUTCOME_CODE)
    row_closed = ints(micros(rows["closed_at"]))
    deals = Deals(
        created=created,
        stage=stage,
        amount=attribute_track(
            finite(rows["amount"].to_numpy(np.float64)), events.of("amount"), Coded.numbers
        ),
        close=days_track(rows["expected_close_date"], events.of("expected_close_date")),
        owner=names_track(Coded.of(rows["owner_id"]), events.of("owner_id"), names.people),
        account=names_track(Coded.of(rows["account_id"]), events.of("account_id"), names.accounts),
        product=names_track(Coded.of(rows["product"]), events.of("product"), names.products),
        status=status_of(created, stage, stages, _closings(log, deal_ids, row_closed, row_outcome)),
        owned=empty_presence(len(rows)),
        held=empty_presence(len(rows)),
        activities=activities,
        leads=_leads(log["leads"], deal_ids, levels),
        stages=stages,
        people=groups.people,
        accounts=groups.accounts,
        products=groups.products,
        own=ints(np.arange(len(rows))),
    )
    closed, outcome = final_closing(deals, row_closed, row_outcome)
    return CompiledDeals(with_closings_attributed(deals), closed, outcome, acts_row)


def _arange(names: pd.Index) -> Ints:
    return ints(np.arange(len(names)))


def final_closing(deals: Deals, closed: Ints, outcome: Ints) -> tuple[Ints, Ints]:
    """Closing and outcome according to the whole log, by the rule of `EventLog.as_of`."""
    recorded = (outcome >= 0) & (closed != NEVER)
    some = np.diff(deals.stage.start) > 0
    staged_at = np.full(len(closed), NEVER)
    staged = np.full(len(closed), -1)
    last = deals.stage.start[1:][some] - 1
    code = deals.stage.value[last]
    staged_at[some] = deals.stage.at[last]  # noqa: PD008
    known = np.where(np.isnan(code), -1, code).astype(np.int64)
    staged[some] = np.append(deals.stages.outcome, -1)[known]
    by_stage = ~recorded & (staged >= 0)
    return (
        ints(np.where(recorded, closed, np.where(by_stage, staged_at, NEVER))),
        ints(np.where(recorded, outcome, np.where(by_stage, staged, -1))),
    )


def _stages(log: EventLog, names: pd.Index, levels: Levels) -> Stages:
    table = log["stages"]
    row = pd.Index(table["stage"]).get_indexer(names)
    position = np.append(table["position"].to_numpy(np.float64), np.nan)[row]
    outcome = np.append(Coded.of(table["outcome"]).to_code(OUTCOME_CODE), -1)[row]
    return Stages(
        floats(position), ints(outcome), floats(level_codes(names, names_of(levels, "stage"))), _arange(names)
    )


def _closings(log: EventLog, deal_ids: pd.Index, closed: Ints, outcome: Ints) -> Closings:
    """What the deals' rows said about their ending over time."""
    versions = log.versions.get("deals")
    rows = [] if versions is None else versions.known_before(log.moment).present()
    position = deal_ids.get_indexer(pd.Index([key for key, _, _ in rows], dtype=object))
    said = [
        (at, known_from, contents.get("closed_at"), OUTCOME_CODE.get(contents.get("outcome") or "", -1))
        for at, (_, known_from, contents) in zip(position.tolist(), rows, strict=True)
        if at >= 0
    ]
    changed = {at for at, _, _, _ in said}
    plain = np.array([at not in changed for at in range(len(closed))], bool) if changed else slice(None)
    of, since, end, how = (np.array(values, np.int64) for values in _columns(said, 4))
    deal = np.concatenate([np.arange(len(closed))[plain], of])
    start, order = sorted_by(ints(deal), ints(np.zeros(len(deal))), len(closed))
    known = np.concatenate([np.full(len(deal) - len(of), NEVER), since])
    return Closings(
        start,
        ints(known[order]),
        ints(np.concatenate([closed[plain], end])[order]),
        ints(np.concatenate([outcome[plain], how])[order]),
    )


def _columns(rows: list[tuple[int, int, int | None, int]], count: int) -> list[list[int]]:
    return [[NEVER if row[at] is None else row[at] for row in rows] for at in range(count)]  # type: ignore[misc]


def _known_since(log: EventLog, table: str, names: pd.Index, since: Ints) -> Ints:
    """Since when each row is known, by its own time and by its first version."""
    first = log.first_known(table)
    if not first:
        return since
    return np.maximum(since, ints([first.get(str(name), NEVER) for name in names]))


def _people(log: EventLog, names: pd.Index, levels: Levels, calendar: Calendar) -> People:
    table, events = log["people"], EventTable(log.changes("people"), names, "key")
    row = pd.Index(table["person_id"]).get_indexer(names)
    days = [
        NEVER if pd.isna(day) else start_of_day(day.date(), calendar.zone) for day in table["active_from"]
    ]
    since = ints(np.append(ints(days), NEVER)[row])

    def track(column: str, read: Callable[[Coded], Floats], missing: float) -> Track:
        values = np.append(read(Coded.of(table[column])), missing)[row]
        return attribute_track(floats(values), events.of(column), read)

    def is_manager(styles: Coded) -> Floats:
        return floats(styles.to_code({"manager": 1}) == 1)

    return People(
        since=since,
        known=_known_since(log, "people", names, since),
        style=track("style", lambda texts: texts.level(names_of(levels, "seller_style")), np.nan),
        team=track("team_id", lambda texts: texts.level(names_of(levels, "seller_team")), np.nan),
        manager=track("style", is_manager, 0.0),
        group=_arange(names),
    )


def _accounts(log: EventLog, names: pd.Index, levels: Levels) -> Accounts:
    table, events = log["accounts"], EventTable(log.changes("accounts"), names, "key")
    row = pd.Index(table["account_id"]).get_indexer(names)

    def level(column: str) -> Track:
        def read(texts: Coded) -> Floats:
            return texts.level(names_of(levels, column))

        values = np.append(read(Coded.of(table[column])), np.nan)[row]
        return attribute_track(floats(values), events.of(column), read)

    created = ints(np.append(micros(table["created_at"]), NEVER)[row])
    employees = floats(np.append(table["employees"].to_numpy(np.float64), np.nan)[row])
    return Accounts(
        entered=ints(row >= 0),
        created=created,
        known=_known_since(log, "accounts", names, created),
        industry=level("industry"),
        region=level("region"),
        employees=attribute_track(employees, events.of("employees"), Coded.numbers),
        group=_arange(names),
    )


def _activities(
    table: pd.DataFrame, deal_ids: pd.Index, people: pd.Index, levels: Levels
) -> tuple[Activities, Ints]:
    """Activities by deal, and which row of the table each was."""
    at = micros(table["at"])
    start, order = sorted_by(ints(codes_in(table["deal_id"], deal_ids)), at, len(deal_ids))
    kinds = pd.Index([*KINDS, *names_of(levels, "activity_kind")], dtype=object)

    def column(name: str) -> Coded:
        return Coded.of(table[name]).take(order)

    kind = column("kind").within(kinds)
    entry = np.zeros((len(order), 7), np.int32)
    entry[:, KIND] = np.where(kind < 0, len(kinds), kind)
    entry[:, ACTOR] = column("actor_id").within(people)
    entry[:, INBOUND] = column("direction").to_code({"in": 1, "out": 0}) == 1
    entry[:, EFFECTIVE] = table["effective"].fillna(False).to_numpy(bool)[order]
    entry[:, MATERIAL] = custom_codes(column("material"), names_of(levels, "material"))
    entry[:, RESULT] = custom_codes(column("outcome"), names_of(levels, "last_outcome"))
    entry[:, SECONDS] = seconds(table["minutes"].to_numpy(np.float64)[order])
    return Activities(start, ints(at[order]), entry), order


def seconds(minutes: Floats) -> Ints:
    """Minutes as whole seconds, 0 where unknown."""
    return ints(np.rint(np.nan_to_num(np.minimum(minutes, 1e6)) * 60))


def custom_codes(texts: Coded, levels: list[str]) -> Ints:
    """Codes into the levels, len(levels) for any other name, -1 for none."""
    code = texts.within(pd.Index(levels, dtype=object))
    return ints(np.where((code < 0) & (texts.codes >= 0), len(levels), code))


def _leads(table: pd.DataFrame, deal_ids: pd.Index, levels: Levels) -> Leads:
    created = micros(table["created_at"])
    start, order = sorted_by(ints(codes_in(table["deal_id"], deal_ids)), created, len(deal_ids))

    steps = ("created_at", "contacted_at", "appointment_at", "meeting_at", "qualified_at")
    return Leads(
        start=start,
        at=ints(np.column_stack([micros(table[name])[order] for name in steps])),
        source=floats(Coded.of(table["source"]).level(names_of(levels, "lead_source"))[order]),
    )


def _contracts(table: pd.DataFrame, accounts: pd.Index) -> RunningTotals:
    group = codes_in(table["account_id"], accounts)
    begun, ended = micros(table["started_at"]), micros(table["ended_at"])
    over = ended != NEVER
    monthly = np.rint(table["monthly_amount"].fillna(0.0).to_numpy(np.float64) * 100).astype(np.int64)
    columns = np.zeros((len(table) + int(over.sum()), 3), np.int64)
    columns[: len(table), BEGUN], columns[len(table) :, ENDED] = 1, 1
    columns[: len(table), MONTHLY], columns[len(table) :, MONTHLY] = monthly, -monthly[over]
    # The end of a contract is not known before its start.
    at = np.concatenate([begun, np.maximum(ended[over], begun[over])])
    return running_totals(ints(np.concatenate([group, group[over]])), ints(at), columns, len(accounts))
