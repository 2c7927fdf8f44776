"""What do `jobs list`, `show`, `cancel`, `work`, `schedule`, `schedules` and `unschedule` do?"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.command import Command, Json, Lang, argument, interval_seconds, option
from service.cli.output import note, print_json, print_line, print_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from crm.store.jobs import Job

_SHOWN = 30

Number = Annotated[
    str, argument("ID", Text("ジョブの番号（jobs list に表示）。", "The job's id, as jobs list shows it."))
]


def list_jobs(as_json: Json = False, lang: Lang = "ja") -> int:
    """The newest jobs."""
    from service.job_answers import job_list
    from service.jobs import JobQueue
    from service.settings import read_settings

    settings = read_settings()
    with JobQueue(settings.store_url) as queue:
        found = queue.newest(_SHOWN)
    if as_json:
        print_json(job_list(found, None, settings.zone, lang))
        return 0
    rows = [
        [
            job.job_id,
            _kind(job.kind).to(lang),
            _STATES[job.state].to(lang),
            _moment(job.created_at, settings.zone),
            _detail(job, lang),
        ]
        for job in found
    ]
    print_table("", [heading.to(lang) for heading in _HEADINGS], rows, whole=[0])
    if not rows:
        note(_NONE.to(lang))
    return 0


def show(job_id: Number, as_json: Json = False, lang: Lang = "ja") -> int:
    """A job: how far it is, or what came of it; exit status 1 where it failed."""
    from service.job_answers import job_answer
    from service.jobs import JobQueue
    from service.settings import read_settings

    settings = read_settings()
    with JobQueue(settings.store_url) as queue:
        job = queue.find(job_id)
    if as_json:
        print_json(job_answer(job, settings.zone, lang))
    else:
        print_line(f"{_kind(job.kind).to(lang)} {job.job_id}: {_STATES[job.state].to(lang)}")
        if said := _detail(job, lang):
            print_line(said)
    return 1 if job.state == "failed" else 0


def cancel(job_id: Number, lang: Lang = "ja") -> int:
    """Takes a job out of the queue, or asks it to stop."""
    from service.jobs import JobQueue
    from service.settings import read_settings

    with JobQueue(read_settings().store_url) as queue:
        job = queue.cancel(job_id)
    if job.state in ("done", "failed"):
        raise SanchoError(_ENDED.format(state=_STATES[job.state]), "job_ended")
    print_line((_STATES["cancelled"] if job.state == "cancelled" else _STOPPING).to(lang))
    return 0


def work(
    kind: Annotated[
        list[str] | None,
        option(
            "--kind", "KIND", Text("行うジョブの種類（既定はすべて）。", "Kinds of job to do (default: all).")
        ),
    ] = None,
    beside: Annotated[
        int | None,
        option(
            "--beside",
            "PID",
            Text("このプロセスが終わったら終了します。", "End where this process is gone."),
            hidden=True,
        ),
    ] = None,
    lang: Lang = "ja",
) -> int:
    """Does jobs until it is stopped."""
    from service.jobs import JobQueue
    from service.jobs.kinds import KINDS
    from service.jobs.process import yield_to_others
    from service.jobs.worker import Worker
    from service.logs import configure_logs
    from service.settings import read_settings

    kinds = kind or list(KINDS)
    for one in kinds:
        _check_kind(one, KINDS)
    settings = read_settings()
    configure_logs()
    yield_to_others()
    with JobQueue(settings.store_url) as queue:
        worker = Worker(settings, queue, kinds)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: worker.stop())
        if beside is None:
            note(_WORKING.to(lang))
        worker.run(lambda: beside is None or os.getppid() == beside)
    return 0


def add(
    kind: Annotated[
        str,
        argument(
            "KIND",
            Text(
                "ジョブの種類（training、scoring、retention）。",
                "A kind of job: training, scoring, retention.",
            ),
        ),
    ],
    lang: Lang = "ja",
) -> int:
    """Queues a job; the one of its kind that is open already, where there is one."""
    from service.jobs import JobQueue
    from service.jobs.kinds import BY_NAME
    from service.settings import read_settings

    _check_kind(kind, BY_NAME)
    with JobQueue(read_settings().store_url) as queue:
        job, is_new = queue.add(kind, dict(BY_NAME[kind]), unique_key=kind)
    print_line((_ADDED if is_new else _OPEN_ALREADY).format(job_id=job.job_id).to(lang))
    return 0


def schedule(
    name: Annotated[
        str,
        argument(
            "NAME",
            Text(
                "ジョブの種類（training、scoring、retention）か、定期実行の名前。",
                "A kind of job (training, scoring, retention), or a name of your own for a training.",
            ),
        ),
    ],
    every: Annotated[
        str,
        option("--every", "7d", Text("間隔（12h、7d、1w など）。", "How often: 12h, 7d, 1w.")),
    ],
    lang: Lang = "ja",
) -> int:
    """Trains where the model in service needs it, or stores the day's scores, again and again."""
    from service.jobs import JobQueue
    from service.jobs.kinds import BY_NAME, TRAINING
    from service.settings import read_settings

    settings = read_settings()
    kind = name if name in BY_NAME else TRAINING
    with JobQueue(settings.store_url) as queue:
        made = queue.schedule(name, kind, dict(BY_NAME[kind]), interval_seconds(every, "--every"))
    print_line(_SCHEDULED.format(name=name, at=_moment(made.next_due, settings.zone)).to(lang))
    return 0


def list_schedules(lang: Lang = "ja") -> int:
    """What comes again and again."""
    from service.jobs import JobQueue
    from service.settings import read_settings

    settings = read_settings()
    with JobQueue(settings.store_url) as queue:
        rows = [
            [
                one.name,
                _kind(one.kind).to(lang),
                f"{one.every_seconds / 3600:g}",
                _moment(one.next_due, settings.zone),
            ]
            for one in queue.schedules()
        ]
    headings = (
        Text("名前", "name"),
        Text("種類", "kind"),
        Text("間隔（時間）", "every (hours)"),
        Text("次回", "next"),
    )
    print_table("", [heading.to(lang) for heading in headings], rows, right=[2])
    return 0


def unschedule(
    name: Annotated[str, argument("NAME", Text("定期実行の名前。", "The schedule's name."))],
    lang: Lang = "ja",
) -> int:
    """Ends a schedule."""
    from service.jobs import JobQueue
    from service.settings import read_settings

    with JobQueue(read_settings().store_url) as queue:
        queue.unschedule(name)
    print_line(Text("定期実行を終了しました。", "the schedule has ended.").to(lang))
    return 0


HELP = Text(
    "取り込みや学習などのジョブを確認し、実行し、定期実行を設定します。",
    "Imports, trainings and other work beside the service: list, cancel, do, schedule.",
)
COMMANDS = (
    Command("list", list_jobs, Text("ジョブを新しい順に一覧表示します。", "Lists jobs, newest first.")),
    Command("show", show, Text("ジョブの進み具合か結果を表示します。", "Shows a job's progress or result.")),
    Command("cancel", cancel, Text("ジョブを取り消します。", "Cancels a job.")),
    Command(
        "work",
        work,
        Text(
            "ジョブを実行し続けます（`sancho serve` は自動で起動します）。",
            "Does jobs until stopped; `sancho serve` starts this by itself.",
        ),
    ),
    Command(
        "add", add, Text("再学習や商談スコアの保存を登録します。", "Queues a training or the day's scores.")
    ),
    Command(
        "schedule",
        schedule,
        Text(
            "再学習（必要なときだけ）や商談スコアの保存を、定期的に実行します。",
            "Retrains where needed, or stores the day's scores, at intervals.",
        ),
    ),
    Command("schedules", list_schedules, Text("定期実行の一覧を表示します。", "Lists the schedules.")),
    Command("unschedule", unschedule, Text("定期実行を終了します。", "Ends a schedule.")),
)
_HEADINGS = (
    Text("ID", "ID"),
    Text("種類", "kind"),
    Text("状態", "state"),
    Text("登録日時", "asked at"),
    Text("内容", "detail"),
)
_STATES = {
    "queued": Text("待機中", "queued"),
    "running": Text("実行中", "running"),
    "done": Text("完了", "done"),
    "failed": Text("失敗", "failed"),
    "cancelled": Text("取り消し", "cancelled"),
}
_STOPPING = Text("まもなく停止します。", "it will stop soon.")
_ENDED = Text(
    "このジョブはすでに終わっています（{state}）。取り消せるのは待機中か実行中のジョブです。",
    "this job has ended ({state}); only one that is queued or running can be cancelled.",
)
_NONE = Text(
    "ジョブはありません。POST /v1/imports や POST /v1/trainings で登録されます。",
    "there are no jobs; POST /v1/imports and POST /v1/trainings make them.",
)
_NO_KIND = Text(
    "ジョブの種類「{kind}」はありません。{kinds} のいずれかです。",
    "there is no kind of job {kind!r}; it is one of {kinds}.",
)
_ADDED = Text(
    "ジョブ {job_id} を登録しました。`sancho jobs show {job_id}` で確認できます。",
    "job {job_id} is queued; see `sancho jobs show {job_id}`.",
)
_OPEN_ALREADY = Text(
    "同じ種類のジョブ {job_id} がまだ終わっていません。",
    "job {job_id} of the same kind has not ended yet.",
)
_WORKING = Text("ジョブを待っています（Ctrl+C で終了）。", "waiting for jobs (Ctrl+C stops it).")
_SCHEDULED = Text("「{name}」を登録しました。次回は {at} です。", "{name} is scheduled; it is next due {at}.")


def _check_kind(kind: str, known: Collection[str]) -> None:
    if kind not in known:
        raise SanchoError(_NO_KIND.format(kind=kind, kinds=", ".join(known)), "unknown_kind")


def _kind(name: str) -> Text:
    from service.jobs.kinds import KINDS

    return KINDS[name].label if name in KINDS else Text(name, name)


def _moment(at: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at / 1e6, zone).strftime("%Y-%m-%d %H:%M")


def _detail(job: Job, lang: Language) -> str:
    """What there is to say of a job: its error, its step, or what came of it."""
    if job.error is not None:
        return job.error[1].to(lang)
    if job.state == "running" and job.step is not None:
        share = f" {job.done:,}/{job.total:,}" if job.total else ""
        return f"{job.step.to(lang)}{share}"
    result: dict[str, Any] = job.result or {}
    if lang in result:
        return str(result[lang])
    if "tables" in result:
        counts = [sum(one[name] for one in result["tables"].values()) for name in ("imported", "quarantined")]
        return _IMPORTED.format(n=counts[0], bad=counts[1]).to(lang)
    return ""


_IMPORTED = Text("取込{n:,}行、エラー{bad:,}行", "{n:,} rows imported, {bad:,} rejected")
