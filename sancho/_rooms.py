"""Are the rooms that Python finds ours? A models.py in the working folder would hide `models`."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

ROOMS = ("crm", "pictures", "simulator", "features", "models", "training", "service")
_HOME = Path(__file__).resolve().parent.parent


def refuse_intruders() -> None:
    """Raise ImportError, in one sentence, if Python would import another file or folder as a room."""
    for room in ROOMS:
        found = _file_of(room)
        if found != _HOME / room / "__init__.py":
            raise ImportError(
                f"sancho: the package {room!r} should be {_HOME / room}, but Python finds "
                f"{found or 'none'}; rename that file or folder, or start Python in another one.",
                name=room,
            )


def _file_of(room: str) -> Path | None:
    """The file that `import room` runs or has run; the folder where it is one without __init__.py."""
    loaded = sys.modules.get(room)
    if loaded is not None and getattr(loaded, "__file__", None):
        return Path(str(loaded.__file__)).resolve()
    spec = find_spec(room) if loaded is None else loaded.__spec__
    if spec is None:
        return None
    if spec.origin is None:
        return next((Path(place).resolve() for place in spec.submodule_search_locations or ()), None)
    return Path(spec.origin).resolve()
