"""Which answers were given a moment ago? Kept in the home, where a command that asks again reads them.

An answer stands as long as all that it was made from: the rows and forecasts that are stored, the model in
service as the registry tells of it, the settings, "now", the question, and the code and libraries. Whatever
differs, or is damaged, is not read. Nothing here is needed, and anybody may delete it at any time.

To find an answer, neither the store nor the model is opened: that takes longer than all of this.
"""

from __future__ import annotations

import importlib.util
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from crm.instants import as_of_instant
from crm.store_state import store_state
from service.moments import moment_of_now
from training.registry_entry import CHAMPION, NAME, MlflowNeededError, registry_entry, registry_uri

if TYPE_CHECKING:
    from service.settings import Settings

_FOLDER = "answers"
_MOST = 100  # answers that are kept
_FORECAST = "forecast"  # the question whose answer shows stored forecasts
# Settings that no answer depends on, or that are named by what they lead to.
_ELSEWHERE = {
    *("home", "database_url", "language", "host", "port", "job_workers", "refresh_seconds", "retention"),
    *("public_url", "allowed_hosts", "trusted_proxies", "calls_per_minute", "computations_per_minute"),
    *("local_sign_in", "session_idle_minutes", "session_hours", "link_minutes"),
    *("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_audience", "oidc_email_claim"),
    *("oidc_assume_verified", "oidc_clock_skew_seconds"),
    *("alert_hours", "smtp_host", "smtp_port", "smtp_security", "smtp_user", "smtp_password", "mail_from"),
}
_MOST_BYTES = 8 << 20  # of one of them
_ROOMS = ("crm", "features", "models", "training", "service")


@dataclass(frozen=True, kw_only=True)
class KeptAnswer:
    """An answer as JSON, with what else its reader is told: `now` is the "now" that it was made at.

    `currency` and `fiscal_start_month` are the organisation's as of the answer; `notes` are said first.
    """

    body: bytes
    now: int
    zone: str
    currency: str
    fiscal_start_month: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Basis:
    """A name for all that answers are made from but "now", and the version of the model in service.

    Forecasts tell of the `forecasts` that are stored, too.
    """

    name: str
    forecasts: str
    version: str


def basis_of(settings: Settings) -> Basis | None:
    """What answers are made from; None where that is not known without opening store and registry."""
    store = store_state(settings.store_url)
    if store is None:
        return None
    uri = registry_uri(settings.home)
    if not uri.startswith("sqlite:///"):  # a server may take seconds to say nothing
        return None
    try:
        champion = registry_entry(uri, NAME, CHAMPION)
    except (MlflowNeededError, OSError):
        return None
    if champion is None:
        return None
    model = [champion.version, champion.run_id, sorted(champion.tags.items()), sorted(champion.aliases)]
    rows, forecasts = store
    chosen = [
        settings.model_dump(mode="json", exclude=_ELSEWHERE),
        sorted(settings.model_fields_set - _ELSEWHERE),
    ]
    said = [_code(), settings.store_url, rows, uri, model, chosen]
    return Basis(sha256(orjson.dumps(said)).hexdigest(), forecasts, champion.version)


def kept_answer(settings: Settings, basis: Basis, question: tuple[Any, ...]) -> KeptAnswer | None:
    """The answer to a question kept with this basis; None where there is none, or it no longer holds."""
    try:
        head, body = _file(settings, basis, question).read_bytes().split(b"\n", 1)
        said = orjson.loads(head)
        if said.pop("digest") != sha256(body).hexdigest():
            return None
        found = KeptAnswer(body=body, **{**said, "notes": tuple(said["notes"])})
        zone = ZoneInfo(found.zone)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if moment_of_now(as_of_instant(None, zone), zone) == found.now else None


def keep_answer(settings: Settings, basis: Basis, question: tuple[Any, ...], answer: KeptAnswer) -> None:
    """Keeps an answer, and lets the oldest ones go; where that cannot be written, nothing is kept."""
    if len(answer.body) > _MOST_BYTES:
        return
    file = _file(settings, basis, question)
    said = {name: value for name, value in vars(answer).items() if name != "body"}
    head = orjson.dumps({**said, "digest": sha256(answer.body).hexdigest()})
    passing = file.with_name(f".{uuid.uuid4().hex}")
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            passing.write_bytes(head + b"\n" + answer.body)
            passing.replace(file)
        finally:
            passing.unlink(missing_ok=True)
        kept = sorted(file.parent.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in kept[_MOST:]:
            old.unlink(missing_ok=True)


def _file(settings: Settings, basis: Basis, question: tuple[Any, ...]) -> Path:
    forecasts = basis.forecasts if question[0] == _FORECAST else ""
    name = sha256(orjson.dumps([basis.name, forecasts, question])).hexdigest()[:32]
    return settings.kept_folder / _FOLDER / f"{name}.json"


@cache
def _code() -> str:
    """A digest of the code and a list of the libraries that answer: what others have said is not read."""
    root = Path(__file__).parent.parent
    digest = sha256()
    for room in _ROOMS:
        for file in sorted((root / room).rglob("*.py")):
            digest.update(file.read_bytes())
    numpy = importlib.util.find_spec("numpy")
    if numpy is not None and numpy.origin is not None:
        beside = Path(numpy.origin).parent.parent.glob("*.dist-info")
        digest.update("\n".join(sorted(one.name for one in beside)).encode())
    return digest.hexdigest()
