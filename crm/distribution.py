"""Under which name is Sancho installed, and in which version? (`sancho` in the index is somebody else's.)"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "sancho-sales"  # as in pyproject.toml


def installed_version() -> str:
    """The version of the installed distribution; empty where the code is used without being installed.

    >>> installed_version().count(".") in (0, 2)
    True
    """
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return ""
