"""Which commands are noted in the audit? Those that change or hand out something, or tell of people."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# Imports, and what else changes rows, are noted by the store with the rows.
_NOTED = frozenset(
    {
        *("train", "restore", "backup", "people"),
        *("models promote", "models rollback", "models shadow", "models delete"),
        *("jobs cancel", "jobs add", "jobs schedule", "jobs unschedule"),
        *("webhooks add", "webhooks remove", "webhooks replay", "webhooks ping"),
        *("key create", "key rotate", "key revoke"),
        *("user link", "user sign-out", "user set-password", "user role", "user email"),
        *("alerts add", "alerts remove", "alerts mute", "alerts unmute", "alerts test"),
        *("audit export", "audit about"),
        "kpi-set padding",
    }
)
_SCOPED = "scope"  # the option by which a command tells of a team or person
_IDS = (
    "key_id",
    "webhook_id",
    "job_id",
    "version",
    "name",
    "person",
    "person_id",
    "kind",
    "row_key",
    "table",
)


def audited(command: str, function: Callable[..., int]) -> Callable[..., int]:
    """A command's function, noted when it has ended, where it is one that is."""

    @functools.wraps(function)
    def noted(**given: Any) -> int:
        if command not in _NOTED and not _is_of_people(given):
            return function(**given)
        status = 1
        try:
            status = function(**given)
            return status
        finally:
            with suppress(Exception):  # a command that did its work has not failed for want of a line
                _note(command, given, status)

    return noted


def _is_of_people(given: dict[str, Any]) -> bool:
    return str(given.get(_SCOPED) or "").startswith(("person:", "team:"))


def _note(command: str, given: dict[str, Any], status: int) -> None:
    from crm.acting import DONE, FAILED, actor, entry_of
    from service.audit.rules import person_of
    from service.audit.spool import Spool
    from service.settings import read_settings

    settings = read_settings()
    home = settings.home
    if (status and not home.is_dir()) or (home.exists() and not os.access(home, os.W_OK)):
        return
    scope = given.get(_SCOPED) or ("company" if command == "people" else None)
    about = given.get("person") or person_of(scope)
    touched = {name: [str(given[name])] for name in _IDS if isinstance(given.get(name), str | int)}
    entry = entry_of(
        actor(), command, result=FAILED if status else DONE, scope=scope, about=about, touched=touched
    )
    spool = Spool(home)
    spool.note(entry)
    spool.leave()  # opening the store takes longer than most commands
