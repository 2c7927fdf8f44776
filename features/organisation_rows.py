"""What is known of a deal's seller, account and lead? The deal itself is left out of their history."""

from __future__ import annotations

from typing import Any

import numpy as np

from crm.instants import DAY, HOUR, NEVER
from features.activity_rows import is_meeting, joined
from features.arrays import (
    ACCOUNT,
    ACTOR,
    APPOINTMENT,
    BEGUN,
    COMPANY,
    CONTACTED,
    CREATED,
    ENDED,
    GAINED,
    KIND,
    LOST,
    MEETING,
    MONTHLY,
    NET,
    QUALIFIED,
    SELLER,
    WON,
)
from features.as_of import (
    before,
    closings_before,
    count_before,
    days,
    last_before,
    smoothed_rate,
    total_before,
    usual,
)
from features.attributes import entered_before
from features.catalogue import columns
from features.kernel_cache import compiled
from features.organisation import activity_gap, stage_stay

(AGE_VS_WON, PLANNED, STAGE_VS_USUAL) = columns("age_vs_won", "planned_cycle_vs_usual", "stage_days_vs_usual")
(STYLE, TEAM, TENURE, WIN_RATE, CLOSED, WON_90, CYCLE_DAYS) = columns(
    "seller_style", "seller_team", "seller_tenure_days", "seller_win_rate", "seller_closed", "seller_won_90d",
    "seller_cycle_days",
)  # fmt: skip
(LOAD, NEW_30, ACTS_30, ACTS_PER_DEAL, GAP_DAYS) = columns(
    "seller_load", "seller_new_30d", "seller_activities_30d", "seller_activities_per_deal", "seller_gap_days",
)  # fmt: skip
(OWNER_CHANGES, WITH_OWNER, SILENCE) = columns("owner_changes", "days_with_owner", "silence_vs_seller")
(INDUSTRY, REGION, EMPLOYEES, ACCOUNT_AGE, ACCOUNT_WON, ACCOUNT_LOST, ACCOUNT_RATE) = columns(
    "industry", "region", "employees", "account_age_days", "account_won", "account_lost", "account_win_rate"
)
(SINCE_WON, SINCE_LOST, OPEN_DEALS, CONTRACTS, CONTRACTS_ENDED, MONTHLY_AMOUNT) = columns(
    "days_since_account_won", "days_since_account_lost", "account_open_deals", "contracts",
    "contracts_ended", "monthly_amount",
)  # fmt: skip
(LEAD_SOURCE, TO_CONTACT, TO_APPOINTMENT, TO_MEETING, FROM_APPOINTMENT, TO_DEAL, IS_QUALIFIED) = columns(
    "lead_source", "lead_to_contact_hours", "lead_to_appointment_days", "lead_to_meeting_days",
    "appointment_to_meeting_days", "lead_to_deal_days", "lead_qualified",
)  # fmt: skip

SMOOTHING = 10.0
"""A seller's or account's win rate is shrunk towards the company's, which weighs like ten closed deals."""
USUAL_GAP_DAYS, GAP_SMOOTHING = 7.0, 5.0
"""Prior of a seller's gap between activities: weekly, with the weight of five gaps."""
MONTH, QUARTER = 30 * DAY, 90 * DAY


@compiled
def company_rows(
    totals: Any, status: Any, own: Any, moments: Any, age: Any, over: Any, cycle: Any, rate: Any, x: Any
) -> None:
    """Fill a deal's age (in days) and plan (`over` of `close_rows`) relative to the usual days to win.

    `cycle` receives the log of those days, NaN before the first win; `rate` the company's win rate, which
    lies between 0 and 1 even when no deal has closed.
    """
    for row in range(len(own)):
        t = moments[row]
        won, lost, cycles, _, _ = closings_before(totals, 0, COMPANY, status, own[row], NEVER, t)
        cycle[row], rate[row] = usual(cycles, won, 0.0, 0.0), (won + 1.0) / (won + lost + 2.0)
        x[row, AGE_VS_WON] = np.log1p(age[row]) - cycle[row]
        if over[row] != 0:
            planned = days(over[row] - t) + age[row]
            x[row, PLANNED] = np.log1p(max(planned, 0.0)) - cycle[row]


@compiled
def stay_rows(
    totals: Any,
    created: Any,
    track: Any,
    stages: Any,
    group: Any,
    own: Any,
    moments: Any,
    stayed: Any,
    x: Any,
) -> None:
    """Fill the days in the stage (`stayed`) relative to the usual days of other deals that advanced.

    `created`, `track` and `stages` are of the organisation's past.
    """
    for row in range(len(own)):
        if group[row] < 0:
            continue
        t, low = moments[row], totals.start[group[row]]
        end = count_before(totals.at, low, totals.start[group[row] + 1], t)
        count, total = end - low, totals.total[end, 0] - totals.total[low, 0]
        deal = own[row]
        if deal >= 0:
            since = created[deal]
            for i in range(track.start[deal], track.start[deal + 1]):
                if not before(track.at[i], t):
                    break
                stage, _, size, since = stage_stay(created[deal], track, stages, deal, i, since)
                if stage == group[row]:
                    count -= 1
                    total -= size
        x[row, STAGE_VS_USUAL] = np.log1p(stayed[row]) - usual(total, count, 0.0, 0.0)


@compiled
def amount_vs_group_rows(
    totals: Any, key: Any, status: Any, group: Any, own: Any, moments: Any, amount: Any, column: Any, x: Any
) -> None:
    """Fill a deal's amount (log) relative to the usual amount of its group, where it has one."""
    for row in range(len(own)):
        if group[row] >= 0:
            closings = closings_before(totals, group[row], key, status, own[row], NEVER, moments[row])
            x[row, column] = amount[row] - usual(closings[4], closings[3], 0.0, 0.0)


@compiled
def others_open(totals: Any, presence: Any, group: Any, own: Any, t: Any) -> Any:
    """Open deals of a group at t, and those added in the 30 days before, without the deal `own`."""
    month = t - MONTH
    count = total_before(totals, group, NET, t)
    added = total_before(totals, group, GAINED, t) - total_before(totals, group, GAINED, month)
    if own >= 0:
        for i in range(presence.start[own], presence.start[own + 1]):
            if before(presence.at[i], t) and presence.group[i] == group:
                count -= presence.step[i]
                added -= presence.step[i] > 0 and not before(presence.at[i], month)
    return count, added


@compiled
def owner_rows(created: Any, track: Any, people: Any, which: Any, moments: Any, group: Any, x: Any) -> None:
    """Fill the owner and the time since they took over; `group` receives the owner's group, -1 = unknown."""
    for row in range(len(which)):
        deal, t = which[row], moments[row]
        low = track.start[deal]
        end = count_before(track.at, low, track.start[deal + 1], t)
        now, changes, since = track.first[deal], 0, created[deal]
        for i in range(low, end):
            was, now = now, track.value[i]
            if was != now and not (np.isnan(was) and np.isnan(now)):
                since = max(track.at[i], created[deal])
                changes += not np.isnan(was) and not np.isnan(now)
        x[row, OWNER_CHANGES] = changes
        group[row] = -1
        if np.isnan(now):
            continue
        owner = np.int64(now)
        group[row] = people.group[owner]
        x[row, WITH_OWNER] = days(t - since)
        if joined(people.known, owner, t):
            x[row, STYLE] = last_before(people.style, owner, t)
            x[row, TEAM] = last_before(people.team, owner, t)
            if people.since[owner] != NEVER:
                x[row, TENURE] = days(t - people.since[owner])


@compiled
def track_record_rows(
    totals: Any, status: Any, group: Any, own: Any, moments: Any, cycle: Any, rate: Any, x: Any
) -> None:
    """Fill the seller's closed deals; `cycle` and `rate` are the company's, from `company_rows`."""
    for row in range(len(own)):
        if group[row] < 0:
            continue
        t = moments[row]
        won, lost, cycles, _, _ = closings_before(totals, group[row], SELLER, status, own[row], NEVER, t)
        x[row, WIN_RATE] = smoothed_rate(won, lost, rate[row], SMOOTHING)
        x[row, CLOSED] = won + lost
        if not np.isnan(cycle[row]):
            x[row, CYCLE_DAYS] = np.expm1(usual(cycles, won, cycle[row], SMOOTHING))
        x[row, WON_90] = closings_before(totals, group[row], SELLER, status, own[row], t - QUARTER, t)[0]


@compiled
def load_rows(totals: Any, presence: Any, group: Any, own: Any, moments: Any, x: Any) -> None:
    """Fill the seller's other open deals."""
    for row in range(len(own)):
        if group[row] >= 0:
            x[row, LOAD], x[row, NEW_30] = others_open(totals, presence, group[row], own[row], moments[row])


@compiled
def habit_rows(
    acts: Any, gaps: Any, created: Any, past: Any, group: Any, own: Any, moments: Any, silent: Any, x: Any
) -> None:
    """Fill the seller's activity on other deals, and this one's days without activity vs their usual gap.

    `created` and `past` are the organisation's past deals and activities; `silent` the days without activity.
    """
    for row in range(len(own)):
        seller, t, deal = group[row], moments[row], own[row]
        if seller < 0:
            continue
        low = acts.start[seller]
        end = count_before(acts.at, low, acts.start[seller + 1], t)
        count = end - count_before(acts.at, low, end, t - MONTH)
        low = gaps.start[seller]
        end = count_before(gaps.at, low, gaps.start[seller + 1], t)
        number, total = end - low, gaps.total[end, 0] - gaps.total[low, 0]
        if deal >= 0:
            first = past.start[deal]
            for i in range(first, past.start[deal + 1]):
                if not before(past.at[i], t):
                    break
                if past.entry[i, ACTOR] != seller:
                    continue
                count -= not before(past.at[i], t - MONTH)
                _, size = activity_gap(created[deal], past.at, first, i)
                if size >= 0:
                    number -= 1
                    total -= size
        habit = usual(total, number, np.log1p(USUAL_GAP_DAYS), GAP_SMOOTHING)
        x[row, ACTS_30], x[row, GAP_DAYS] = count, np.expm1(habit)
        x[row, ACTS_PER_DEAL] = count / (x[row, LOAD] + 1.0)
        x[row, SILENCE] = np.log1p(silent[row]) - habit


@compiled
def account_rows(accounts: Any, code: Any, moments: Any, group: Any, x: Any) -> None:
    """Fill the account's attributes; `group` receives its group, -1 = unknown."""
    for row in range(len(code)):
        account, t = code[row], moments[row]
        group[row] = -1
        if account < 0:
            continue
        group[row] = accounts.group[account]
        if entered_before(accounts.entered, accounts.known, account, t):
            x[row, INDUSTRY] = last_before(accounts.industry, account, t)
            x[row, REGION] = last_before(accounts.region, account, t)
            employees = last_before(accounts.employees, account, t)
            if employees >= 0:
                x[row, EMPLOYEES] = np.log1p(employees)
            if accounts.created[account] != NEVER:
                x[row, ACCOUNT_AGE] = days(t - accounts.created[account])


@compiled
def account_past_rows(
    totals: Any, deal_of: Any, latest: Any, status: Any, group: Any, own: Any, moments: Any, rate: Any, x: Any
) -> None:
    """Fill the outcomes of other deals with the account."""
    for row in range(len(own)):
        account, t = group[row], moments[row]
        if account < 0:
            continue
        won, lost, _, _, _ = closings_before(totals, account, ACCOUNT, status, own[row], NEVER, t)
        x[row, ACCOUNT_WON], x[row, ACCOUNT_LOST] = won, lost
        x[row, ACCOUNT_RATE] = smoothed_rate(won, lost, rate[row], SMOOTHING)
        low = totals.start[account]
        end = count_before(totals.at, low, totals.start[account + 1], t)
        for column, since in ((WON, SINCE_WON), (LOST, SINCE_LOST)):
            i = end - 1
            while i >= low:
                i = latest[i, column]
                if i >= low and deal_of[i] != own[row]:
                    x[row, since] = days(t - totals.at[i])
                    break
                i -= 1


@compiled
def account_now_rows(
    load: Any, presence: Any, contracts: Any, group: Any, own: Any, moments: Any, x: Any
) -> None:
    """Fill the account's other open deals and its contracts."""
    for row in range(len(own)):
        account, t = group[row], moments[row]
        if account < 0:
            continue
        x[row, OPEN_DEALS] = others_open(load, presence, account, own[row], t)[0]
        ended = total_before(contracts, account, ENDED, t)
        x[row, CONTRACTS] = total_before(contracts, account, BEGUN, t) - ended
        x[row, CONTRACTS_ENDED] = ended
        x[row, MONTHLY_AMOUNT] = np.log1p(max(total_before(contracts, account, MONTHLY, t), 0) / 100.0)


@compiled
def lead_rows(created: Any, leads: Any, acts: Any, which: Any, moments: Any, x: Any) -> None:
    """Fill the lead that became the deal, the oldest of several."""
    for row in range(len(which)):
        deal, t = which[row], moments[row]
        lead = leads.start[deal]
        if lead == leads.start[deal + 1] or not before(leads.at[lead, CREATED], t):
            continue
        lead_created, appointment = leads.at[lead, CREATED], leads.at[lead, APPOINTMENT]
        x[row, LEAD_SOURCE] = leads.source[lead]
        x[row, TO_DEAL] = days(created[deal] - lead_created)
        x[row, IS_QUALIFIED] = before(leads.at[lead, QUALIFIED], t)
        if before(leads.at[lead, CONTACTED], t):
            x[row, TO_CONTACT] = (leads.at[lead, CONTACTED] - lead_created) / HOUR
        if before(leads.at[lead, MEETING], t):
            x[row, TO_MEETING] = days(leads.at[lead, MEETING] - lead_created)
        if not before(appointment, t):
            continue
        x[row, TO_APPOINTMENT] = days(appointment - lead_created)
        for i in range(acts.start[deal], acts.start[deal + 1]):
            if not before(acts.at[i], t):
                break
            if is_meeting(acts.entry[i, KIND]) and not before(acts.at[i], appointment):
                x[row, FROM_APPOINTMENT] = days(acts.at[i] - appointment)
                break
