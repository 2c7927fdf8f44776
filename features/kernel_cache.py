"""When must a compiled function be recompiled? When its source or anything compiled into it has changed.

Numba's disk cache checks only the file that defines a function. Helpers, constants and tuples imported from
other files are compiled into the function, too: without this guard, stale ones would stay in use.

Where nothing can be kept on disk (a read-only installation, a full disk), each process compiles them anew, in
memory. An installation may bring kernels that were compiled while it was made, as the image does: the folder
that SANCHO_KERNELS names is looked into first, and never written to.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, wraps
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar, cast, overload

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])

BROUGHT = "SANCHO_KERNELS"  # environment variable: a folder of kernels, laid out as in NUMBA_CACHE_DIR

_PLAIN = (bool, int, float, str, bytes, np.generic)


@overload
def compiled(function: Function, /) -> Function: ...


@overload
def compiled(*, parallel: bool = False, inline: str = "never") -> Callable[[Function], Function]: ...


def compiled(
    function: Function | None = None, /, *, parallel: bool = False, inline: str = "never"
) -> Function | Callable[[Function], Function]:
    """Compile once per machine, and again when anything compiled into the function has changed.

    That is: any source in the function's folder, a compiled function that its module imports, a constant or
    the fields of a named tuple in its module. Options are those of `numba.njit`.
    """

    def compile_one(function: Function) -> Function:
        made = _cached_function(function, nogil=True, parallel=parallel, inline=inline)
        index = _index(made)
        if index is not None:
            index._source_stamp = _stamp(Path(function.__code__.co_filename), function.__globals__)
            index._load_index = _tolerant(index._load_index)
            index.load = _first_found(_brought(made, index), _or_nothing(index.load))
            made._cache.save_overload = _or_nothing(made._cache.save_overload)
        return cast(Function, _one_at_a_time(made) if parallel else made)

    return compile_one if function is None else compile_one(function)


_IN_PARALLEL = threading.Lock()


def _one_at_a_time(kernel: Any) -> Callable[..., Any]:
    """A parallel kernel that waits for others: numba's simplest threads may not be used from two at once.

    Python goes on meanwhile: what needs no such kernel does not wait for one.
    """

    @wraps(kernel.py_func)
    def run(*given: Any) -> Any:
        with _IN_PARALLEL:
            return kernel(*given)

    run._cache = getattr(kernel, "_cache", None)  # type: ignore[attr-defined]
    return run


def cache_folder() -> str | None:
    """Where compiled functions are kept; None where nothing can be written, and each start compiles anew."""
    made = getattr(_probe(), "_cache", None)
    return None if made is None else getattr(made, "cache_path", None)


@cache
def _probe() -> Any:
    return _cached_function(_identity, nogil=True)


def _identity(x: float) -> float:
    return x


def _cached_function(function: Callable[..., Any], **options: Any) -> Any:
    """A compiled function that is kept on disk: beside its source or in the user's own cache, as numba does.

    Else in the folder of Sancho's data, else nowhere.
    """
    with suppress(RuntimeError):  # numba's, where it can write to neither
        return numba.njit(cache=True, **options)(function)
    home = os.environ.get("SANCHO_HOME", ".sancho")
    before = numba.config.CACHE_DIR
    if os.access(home, os.W_OK):
        numba.config.CACHE_DIR = str(Path(home).resolve() / "kernels")
        try:
            with suppress(RuntimeError):
                return numba.njit(cache=True, **options)(function)
        finally:
            numba.config.CACHE_DIR = before
    return numba.njit(**options)(function)


def _stamp(source: Path, names: Mapping[str, Any]) -> bytes:
    """A digest of the sources in a function's folder and of what its module imports."""
    digest = sha256(_sources(source.parent))
    for name, value in sorted(names.items()):
        if name.startswith("__"):
            continue
        if _is_plain(value):
            digest.update(f"{name}={value!r}".encode())
        elif isinstance(value, np.ndarray):
            digest.update(name.encode() + value.tobytes())
        elif isinstance(value, type) and issubclass(value, tuple):
            digest.update(f"{name}={getattr(value, '_fields', ())}".encode())
        else:
            stamp = getattr(_index(value), "_source_stamp", None)
            digest.update(stamp if isinstance(stamp, bytes) else b"")
    return digest.digest()


def _tolerant(load_index: Callable[[], dict[Any, Any]]) -> Callable[[], dict[Any, Any]]:
    """Reads a cache's index; one that names types of a module that has been renamed since is empty."""

    def load() -> dict[Any, Any]:
        try:
            return load_index()
        except (ImportError, AttributeError, *_UNREADABLE):
            return {}

    return load


# What reading or writing a cache can end in: no right to, a full disk, half a file of a killed process.
_UNREADABLE = (OSError, EOFError, ValueError, UnpicklingError)


def _or_nothing(work: Callable[..., Any]) -> Callable[..., Any]:
    """Reads or writes a cache; where that fails the function is compiled in memory."""

    def attempt(*given: Any) -> Any:
        try:
            return work(*given)
        except _UNREADABLE:
            return None

    return attempt


def _brought(made: Any, own: Any) -> Callable[[Any], Any] | None:
    """Reads a function's kernels from the folder that the installation brings; None where it brings none."""
    folder = os.environ.get(BROUGHT)
    if not folder:
        return None
    from numba.core.caching import IndexDataCacheFile

    locator = made._cache._impl.locator
    path = Path(folder) / locator.get_suitable_cache_subpath(made.py_func.__code__.co_filename)
    index = IndexDataCacheFile(str(path), made._cache._impl.filename_base, own._source_stamp)
    index._load_index = _tolerant(index._load_index)
    return _or_nothing(index.load)


def _first_found(brought: Callable[[Any], Any] | None, own: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Reads what an installation brings, else what this machine compiled."""
    if brought is None:
        return own

    def load(key: Any) -> Any:
        found = brought(key)
        return own(key) if found is None else found

    return load


def _is_plain(value: Any) -> bool:
    """Whether a value's repr is the same in every process, so that it can be part of a stamp."""
    return isinstance(value, _PLAIN) or (isinstance(value, tuple) and all(_is_plain(item) for item in value))


@cache
def _sources(folder: Path) -> bytes:
    return b"".join(source.read_bytes() for source in sorted(folder.glob("*.py")))


def _index(made: Any) -> Any:
    """The index of a compiled function's cache on disk; None where there is none."""
    return getattr(getattr(made, "_cache", None), "_cache_file", None)
