"""Are the rooms that Python finds ours? Somebody's own models.py would hide one of them."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

ROOMS = ("crm", "simulator", "features", "models", "training", "service")
_HOME = Path(__file__).resolve().parent.parent


def refuse_intruders() -> None:
    """Raises ImportError, in one sentence, where another file or folder would be imported as a room."""
    for room in ROOMS:
        origin = _origin(room)
        if origin is None or origin.parent != _HOME / room:
            place = "not found" if origin is None else str(origin)
            raise ImportError(
                f"sancho: the package {room!r} should be {_HOME / room}, but Python finds {place}; "
                "rename that file or folder, or start Python in another one.",
                name=room,
            )


def _origin(room: str) -> Path | None:
    """The file that `import room` runs, or has run."""
    loaded = sys.modules.get(room)
    spec = loaded.__spec__ if loaded is not None else find_spec(room)
    if spec is None:
        return None
    if spec.origin is None:  # a folder without __init__.py
        return next(
            (Path(place).resolve() / "__init__.py" for place in spec.submodule_search_locations or ()), None
        )
    return Path(spec.origin).resolve()
