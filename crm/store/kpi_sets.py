"""Which KPIs did somebody accept for a scope and period? Every version stays, the newest one holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from crm.store.tables import KPI_SETS

_T = KPI_SETS.c


@dataclass(frozen=True, kw_only=True)
class StoredKpiSet:
    """A version of a set; `contents` is JSON, `accepted_at` microseconds UTC, `period` first..last."""

    scope: str
    period: str
    version: int
    contents: str
    accepted_at: int
    accepted_by: str
    reason: str | None = None


def add_version(connection: sa.Connection, made: StoredKpiSet) -> int:
    """Stores a set as the next version of its scope and period, whatever its own says; which that is."""
    of_set = (_T.scope == made.scope) & (_T.period == made.period)
    newest = connection.scalar(sa.select(sa.func.max(_T.version)).where(of_set))
    version = 1 + int(newest or 0)
    connection.execute(sa.insert(KPI_SETS), {**asdict(made), "version": version})
    return version


def versions_of(connection: sa.Connection, scope: str, period: str) -> list[StoredKpiSet]:
    """All versions of a set, newest first."""
    query = sa.select(KPI_SETS).where(_T.scope == scope, _T.period == period)
    return [StoredKpiSet(**row._mapping) for row in connection.execute(query.order_by(_T.version.desc()))]


def newest_sets(connection: sa.Connection, period: str | None = None) -> list[StoredKpiSet]:
    """The newest version of each set, of a period or of all, newest accepted first."""
    newest = sa.select(_T.scope, _T.period, sa.func.max(_T.version).label("version"))
    of_each = newest.group_by(_T.scope, _T.period).subquery()
    same = (of_each.c.scope == _T.scope) & (of_each.c.period == _T.period) & (of_each.c.version == _T.version)
    query = sa.select(KPI_SETS).join(of_each, same)
    if period is not None:
        query = query.where(_T.period == period)
    rows = connection.execute(query.order_by(_T.accepted_at.desc(), _T.scope, _T.period))
    return [StoredKpiSet(**row._mapping) for row in rows]
