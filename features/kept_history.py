"""Which history was compiled last? Its arrays in one file that is mapped into memory, beside a description.

It is named by the tables it was compiled from, the model's calendar and levels, and the code that compiled
it; what is damaged or of another name is compiled anew. Processes that read it share its pages, and each
writes to pages of its own.
"""

from __future__ import annotations

import json
import mmap
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.kept_folder import keep_folder, place
from crm.sealed_folder import read_sealed
from features import arrays
from features.attributes import Attribute, find_attributes
from features.calendar import Calendar
from features.catalogue import CATALOGUE
from features.custom_counts import custom_count_features
from features.history import History
from features.levels import Levels

_KIND, _DESCRIPTION, _ARRAYS = "history", "history.json", "arrays.bin"
_APART = 64  # bytes: arrays begin at multiples of it, as numpy's own do
_TUPLES = {
    name: kind for name, kind in vars(arrays).items() if isinstance(kind, type) and issubclass(kind, tuple)
}
_NO_ARRAYS = ("calendar", "features", "levels")
_NOT_THERE = (SanchoError, OSError, KeyError, IndexError, TypeError, ValueError)


def history_name(state: str, log: EventLog, calendar: Calendar, levels: Levels) -> str:
    """A name for the history of a log, read from a state of the store, by a model's calendar and levels."""
    said = [state, sources(), np.__version__, calendar.settings(), levels, str(log.zone), repr(log.given)]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


@cache
def sources() -> str:
    """A digest of this room's code: what another version has compiled is not read."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def keep_history(folder: Path, name: str, history: History) -> None:
    """Keeps a history; where it cannot be written, or holds what no file can, there is none."""
    kept: list[np.ndarray[Any, Any]] = []
    try:
        said = {
            field: _described(value, kept)
            for field, value in vars(history).items()
            if field not in _NO_ARRAYS
        }
    except TypeError:
        return
    offsets = np.append(0, np.cumsum([-(-array.nbytes // _APART) * _APART for array in kept])).tolist()

    shapes = [[array.dtype.str, list(array.shape), at] for array, at in zip(kept, offsets[:-1], strict=True)]
    text = orjson.dumps({"history": said, "levels": history.levels, "arrays": shapes})

    def fill(into: Path) -> None:
        (into / _DESCRIPTION).write_bytes(text)
        with (into / _ARRAYS).open("wb") as file:
            for array, end in zip(kept, offsets[1:], strict=True):
                file.write(array.data)
                file.write(bytes(end - file.tell()))
            file.write(bytes(_APART))  # an empty file cannot be mapped

    keep_folder(folder, _KIND, name, offsets[-1] + len(text), fill, {})


def kept_history(folder: Path, name: str, calendar: Calendar) -> History | None:
    """The history that was kept under a name; None where there is none, or it is damaged."""
    kept = place(folder, _KIND, name)
    if not kept.is_dir():
        return None
    try:
        read_sealed(kept)
        said = orjson.loads((kept / _DESCRIPTION).read_bytes())
        with (kept / _ARRAYS).open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        read = [
            np.frombuffer(mapped, kind, int(np.prod(shape, dtype=np.int64)), at).reshape(shape)
            for kind, shape, at in said["arrays"]
        ]
        fields = {field: _restored(value, read) for field, value in said["history"].items()}
        levels = said["levels"]
        features = (*CATALOGUE, *custom_count_features(levels), *find_attributes(levels))
        return History(calendar=calendar, features=features, levels=levels, **fields)
    except _NOT_THERE:
        return None


def _described(value: Any, kept: list[np.ndarray[Any, Any]]) -> Any:
    """A value as JSON, its arrays by their number among those kept; one in two places is kept once."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject or not value.flags.c_contiguous:
            raise TypeError(value.dtype)
        for number, other in enumerate(kept):
            if other is value:
                return {"array": number}
        kept.append(value)
        return {"array": len(kept) - 1}
    if isinstance(value, pd.Index):
        names = value.tolist()
        if not all(isinstance(name, str) for name in names):
            raise TypeError(value.dtype)
        return {"names": names, "type": str(value.dtype), "name": value.name}
    if isinstance(value, Attribute):
        return {"attribute": [_described(part, kept) for part in vars(value).values()]}
    if type(value).__name__ in _TUPLES:
        return {"tuple": type(value).__name__, "parts": [_described(part, kept) for part in value]}
    if isinstance(value, tuple):
        return {"parts": [_described(part, kept) for part in value]}
    if isinstance(value, str | int | bool):
        return value
    raise TypeError(type(value))


def _restored(said: Any, read: list[np.ndarray[Any, Any]]) -> Any:
    if not isinstance(said, dict):
        return said
    if "array" in said:
        return read[said["array"]]
    if "names" in said:
        return pd.Index(said["names"], dtype=said["type"], name=said["name"])
    if "attribute" in said:
        return Attribute(*(_restored(part, read) for part in said["attribute"]))
    parts = tuple(_restored(part, read) for part in said["parts"])
    return _TUPLES[said["tuple"]](*parts) if "tuple" in said else parts
