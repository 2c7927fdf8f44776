"""Which kinds of job are there, what does each do, and which processes do them?"""

from __future__ import annotations

import tempfile
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
IMPORT, TRAINING, SCORING = "import", "training", "scoring"


@dataclass(frozen=True)
class Kind:
    """A kind of job: its name for readers, whether it takes minutes, and its work, whose result is JSON."""

    label: Text
    is_long: bool
    work: Callable[[Settings, JobQueue, Job, Step], dict[str, Any]]


def import_file(settings: Settings, queue: JobQueue, job: Job, step: Step) -> dict[str, Any]:
    """Takes the job's file into the store; all of it or, where it fails or is cancelled, nothing."""
    from crm.importing import Saying, import_path
    from service.organisation import open_store

    said = job.payload
    with tempfile.TemporaryDirectory(prefix="sancho-import-") as folder, open_store(settings) as store:
        path = Path(folder) / Path(said["file"]).name
        with path.open("wb") as file:
            file.writelines(queue.contents(job))
        result = import_path(
            store,
            path,
            settings.zone,
            said.get("mapping"),
            said.get("table"),
            bool(said.get("dry_run")),
            step,
            whole=bool(said.get("full")),
            saying=Saying(said.get("encoding"), said.get("decimal"), bool(said.get("snapshots"))),
        )
    return {**result.to_dict(), "source": said["file"]}


def train_model(settings: Settings, _queue: JobQueue, job: Job, step: Step) -> dict[str, Any]:
    """Trains on the store, registers the model, and promotes it past the gate; or says why none is needed."""
    from service.trainings import needed_training, train_and_register

    said = job.payload
    if said.get("if_needed") and (unneeded := needed_training(settings)) is not None:
        return {"version": None, "promoted": False, "code": "not_needed", **_both(unneeded)}
    info, decision, findings = train_and_register(
        settings, said.get("as_of"), step, promote=bool(said.get("promote", True))
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
    from service.use_cases import UseCases

    use = UseCases.open(settings)
    try:
        use.serving.refresh()
        return store_scores_of_today(use.serving, use.deals, step)
    finally:
        use.close()


def _both(text: Text) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}


KINDS: Mapping[str, Kind] = {
    IMPORT: Kind(Text("取り込み", "import"), False, import_file),
    TRAINING: Kind(Text("学習", "training"), True, train_model),
    SCORING: Kind(Text("商談スコアの保存", "daily scores"), True, score_deals),
}


# What can be asked for by name alone, at once or again and again, and what it is then told.
BY_NAME: Mapping[str, dict[str, Any]] = {TRAINING: {"if_needed": True}, SCORING: {}}


def lanes() -> tuple[tuple[str, ...], ...]:
    """The kinds of each process beside the service, so that nobody waits minutes for what takes seconds."""
    return tuple(
        tuple(name for name, kind in KINDS.items() if kind.is_long is is_long) for is_long in (False, True)
    )
