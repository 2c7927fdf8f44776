"""What does the registry say of one version, asked without loading MLflow, which takes longer than answering?

An SQLite registry is read as MLflow itself reads it, a server is asked over MLflow's REST. Where that is not
enough to be sure (another kind of registry, a table or an answer that is not as expected, settings of MLflow
that only it knows), the answer is `MlflowNeededError`, and MLflow is asked. Where it could say no more, since
the file is locked or damaged or no server answers, the error is an OSError.
"""

from __future__ import annotations

import os
import sqlite3
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import orjson

from training import mlflow_access

NAME = "sancho"
CHAMPION = "champion"  # alias of the version in service
_LOCKED_SECONDS = 0.5  # for a file that is being written to
_WORKSPACE = "MLFLOW_WORKSPACE"
# Settings by which MLflow reaches a server in a way that is not repeated here.
_OWN_WAYS = (
    *("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_TRACKING_INSECURE_TLS"),
    *("MLFLOW_TRACKING_CLIENT_CERT_PATH", "MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE"),
    *("MLFLOW_HTTP_REQUEST_MAX_RETRIES", _WORKSPACE),
)


class MlflowNeededError(Exception):
    """Only MLflow itself can tell."""


@dataclass(frozen=True, kw_only=True)
class RegistryEntry:
    """What is recorded of a version; `location` is where its files are, as a URI."""

    version: str
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    location: str

    def folder(self) -> Path | None:
        """The folder of its files on this machine; None where they are elsewhere, or gone."""
        parts = urlsplit(self.location)
        if parts.scheme not in ("file", "") or parts.netloc or os.name == "nt":
            return None
        folder = Path(unquote(parts.path) if parts.scheme else self.location)
        return folder if folder.is_absolute() and folder.is_dir() else None


def registry_uri(home: Path, given: str | None = None, *, embedded: bool = False) -> str:
    """Where the registry is: as given, else MLFLOW_TRACKING_URI, else `embedded` in SQLite in the home."""
    said = None if embedded else given or os.environ.get("MLFLOW_TRACKING_URI")
    return said or f"sqlite:///{home.resolve() / 'mlflow.db'}"


def registry_entry(
    uri: str, model: str, which: str, *, seconds: float | None = None, sound: bool = False
) -> RegistryEntry | None:
    """A version by number or alias; None where an SQLite registry has none of that name.

    `seconds`: for a file that is being written to. `sound`: only from a file that is undamaged as a whole.
    """
    if uri.startswith("sqlite:///") and _WORKSPACE not in os.environ:
        wait = _LOCKED_SECONDS if seconds is None else seconds
        return _from_file(Path(uri.removeprefix("sqlite:///")), model, which, wait, sound)
    if uri.startswith(("http://", "https://")):
        return _from_server(uri, model, which)
    raise MlflowNeededError


def _from_file(file: Path, model: str, which: str, seconds: float, sound: bool) -> RegistryEntry | None:
    if not file.is_file():
        raise MlflowNeededError
    try:
        address = f"file:{quote(str(file.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=seconds)) as database:
            database.execute("BEGIN")  # one state of all tables
            found = _read(database, model, which)
            if sound:
                mlflow_access.check_sound(database, file)
            return found
    except sqlite3.Error as fault:
        if getattr(fault, "sqlite_errorcode", 0) & 0xFF in _ALL_IS_SAID or "malformed" in str(fault):
            raise OSError(str(fault)) from fault
        raise MlflowNeededError from fault
    except (OSError, ValueError) as fault:
        raise MlflowNeededError from fault


# Of a file that another process locks, or that is damaged, MLflow says the same, some seconds later.
_ALL_IS_SAID = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
)


def _read(database: sqlite3.Connection, model: str, which: str) -> RegistryEntry | None:
    if database.execute("SELECT 1 FROM registered_models WHERE workspace <> 'default'").fetchone():
        raise MlflowNeededError
    aliases = database.execute("SELECT alias, version FROM registered_model_aliases WHERE name = ?", (model,))
    version_of = {str(alias): int(version) for alias, version in aliases}
    version = int(which) if which.isascii() and which.isdigit() else version_of.get(which)
    if version is None:
        return None
    found = database.execute(
        "SELECT run_id, COALESCE(NULLIF(storage_location, ''), source) FROM model_versions "
        "WHERE name = ? AND version = ? AND current_stage <> 'Deleted_Internal'",
        (model, version),
    ).fetchone()
    if found is None:
        raise MlflowNeededError
    tags = database.execute(
        "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?", (model, version)
    )
    return RegistryEntry(
        version=str(version),
        run_id=found[0] or "",
        tags={str(key): str(value) for key, value in tags},
        aliases=tuple(alias for alias, of in version_of.items() if of == version),
        location=found[1] or "",
    )


def _from_server(uri: str, model: str, which: str) -> RegistryEntry | None:
    """A version that a server knows; OSError where there is no server, or one that does not answer."""
    numbered = which.isascii() and which.isdigit()
    path = "model-versions/get" if numbered else "registered-models/alias"
    asked = {"name": model, "version" if numbered else "alias": which}
    said = _get(uri, f"{path}?{urlencode(asked)}")
    try:
        found = said["model_version"]
        return RegistryEntry(
            version=str(found["version"]),
            run_id=str(found.get("run_id") or ""),
            tags={tag["key"]: tag.get("value", "") for tag in found.get("tags", [])},
            aliases=tuple(found.get("aliases", [])),
            location=str(found.get("source") or ""),
        )
    except (KeyError, TypeError, AttributeError) as fault:
        raise MlflowNeededError from fault


def _get(uri: str, path: str) -> Any:
    if any(os.environ.get(name) for name in _OWN_WAYS):
        raise MlflowNeededError
    from http.client import HTTPException
    from ssl import SSLError
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    address, headers = _address_and_headers(uri)
    request = Request(f"{address}/api/2.0/mlflow/{path}", headers=headers)  # noqa: S310 - http(s) only
    seconds = float(os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT") or mlflow_access.ANSWER_SECONDS)
    try:
        with urlopen(request, timeout=seconds) as answer:  # noqa: S310
            return orjson.loads(answer.read())
    except (HTTPError, HTTPException, ValueError) as fault:  # MLflow says what it means
        raise MlflowNeededError from fault
    except URLError as fault:
        if isinstance(fault.reason, SSLError):  # MLflow knows other authorities
            raise MlflowNeededError from fault
        raise


def _address_and_headers(uri: str) -> tuple[str, dict[str, str]]:
    """A server's address without a user's name, and the headers that say who asks, as MLflow sends them."""
    parts = urlsplit(uri)
    name, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if parts.username is not None:
        if name or token:
            raise MlflowNeededError
        name, password = unquote(parts.username), unquote(parts.password or "")
    elif (Path.home() / ".mlflow" / "credentials").exists():
        raise MlflowNeededError
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    headers = {}
    if name and password:
        headers["Authorization"] = f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"
    elif token:
        headers["Authorization"] = f"Bearer {token}"
    return address.rstrip("/"), headers
