"""Which language does the person at this terminal read? Decided before anything heavy is loaded."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

from crm.i18n import Language

_DEFAULT: Language = "ja"


def language(arguments: Sequence[str]) -> Language:
    """By --lang, else SANCHO_LANGUAGE, else `language` in sancho.toml, else Japanese."""
    for at, argument in enumerate(arguments):
        if argument == "--lang" and at + 1 < len(arguments):
            return _known(arguments[at + 1])
        if argument.startswith("--lang="):
            return _known(argument.removeprefix("--lang="))
    if said := os.environ.get("SANCHO_LANGUAGE"):
        return _known(said)
    try:
        return _known(str(tomllib.loads(Path("sancho.toml").read_text("utf-8")).get("language", _DEFAULT)))
    except (OSError, ValueError):
        return _DEFAULT


def _known(name: str) -> Language:
    return "en" if name.lower().startswith("en") else "ja"
