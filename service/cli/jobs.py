"""What do `jobs list`, `show`, `cancel`, `work`, `schedule`, `schedules` and `unschedule` do?"""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.cli.command import Command, Json, Lang, argument, option
from service.cli.output import note, print_json, print_line, print_table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from crm.store.jobs import Job

_SHOWN = 30
_EVERY = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

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
    if unknown := [one for one in kinds if one not in KINDS]:
        raise SanchoError(_NO_KIND.format(kind=unknown[0], kinds=", ".join(KINDS)), "unknown_kind")
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


def schedule(
    name: Annotated[
        str, argument("NAME", Text("定期実行の名前（training など）。", "A name, such as training."))
    ],
    every: Annotated[
        str,
        option("--every", "7d", Text("間隔（12h、7d、1w など）。", "How often: 12h, 7d, 1w.")),
    ],
    lang: Lang = "ja",
) -> int:
    """Trains again and again, where the model in service needs it."""
    from service.jobs import JobQueue
    from service.jobs.kinds import TRAINING
    from service.settings import read_settings

    settings = read_settings()
    with JobQueue(settings.store_url) as queue:
        made = queue.schedule(name, TRAINING, {"if_needed": True}, _seconds(every))
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
        "schedule",
        schedule,
        Text(
            "必要なときに再学習する定期実行を設定します。",
            "Retrains at intervals, where the model in service needs it.",
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
_WORKING = Text("ジョブを待っています（Ctrl+C で終了）。", "waiting for jobs (Ctrl+C stops it).")
_SCHEDULED = Text("「{name}」を登録しました。次回は {at} です。", "{name} is scheduled; it is next due {at}.")
_BAD_EVERY = Text(
    "--every の「{every}」は読めません。12h、7d、1w のように、1時間以上で指定してください。",
    "--every: {every!r} cannot be read; give an hour or more as 12h, 7d or 1w.",
)


def _seconds(every: str) -> int:
    number, unit = every[:-1], every[-1:]
    if unit not in _EVERY or not number.isdigit() or not 0 < int(number) < 10_000:
        raise SanchoError(_BAD_EVERY.format(every=every), "bad_interval")
    return int(int(number) * _EVERY[unit].total_seconds())


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
