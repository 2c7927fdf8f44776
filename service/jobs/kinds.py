"""Which kinds of job are there, what does each do, and which processes do them?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm.i18n import Text
from service.jobs.queue import JobQueue

if TYPE_CHECKING:
    from crm.store.jobs import Job
    from service.settings import Settings

Step = Callable[[Text, int, "int | None"], None]
IMPORT, TRAINING, SCORING, WEBHOOKS, ALERTS = "import", "training", "scoring", "webhooks", "alerts"
RETENTION, BACKTEST, SAMPLE = "retention", "backtest", "sample"
_BUCKET_SECONDS = 5.0  # within which one job is enough to send what is due again


@dataclass(frozen=True)
class Kind:
    """A kind of job: its name for readers, whether it takes minutes, and its work, whose result is JSON."""

    label: Text
    is_long: bool
    work: Callable[[Settings, JobQueue, Job, Step], dict[str, Any]]


def import_file(settings: Settings, queue: JobQueue, job: Job, step: Step) -> dict[str, Any]:
    """Takes the job's file into the store; all of it or, where it fails or is cancelled, nothing."""
    from crm.importing import Saying, import_path
    from crm.importing.mapping import read_mapping, shipped_mapping
    from crm.importing.preview import preview_path
    from crm.store.jobs import KEEPS_FILE
    from service.organisation import open_store

    said = job.payload
    saying = Saying(said.get("encoding"), said.get("decimal"), bool(said.get("snapshots")))
    mapping = None
    if said.get("mapping_text"):
        mapping = read_mapping(said["mapping_text"])
    elif said.get("mapping"):
        mapping = shipped_mapping(said["mapping"])
    dry_run = bool(said.get("dry_run"))
    with tempfile.TemporaryDirectory(prefix="sancho-import-") as folder, open_store(settings) as store:
        path = Path(folder) / Path(said["file"]).name
        with path.open("wb") as file:
            file.writelines(queue.contents(job))
        result = import_path(
            store,
            path,
            settings.zone,
            mapping,
            said.get("table"),
            dry_run,
            step,
            whole=bool(said.get("full")),
            saying=saying,
        )
        told = {**result.to_dict(), "source": said["file"]}
        if dry_run:
            found = preview_path(path, said.get("table"), mapping, saying)
            told |= {"preview": [one.to_dict() for one in found], KEEPS_FILE: True}
    return told


def train_model(settings: Settings, _queue: JobQueue, job: Job, step: Step) -> dict[str, Any]:
    """Trains on the store, registers the model, and promotes it past the gate; or says why none is needed."""
    from crm.acting import actor, entry_of
    from service.audit.trail import note_now
    from service.trainings import needed_training, train_and_register

    said = job.payload
    if said.get("if_needed") and (unneeded := needed_training(settings)) is not None:
        return {"version": None, "promoted": False, "code": "not_needed", **_both(unneeded)}
    info, decision, findings = train_and_register(
        settings, said.get("as_of"), step, promote=bool(said.get("promote", True)), with_shares=True
    )
    note_now(
        settings,
        entry_of(
            actor(),
            "promote_model" if decision.promote else "train_model",
            touched={"version": [info.version]},
        ),
    )
    return {
        "version": info.version,
        "promoted": decision.promote,
        "code": decision.code or ("promoted" if decision.promote else "refused"),
        **_both(decision.text),
        "data": [{"code": one.code, "serious": one.serious, **_both(one.text)} for one in findings],
    }


def score_deals(settings: Settings, _queue: JobQueue, _job: Job, step: Step) -> dict[str, Any]:
    """Stores what is said of each open deal today."""
    from service.daily_scores import store_scores_of_today
    from service.organisation import open_registry, open_store
    from service.serving_state import ServingState

    serving = ServingState(settings, open_store(settings), open_registry(settings))
    try:
        serving.refresh()
        return store_scores_of_today(serving, step)
    finally:
        serving.close()


def make_backtest(settings: Settings, _queue: JobQueue, _job: Job, step: Step) -> dict[str, Any]:
    """Forecasts as of past moments, compared with what came; the result is kept in the home."""
    from service.backtests import backtested, usual_file, write_result
    from service.trainings import of_whole
    from training.backtest.report import page
    from training.backtest.result import to_json

    def report(text: Text, share: float) -> None:
        step(text, *of_whole(share))

    found = to_json(backtested(settings, None, None, None, None, report))
    written = write_result(usual_file(settings), page(found, settings.language), found)
    return {"periods": found["settings"]["periods"], "files": [file.name for file in written]}


def build_sample_organisation(settings: Settings, _queue: JobQueue, _job: Job, step: Step) -> dict[str, Any]:
    """Fills an empty installation with the sample organisation, and trains on it."""
    from service.sample import SMALL, build_sample

    return dict(build_sample(settings, SMALL, step).done)


def send_events(settings: Settings, queue: JobQueue, _job: Job, step: Step) -> dict[str, Any]:
    """Sends the events of webhooks that are due; another job will send what is due later."""
    from service.webhooks.book import Webhooks
    from service.webhooks.delivery import deliver_due

    with Webhooks(settings.store_url, settings.private_webhooks) as book:
        sent = deliver_due(book, step)
        seconds = book.seconds_to_next()
    if seconds is not None:
        queue_sending(queue, WEBHOOKS, seconds)
    return sent


def keep_within_retention(settings: Settings, _queue: JobQueue, _job: Job, step: Step) -> dict[str, Any]:
    """Removes what is kept for longer than the settings say, and erases again who has come back by name."""
    from service.retention import carry_out

    return carry_out(settings, step)


def send_alerts(settings: Settings, queue: JobQueue, _job: Job, step: Step) -> dict[str, Any]:
    """Sends the alerts that are due to people; another job will send what is due later."""
    from service.alerts.book import AlertBook
    from service.alerts.delivery import deliver_due
    from service.alerts.sending import Sender

    with AlertBook(settings.store_url, settings.private_webhooks) as book:
        sent = deliver_due(book, Sender(settings), step)
        seconds = book.seconds_to_next()
    if seconds is not None:
        queue_sending(queue, ALERTS, seconds)
    return sent


def queue_sending(queue: JobQueue, kind: str, seconds: float) -> None:
    """Queues a job that sends what is due in so many seconds; one is enough for a few of them."""
    turn = int((time.time() + seconds) / _BUCKET_SECONDS)
    queue.add(kind, {}, unique_key=f"{kind}-{turn}", delay_seconds=max(seconds, 1.0))


def _both(text: Text) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}


KINDS: Mapping[str, Kind] = {
    IMPORT: Kind(Text("取り込み", "import"), False, import_file),
    TRAINING: Kind(Text("学習", "training"), True, train_model),
    SCORING: Kind(Text("商談スコアの保存", "daily scores"), True, score_deals),
    RETENTION: Kind(Text("保存期間の適用", "retention"), True, keep_within_retention),
    SAMPLE: Kind(Text("サンプルの作成", "sample"), True, build_sample_organisation),
    BACKTEST: Kind(Text("過去検証", "backtest"), True, make_backtest),
    WEBHOOKS: Kind(Text("Webhookの送信", "webhooks"), False, send_events),
    ALERTS: Kind(Text("通知の送信", "alerts"), False, send_alerts),
}


# What can be asked for by name alone, at once or again and again, and what it is then told.
BY_NAME: Mapping[str, dict[str, Any]] = {TRAINING: {"if_needed": True}, SCORING: {}, RETENTION: {}}


def lanes() -> tuple[tuple[str, ...], ...]:
    """The kinds of each process beside the service, so that nobody waits minutes for what takes seconds."""
    return tuple(
        tuple(name for name, kind in KINDS.items() if kind.is_long is is_long) for is_long in (False, True)
    )
