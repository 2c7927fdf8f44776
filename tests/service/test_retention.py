"""Does what is older than the settings say go, and does nothing that answers are made of?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from crm.acting import Entry
from crm.errors import SanchoError
from crm.importing import push_rows
from crm.instants import DAY, as_of_instant, local_datetime
from crm.store import Store, StoredAgreement, StoredCall, StoredNotes
from crm.store.audit import save
from crm.store.engine import open_engine
from crm.store.queue_database import queue_url
from crm.store.tables import METADATA
from service.erasure.erase import erase
from service.jobs import JobQueue
from service.jobs.kinds import BY_NAME, KINDS, RETENTION
from service.jobs.worker import Worker
from service.retention import carry_out
from service.settings import RetentionSettings, Settings, read_settings
from tests.support.fakes import TOKYO, small_store

NOW = as_of_instant("2026-11-20", TOKYO)


def _nothing(*_: object) -> None:
    """What is being done is not looked at."""


def _settings(home: Path, **days: int) -> Settings:
    return Settings(home=home, timezone="Asia/Tokyo", retention=RetentionSettings(**days))


def _count(url: str, table: str) -> int:
    engine = open_engine(url)
    with engine.connect() as connection:
        counted = connection.scalar(sa.select(sa.func.count()).select_from(METADATA.tables[table]))
    engine.dispose()
    return int(counted or 0)


def _filled(home: Path, **days: int) -> Settings:
    """A store with an old and a new row of everything that is kept for a while."""
    small_store(home / "sancho.db").close()
    settings = _settings(home, **days)
    old, new = NOW - 40 * DAY, NOW - 5 * DAY
    engine = open_engine(settings.store_url)
    score: dict[str, Any] = {
        "deal_id": "D1", "as_of": 1, "kept_at": 1, "period": "p", "model_version": "1",
        **dict.fromkeys(("win_probability", "win_by_period_end", "expected_revenue"), 0.5),
        **dict.fromkeys(("revenue_p10", "revenue_p50", "revenue_p90"), 1.0),
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.delete(METADATA.tables["audit"]))
        save(connection, [Entry(caller="k", operation="o", at=at) for at in (old, new)])
        connection.execute(
            sa.insert(METADATA.tables["deal_scores"]),
            [{**score, "day": "2026-10-11"}, {**score, "day": "2026-11-15"}],
        )
        connection.execute(
            sa.insert(METADATA.tables["person_answers"]),
            [
                {"answer_id": str(at), "person_id": "P1", "subject": "kpi", "answer": "…", "at": at}
                for at in (old, new)
            ],
        )
    engine.dispose()
    return settings


def test_nothing_is_removed_where_nothing_is_said(tmp_path: Path):
    settings = _filled(tmp_path)
    before = {name: _count(settings.store_url, name) for name in METADATA.tables}
    assert carry_out(settings, _nothing, lambda: NOW) == {"removed": {}, "erased_again": 0}
    after = {name: _count(settings.store_url, name) for name in METADATA.tables}
    assert after == {**before, "audit": before["audit"] + 1}, "what was done is in the audit"


def test_what_is_older_goes_and_what_is_newer_stays(tmp_path: Path):
    settings = _filled(tmp_path, audit=30, deal_scores=30, person_answers=30)
    done = carry_out(settings, _nothing, lambda: NOW)
    assert done["removed"] == {"audit": 1, "deal_scores": 1, "person_answers": 1}
    assert _count(settings.store_url, "deal_scores") == 1
    assert carry_out(settings, _nothing, lambda: NOW)["removed"] == {
        "audit": 0,
        "deal_scores": 0,
        "person_answers": 0,
    }


def test_what_meetings_left_goes_by_when_it_was_written_or_due(tmp_path: Path):
    settings = _settings(tmp_path, meetings=30)
    old, new = NOW - 40 * DAY, NOW - 5 * DAY
    with Store.open(settings.store_url) as store:
        for at in (old, new):
            day = local_datetime(at, TOKYO).date().isoformat()
            notes = StoredNotes(notes="{}", saved_at=at, saved_by="P1")
            store.meetings.save_review("company", f"week of {day}", notes, 0)
            store.meetings.save_one_on_one("P1", day, notes, 0)
            store.meetings.add_agreement(
                StoredAgreement(
                    agreement_id=day, person_id="P1", what="x", due=day, scope="company", meeting="2026-W01",
                    made_at=old, made_by="P1",
                )
            )  # fmt: skip
            store.meetings.add_call(
                StoredCall(
                    call_id=day, scope="company", period="p", amount=at, confidence="low", made_at=at,
                    made_by="P1", p10=1.0, p50=2.0, p90=3.0, model_version="1",
                )
            )  # fmt: skip
    assert carry_out(settings, _nothing, lambda: NOW)["removed"] == {"meetings": 4}
    left = ("reviews", "one_on_ones", "agreements", "calls")
    assert [_count(settings.store_url, table) for table in left] == [1, 1, 1, 1]


def test_refused_rows_go_with_the_age_of_their_import(tmp_path: Path):
    settings = _settings(tmp_path, quarantine=30)
    with Store.open(settings.store_url) as store:
        for day, name in (("2026-10-01", "old"), ("2026-11-15", "new")):
            bad = [{"deal_id": name, "created_at": "昨日", "stage": "提案"}]
            push_rows(store, "deals", bad, TOKYO, now=as_of_instant(day, TOKYO))
        assert set(store.quarantine()["identity"]) >= {"old", "new"}
        carry_out(settings, _nothing, lambda: NOW)
        assert set(store.quarantine()["identity"]) == {"new"}


def test_the_text_of_old_activities_is_blanked_in_every_version_and_the_activity_stays(tmp_path: Path):
    settings = _settings(tmp_path, activity_text=30)
    with Store.open(settings.store_url) as store:
        for day, text in (("2026-10-02", "鈴木様の件"), ("2026-10-03", "鈴木様に電話")):
            row = {"activity_id": "A1", "at": "2026-10-01", "kind": "call", "subject": text, "minutes": 30}
            push_rows(store, "activities", [row], TOKYO, now=as_of_instant(day, TOKYO))
        late = {"activity_id": "A2", "at": "2026-11-18", "kind": "call", "subject": "鈴木様と面談"}
        push_rows(store, "activities", [late], TOKYO, now=as_of_instant("2026-11-18", TOKYO))
        revision = store.revision()
        done = carry_out(settings, _nothing, lambda: NOW)
        assert done["removed"]["activity_text"] == 3, "the row, and both of its versions"
        assert store.revision() == revision + 1, "who holds the text in memory reads anew"
        rows = store.read(TOKYO)["activities"].set_index("activity_id")
        assert rows["subject"].fillna("").to_dict() == {"A1": "", "A2": "鈴木様と面談"}
        assert rows.loc["A1", "minutes"] == 30
        engine = open_engine(settings.store_url)
        with engine.connect() as connection:
            said = repr(connection.execute(sa.select(METADATA.tables["versions"])).all())
        engine.dispose()
        assert "鈴木様の件" not in said
        assert carry_out(settings, _nothing, lambda: NOW)["removed"]["activity_text"] == 0


def test_jobs_and_deliveries_of_the_queue_go_too(tmp_path: Path):
    settings = _settings(tmp_path, jobs=30, webhook_deliveries=10)
    with JobQueue(settings.store_url, lambda: NOW - 40 * DAY) as queue:
        job, _ = queue.add("training", {})
        queue.cancel(job.job_id)
    event = {
        "event_id": "e",
        "webhook_id": "w",
        "type": "t",
        "subject": "",
        "body": "{}",
        "state": "delivered",
    }
    engine = open_engine(queue_url(settings.store_url))
    with engine.begin() as connection:
        at = {"created_at": 1, "due_at": 1, "finished_at": NOW - 20 * DAY}
        connection.execute(sa.insert(METADATA.tables["webhook_events"]), {**event, **at, "attempts": 1})
    engine.dispose()
    assert carry_out(settings, _nothing, lambda: NOW)["removed"] == {"jobs": 1, "webhook_deliveries": 1}


def test_it_is_a_job_that_can_be_scheduled_and_erases_again_who_came_back(tmp_path: Path):
    settings = _settings(tmp_path)
    with Store.open(settings.store_url) as store:
        row = {"person_id": "P1", "name": "御手洗 花子"}
        push_rows(store, "people", [row], TOKYO, now=as_of_instant("2026-11-01", TOKYO))
        done = erase(settings, "person", "P1")
        push_rows(store, "people", [row], TOKYO, now=as_of_instant("2026-11-19", TOKYO))
        with JobQueue(settings.store_url) as queue:
            job, _ = queue.add(RETENTION, dict(BY_NAME[RETENTION]))
            assert Worker(settings, queue, list(KINDS)).work_once()
            assert queue.find(job.job_id).result == {"removed": {}, "erased_again": 1}
        assert store.read(TOKYO)["people"]["name"].tolist() == [done.pseudonym]


def test_a_retention_that_is_no_number_of_days_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path))
    monkeypatch.setenv("SANCHO_RETENTION", '{"audit": 0}')
    with pytest.raises(SanchoError, match="retention"):
        read_settings()
