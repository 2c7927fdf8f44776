"""How are the canonical tables laid out in a database? SQLAlchemy tables generated from the schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from crm.schema import TABLES, Column, Kind, Table

CUSTOM = "custom"  # column that holds a row's custom attributes as one JSON object
METADATA = sa.MetaData()

_JSON = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
# Instants are whole microseconds since 1970 UTC, days ISO text: both compare and sort as they are.
_TYPES: dict[Kind, sa.types.TypeEngine[Any]] = {
    Kind.MOMENT: sa.BigInteger(),
    Kind.MONEY: sa.Double(),
    Kind.NUMBER: sa.Double(),
    Kind.FLAG: sa.Boolean(),
}


def keyed_by_all(table: Table) -> bool:
    """Whether all columns name a row; blanks are then stored as '', which equals itself (NULL does not)."""
    return len(table.key) == len(table.columns)


def stored_columns(table: Table) -> tuple[str, ...]:
    """Names of a table's columns in the database that hold its data."""
    return (*table.names, CUSTOM) if table.custom else table.names


def _column(column: Column, table: Table) -> sa.Column[object]:
    kind = _TYPES.get(column.kind, sa.Text())
    if keyed_by_all(table):
        return sa.Column(column.name, kind, nullable=False)
    return sa.Column(
        column.name,
        kind,
        nullable=not column.required,
        primary_key=column.name in table.key,
        autoincrement=False,
    )


def _stored(table: Table) -> sa.Table:
    columns = [_column(column, table) for column in table.columns]
    if table.custom:
        columns.append(sa.Column(CUSTOM, _JSON))
    if keyed_by_all(table):
        # Order of recording decides between changes of one instant, so rows keep their number.
        number: sa.Column[object] = sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True
        )
        return sa.Table(table.name, METADATA, number, *columns, sa.UniqueConstraint(*table.key))
    return sa.Table(table.name, METADATA, *columns, sqlite_with_rowid=False)


STORED = {name: _stored(table) for name, table in TABLES.items()}

# Versions of rows by `known_from` (ALWAYS: from the beginning). A row that never changed has none; of one
# that did all are here, the present one too. `contents` is a JSON object of columns in the form of storage;
# `gone` = deleted or merged from then on.
VERSIONS = sa.Table(
    "versions",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("table_name", "row_key")),
    sa.Column("known_from", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("gone", sa.Boolean, nullable=False),
    sa.Column("merged_into", sa.Text),
    sa.Column("contents", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

IMPORTS = sa.Table(
    "imports",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("mapping", sa.Text),
    sa.Column("rows_read", sa.BigInteger, nullable=False),
    sa.Column("imported", sa.BigInteger, nullable=False),
    sa.Column("unchanged", sa.BigInteger, nullable=False),
    sa.Column("quarantined", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
)

# One row per error; those of one bad row share (import_id, row). `identity` is its key, `raw` all of it.
QUARANTINE = sa.Table(
    "quarantine",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("import_id", sa.Integer, nullable=False),
    sa.Column("row", sa.BigInteger, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("line", sa.BigInteger),
    sa.Column("column_name", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("reason_ja", sa.Text, nullable=False),
    sa.Column("reason_en", sa.Text, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("raw", sa.Text),
    sa.Index("quarantine_row", "import_id", "row"),
    sa.Index("quarantine_identity", "identity"),
)

# What was predicted for a scope in a period (first..last) on a day.
OUTLOOKS = sa.Table(
    "outlooks",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("period", "scope", "day")),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("as_of", "kept_at")),
    *(sa.Column(name, sa.Double) for name in ("probability", "target")),
    *(sa.Column(name, sa.Double, nullable=False) for name in ("mean", "p10", "p50", "p90")),
    sa.Column("model_version", sa.Text, nullable=False),
)

# What was predicted for a deal on a day: its row of `sancho score`.
DEAL_SCORES = sa.Table(
    "deal_scores",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("deal_id", "day")),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("as_of", "kept_at")),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("period", "model_version")),
    *(
        sa.Column(name, sa.Double, nullable=False)
        for name in (
            *("win_probability", "win_by_period_end", "expected_revenue"),
            *("revenue_p10", "revenue_p50", "revenue_p90"),
        )
    ),
    sa.Column("expected_close_date", sa.Text),
    sa.Index("deal_scores_day", "day"),
)

# What was recommended on which deal, with what the choice was made from; times are microseconds UTC.
RECOMMENDATIONS = sa.Table(
    "recommendations",
    METADATA,
    sa.Column("recommendation_id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("made_at", "valid_until")),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("deal_id", "action", "arm", "model_version")),
    *(
        sa.Column(name, sa.Double, nullable=False)
        for name in ("chance", "uplift", "low", "high", "propensity")
    ),
    sa.Column("alternatives", sa.Text, nullable=False),  # JSON: [{action, uplift, propensity}]
)

# Their outcomes: shown, accepted, dismissed (why), done.
RECOMMENDATION_OUTCOMES = sa.Table(
    "recommendation_outcomes",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("recommendation_id", "state")),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text),
)

# What a model said beside the one in service, without being shown; times are microseconds UTC.
SHADOW_ANSWERS = sa.Table(
    "shadow_answers",
    METADATA,
    sa.Column("deal_id", sa.Text, primary_key=True),
    sa.Column("as_of", sa.BigInteger, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("version", "shadow_version")),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("asked_at", "period_end")),
    sa.Column("stage", sa.Text, nullable=False),
    *(
        sa.Column(name, sa.Double, nullable=False)
        for name in ("ever", "by_end", "shadow_ever", "shadow_by_end")
    ),
)

# Work that a process beside the service does; times are microseconds UTC, `payload` and `result` JSON. A
# worker that is alive adds to `beats`. Of jobs with the same `unique_key` one at most is open.
_OPEN = sa.text("state IN ('queued', 'running')")
JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("job_id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "state", "payload")),
    *(sa.Column(name, sa.Text) for name in ("unique_key", "requested_by")),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "due_at")),
    *(sa.Column(name, sa.BigInteger) for name in ("started_at", "finished_at")),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("attempts", "beats")),
    sa.Column("cancel_asked", sa.Boolean, nullable=False),
    *(sa.Column(name, sa.Text) for name in ("step_ja", "step_en")),
    *(sa.Column(name, sa.BigInteger) for name in ("done", "total")),
    *(sa.Column(name, sa.Text) for name in ("result", "error_code", "error_ja", "error_en")),
    sa.Index("jobs_due", "state", "due_at"),
    sa.Index("jobs_open_key", "unique_key", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
)

# The file that a job was given, in parts, until the job has ended.
JOB_FILES = sa.Table(
    "job_files",
    METADATA,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("contents", sa.LargeBinary, nullable=False),
)

# Jobs that are put into the queue again and again.
JOB_SCHEDULES = sa.Table(
    "job_schedules",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "payload")),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("every_seconds", "next_due")),
    sa.Column("requested_by", sa.Text),
)

# Whom events are sent to; `types` is a JSON list. Who sends holds the lease until `leased_until`.
WEBHOOKS = sa.Table(
    "webhooks",
    METADATA,
    sa.Column("webhook_id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("url", "types", "secret")),
    sa.Column("requested_by", sa.Text),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("disabled_at", sa.BigInteger),
    sa.Column("leased_until", sa.BigInteger, nullable=False),
    sa.Column("lease", sa.Text),
)

# What was sent, or is to be, by `number` in order of what happened; `body` is the JSON that is sent.
WEBHOOK_EVENTS = sa.Table(
    "webhook_events",
    METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    *(
        sa.Column(name, sa.Text, nullable=False)
        for name in ("event_id", "webhook_id", "type", "subject", "body", "state")
    ),
    sa.Column("attempts", sa.Integer, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "due_at")),
    sa.Column("finished_at", sa.BigInteger),
    sa.Column("last_status", sa.Integer),
    sa.Column("last_error", sa.Text),
    sa.Index("webhook_events_of", "webhook_id", "state", "number"),
)

# What was last said of each subject, so that only what changed since is said again; `value` is JSON.
WEBHOOK_MARKS = sa.Table(
    "webhook_marks",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("type", "subject")),
    sa.Column("value", sa.Text, nullable=False),
)

# Whom alerts are sent to. `form` says how (mail, slack, ...); `secret` is a token that the form needs.
ALERT_CHANNELS = sa.Table(
    "alert_channels",
    METADATA,
    sa.Column("channel_id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("form", "address", "kinds")),
    *(sa.Column(name, sa.Text) for name in ("secret", "person_id", "scope", "language", "requested_by")),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("leased_until", sa.BigInteger, nullable=False),
    sa.Column("lease", sa.Text),
)

# Alerts to each channel, by `number` in order; `key` says what happened, so that it is told once. `body` is
# JSON; `group_id` is that of the message in which an alert was sent, or is to be.
ALERTS = sa.Table(
    "alerts",
    METADATA,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("channel_id", "key", "kind", "body", "state")),
    sa.Column("group_id", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "due_at")),
    sa.Column("finished_at", sa.BigInteger),
    sa.Column("last_error", sa.Text),
    sa.Index("alerts_once", "channel_id", "key", unique=True),
    sa.Index("alerts_of", "channel_id", "state", "number"),
)

# What somebody (a person, or a channel) does not want to be told: a kind, or with an empty one anything.
ALERT_MUTES = sa.Table(
    "alert_mutes",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("who", "kind")),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

# With what each subject is compared; `value` is JSON.
ALERT_MARKS = sa.Table(
    "alert_marks",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("kind", "subject")),
    sa.Column("value", sa.Text, nullable=False),
)

# The rows that each of the newest imports wrote to, by the first column of their key.
TOUCHED_ROWS = sa.Table(
    "touched_rows",
    METADATA,
    sa.Column("import_id", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("table_name", "row_key")),
)

API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("secret_sha256", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
    sa.Column("rights", sa.Text),  # separated by spaces; none said: all
    sa.Column("expires_at", sa.BigInteger),
    sa.Column("team_id", sa.Text),  # to which it is limited
    sa.Column("person_id", sa.Text),  # whose key it is, and with whom it ends
)

# The passwords of people who sign in here, as argon2 hashes; times are microseconds UTC.
SIGN_IN_PASSWORDS = sa.Table(
    "sign_in_passwords",
    METADATA,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
)

# Links that let a person in once, by the hash of what they hold.
SIGN_IN_LINKS = sa.Table(
    "sign_in_links",
    METADATA,
    sa.Column("link_sha256", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "expires_at")),
    sa.Index("sign_in_links_of", "person_id"),
)

# Who is signed in, by the hash of what his browser holds. `email_mac` tells whether his address is still that
# of his sign-in, for who knows the session; the address itself is not here.
SIGN_IN_SESSIONS = sa.Table(
    "sign_in_sessions",
    METADATA,
    sa.Column("session_sha256", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("person_id", "email_mac", "way")),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "used_at")),
    sa.Index("sign_in_sessions_of", "person_id"),
)

# Who changed what, and who read whose figures; `touched` is JSON (ids by what they name), `about` the person
# whose figures were read.
AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("audit_id", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("caller", "operation", "result")),
    *(
        sa.Column(name, sa.Text)
        for name in ("person_id", "role", "scope", "about", "touched", "request_id", "address")
    ),
    sa.Column("status", sa.Integer),
    sa.Index("audit_at", "at", "audit_id"),
    sa.Index("audit_about", "about", "at"),
)

# Who was erased: `row_key` names the row now; where its id was replaced, the one before is known by a salted
# hash alone. States: begun, erased (the tables), done (files and free space, too).
ERASURES = sa.Table(
    "erasures",
    METADATA,
    sa.Column("erasure_id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("table_name", "pseudonym", "state")),
    *(sa.Column(name, sa.Text) for name in ("row_key", "salt", "key_hash")),
    sa.Column("asked_at", sa.BigInteger, nullable=False),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("requested_by", sa.Text, nullable=False),
)

# What a person answered to a figure or question about himself.
PERSON_ANSWERS = sa.Table(
    "person_answers",
    METADATA,
    sa.Column("answer_id", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("person_id", "subject", "answer")),
    sa.Column("period", sa.Text),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("person_answers_of", "person_id", "at"),
)

# KPIs that somebody accepted for a scope and period (first..last); `contents` is JSON. Every version stays.
KPI_SETS = sa.Table(
    "kpi_sets",
    METADATA,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("scope", "period")),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("contents", sa.Text, nullable=False),
    sa.Column("accepted_at", sa.BigInteger, nullable=False),
    sa.Column("accepted_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Index("kpi_sets_of_period", "period", "scope"),
)
