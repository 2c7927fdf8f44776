"""Which files do pages load? Each once, for a year: its address changes with its content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from pictures.picture import stylesheet

STYLE, SCRIPT, ICON, CARD = "sancho.css", "sancho.js", "icon.svg", "card.js"
KINDS = {
    STYLE: "text/css; charset=utf-8",
    SCRIPT: "text/javascript; charset=utf-8",
    ICON: "image/svg+xml",
    CARD: "text/javascript; charset=utf-8",
}
_FOLDER = files("service.pages").joinpath("static")


@cache
def content(name: str) -> bytes:
    """What a file holds; the style sheet has the pictures' own at its end."""
    text = _FOLDER.joinpath(name).read_text("utf-8")
    return (f"{text}\n{stylesheet()}" if name == STYLE else text).encode()


@cache
def address(name: str) -> str:
    """Where a file is, with a mark of its content."""
    return f"/static/{name}?v={sha256(content(name)).hexdigest()[:12]}"
