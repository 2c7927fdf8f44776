"""What does `doctor` check, and what should be done about what it finds?"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm.errors import SanchoError
from crm.i18n import Text
from service.cli.command import Command, Json, Lang
from service.cli.output import print_json, print_table
from service.cli.soundness import sound_store, temporary_folder, what_failed

if TYPE_CHECKING:
    from crm.organisation import Organisation
    from crm.store.jobs import Job
    from service.settings import Settings


_LEAST_FREE = 2_000_000_000  # bytes
_MOST_JOBS = 500
_STUCK, _LATELY = 600_000_000, 7 * 86_400_000_000  # microseconds
_STUCK_TEXT = Text(
    "{n}件が待機したままです。`sancho serve` か `sancho jobs work` を起動してください。",
    "{n} wait and nobody does them; start `sancho serve` or `sancho jobs work`.",
)
_FAILED_TEXT = Text(
    "この1週間に{n}件が失敗しました。最後のジョブ（{job}）：{why}",
    "{n} failed within a week; the last ({job}): {why}",
)


@dataclass(frozen=True)
class Finding:
    """One check: what, whether it is fine, and what was found or should be done."""

    name: Text
    ok: bool
    detail: Text


def doctor(as_json: Json = False, lang: Lang = "ja") -> int:
    """All checks; exit status 1 where one fails."""
    findings = examine()
    if as_json:
        checks = [{"check": f.name.to(lang), "ok": f.ok, "detail": f.detail.to(lang)} for f in findings]
        print_json({"ok": all(f.ok for f in findings), "checks": checks})
    else:
        rows = [[f.name.to(lang), "✓" if f.ok else "✗", f.detail.to(lang)] for f in findings]
        headings = (Text("項目", "check"), Text("", ""), Text("内容", "detail"))
        print_table("", [heading.to(lang) for heading in headings], rows, whole=[0])
    return 0 if all(finding.ok for finding in findings) else 1


COMMAND = Command("doctor", doctor, Text("この環境が正しく動くかを確認します。", "Checks this installation."))


def examine() -> list[Finding]:
    """Settings, home, store, data, model, keys; later checks are left out where an earlier one fails."""
    from service.settings import read_settings

    found: list[Finding] = []
    settings: Settings | None = _try(
        found, Text("設定", "settings"), read_settings, lambda one: Text(str(one.home), str(one.home))
    )
    if settings is None:
        return found
    if not _try(
        found,
        Text("データフォルダー（SANCHO_HOME）", "data folder (SANCHO_HOME)"),
        lambda: _writable(settings),
        lambda home: Text(home, home),
    ):
        return found
    _disk_space(found, settings)
    _try(found, Text("一時フォルダー", "temporary folder"), temporary_folder, lambda one: Text(one, one))
    counts = _try(found, Text("データベース", "database"), lambda: _counts(settings), _counts_text)
    organisation = None
    if counts is not None:
        _try(
            found, Text("データベースの状態", "database's soundness"), lambda: sound_store(settings), _as_said
        )
        _queue(found, settings)
        organisation = _organisation(found, settings)
        _add(
            found,
            Text("商談", "deals"),
            counts["deals"] > 0,
            Text("{n:,}件", "{n:,}").format(n=counts["deals"]),
            Text(
                "まだありません。`sancho import` で取り込んでください。",
                "none yet; bring some in by `sancho import`.",
            ),
        )
        _try(
            found,
            Text("APIキー", "API keys"),
            lambda: _keys(settings),
            lambda n: Text("{n}個", "{n}").format(n=n),
        )
    info = _try(
        found,
        Text("モデル", "model"),
        lambda: _champion(settings),
        lambda one: _model_text(one, settings if organisation is None else organisation),
    )
    if info is not None:
        _watch(found, settings)
    _waiting(found, settings)
    _kernels(found)
    return found


def _disk_space(found: list[Finding], settings: Settings) -> None:
    """Whether there is room for another import and another model."""
    free = shutil.disk_usage(settings.home).free
    _add(
        found,
        Text("空き容量", "room on the disk"),
        free >= _LEAST_FREE,
        Text("{n:,.1f} GB", "{n:,.1f} GB").format(n=free / 1e9),
        Text(
            "{n:,.1f} GB しかありません。取り込みと学習には {least:.0f} GB ほど必要です。"
            "空き容量を増やしてください。",
            "only {n:,.1f} GB; an import and a training need about {least:.0f} GB. Make room.",
        ).format(n=free / 1e9, least=_LEAST_FREE / 1e9),
    )


def _queue(found: list[Finding], settings: Settings) -> None:
    """Whether jobs are done: none waits for a process that does it, none has failed lately."""
    from crm.store.jobs import FAILED, QUEUED
    from service.jobs import JobQueue

    name, now = Text("ジョブ", "jobs"), time.time_ns() // 1000

    def newest() -> list[Job]:
        with JobQueue(settings.store_url) as queue:
            return queue.newest(_MOST_JOBS)

    recent: list[Job] | None = _try(found, name, newest, lambda _: Text("", ""))
    if recent is None:
        return
    found.pop()  # said better below
    stuck = [job for job in recent if job.state == QUEUED and job.due_at < now - _STUCK]
    failed = [job for job in recent if job.state == FAILED and (job.finished_at or 0) > now - _LATELY]
    if stuck:
        text = _STUCK_TEXT.format(n=len(stuck))
    elif failed and failed[0].error is not None:
        text = _FAILED_TEXT.format(n=len(failed), job=failed[0].job_id, why=failed[0].error[1])
    else:
        text = Text("{n}件、異常なし", "{n}, none stuck or failed").format(n=len(recent))
    found.append(Finding(name, not stuck and not failed, text))


def _waiting(found: list[Finding], settings: Settings) -> None:
    """Whether trained models wait to be registered, or are damaged; nothing is said where none wait."""
    from training.waiting_models import waiting_models

    name = Text("登録待ちのモデル", "models that wait")
    waiting = _try(found, name, lambda: waiting_models(settings.home), lambda _: Text("", ""))
    if waiting is None:
        return
    found.pop()
    if waiting.models:
        text = Text(
            "{n}個。sancho models register で登録してください。",
            "{n}; register them: sancho models register.",
        )
        found.append(Finding(name, False, text.format(n=len(waiting.models))))
    found.extend(Finding(name, False, fault.text) for fault in waiting.damaged)


def _kernels(found: list[Finding]) -> None:
    """Where compiled functions are kept; nowhere is slow, and no fault."""
    from features.kernel_cache import cache_folder

    folder = cache_folder()
    kept = Text(
        "書き込めるフォルダーがないため、コマンドや起動のたびにコンパイルします。"
        "NUMBA_CACHE_DIR に書き込めるフォルダーを指定すると速くなります。",
        "kept nowhere, as no folder can be written to: each command and start compiles anew. Set "
        "NUMBA_CACHE_DIR to a folder that can be written to.",
    )
    name = Text("コンパイル済みの計算", "compiled kernels")
    found.append(Finding(name, True, kept if folder is None else Text(folder, folder)))


def _organisation(found: list[Finding], settings: Settings) -> Organisation | None:
    """Which calendar and currency hold, and whether the settings agree."""
    from service.organisation import disagreements, present_organisation

    name = Text("組織の設定", "organisation")
    organisation: Organisation | None = _try(
        found,
        name,
        lambda: present_organisation(settings),
        lambda one: Text(
            "年度は{month}月開始、{zone}、{country}、{currency}",
            "fiscal year from month {month}, {zone}, {country}, {currency}",
        ).format(
            month=one.fiscal_start_month, zone=one.time_zone, country=one.country, currency=one.currency
        ),
    )
    if organisation is not None:
        found += [Finding(name, False, text) for _, text in disagreements(settings, organisation)]
    return organisation


def _watch(found: list[Finding], settings: Settings) -> None:
    """Whether the model in service should be retrained."""
    from service.trainings import watched

    name = Text("再学習の要否", "retraining needed?")
    seen = _try(
        found, name, lambda: watched(settings), lambda one: Text("", "") if one is None else one.describe()
    )
    if seen is not None and seen.needed:
        found[-1] = Finding(name, False, seen.describe())


def _as_said(text: Text) -> Text:
    return text


def _add(found: list[Finding], name: Text, ok: bool, fine: Text, mend: Text) -> None:
    found.append(Finding(name, ok, fine if ok else mend))


def _try(found: list[Finding], name: Text, ask: Callable[[], Any], tell: Callable[[Any], Text]) -> Any:
    try:
        answer = ask()
    except Exception as fault:  # whatever is wrong with one thing, the others are checked as well
        found.append(Finding(name, False, what_failed(fault)))
        return None
    found.append(Finding(name, True, tell(answer)))
    return answer


def _writable(settings: Settings) -> str:
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as fault:
        raise SanchoError(
            Text(
                "{home} に書き込めません（{fault}）。SANCHO_HOME に書き込めるフォルダーを指定してください。",
                "{home} cannot be written to ({fault}); set SANCHO_HOME to a folder that can.",
            ).format(home=home, fault=fault.strerror),
            "home_not_writable",
        ) from None
    return str(home.absolute())


def _counts(settings: Settings) -> dict[str, int]:
    from service.organisation import open_store

    with open_store(settings) as store:
        return store.counts()


def _counts_text(counts: dict[str, int]) -> Text:
    from crm.schema import TABLES

    kept = [(TABLES[name].label, count) for name, count in counts.items() if count]
    return Text(
        "、".join(f"{label.ja} {count:,}" for label, count in kept) or "空です",
        ", ".join(f"{label.en.lower()} {count:,}" for label, count in kept) or "empty",
    )


def _keys(settings: Settings) -> int:
    from service.keys import ApiKeys

    keys = ApiKeys(settings.store_url)
    try:
        count = len(keys.list())
    finally:
        keys.close()
    if not count:
        raise SanchoError(
            Text(
                "まだありません。`sancho key create --name 名前` で作ってください。",
                "none yet; make one by `sancho key create --name NAME`.",
            ),
            "no_key",
        )
    return count


def _champion(settings: Settings) -> Any:
    from training.registry import Registry

    registry = Registry(settings.home)
    bundle, info = registry.load()
    bundle.check()
    registry.list()  # a model can come from its copy while the registry itself is out of reach
    return info


def _model_text(info: Any, organisation: Organisation | Settings) -> Text:
    from datetime import datetime

    from service.language import moment_text

    trained = datetime.fromisoformat(info.trained_at).astimezone(organisation.zone).isoformat()
    return Text(
        "バージョン{v}（{at} に学習）。学習時と同じ確率を再現できることを確認しました。",
        "version {v}, trained {at}; it reproduces its training scores.",
    ).format(v=info.version, at=Text(moment_text(trained, "ja"), moment_text(trained, "en")))
