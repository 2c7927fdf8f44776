"""How is the address of a database or server shown? Without the password in it."""

from __future__ import annotations

import re

# The last "@" before a blank or quote ends the password, which may itself hold "/" and "@".
_USER = re.compile(r"(?<=//)(?P<user>[^\s/@:'\"]*):[^\s'\"]*@")
_TOKEN = re.compile(r"(?<=//)[^\s/@:'\"]+@")
_PARAMETER = re.compile(
    r"(?P<name>[?&;](?:[\w-]*(?:passw(?:or)?d|pwd|token|secret|api_?key|access_?key|signature))=)[^&;\s'\")]+",
    re.IGNORECASE,
)


def without_password(text: str) -> str:
    """A text in which no address says its password.

    >>> without_password("cannot open postgresql://anna:pa/ss@db.example.com:5432/sales")
    'cannot open postgresql://anna:***@db.example.com:5432/sales'
    >>> without_password("https://t0ken@mlflow.example.com and sqlite:////data/a.db?password=x")
    'https://***@mlflow.example.com and sqlite:////data/a.db?password=***'
    """
    text = _USER.sub(r"\g<user>:***@", text)
    return _PARAMETER.sub(r"\g<name>***", _TOKEN.sub("***@", text))
