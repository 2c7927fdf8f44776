"""How is the address of a database read, whose password may hold anything, and how is it shown without it?"""

from __future__ import annotations

import re
from urllib.parse import quote

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


_WITH_PASSWORD = re.compile(r"(?P<kind>[\w+]+://)(?P<user>[^:/@]*):(?P<rest>.*)", re.DOTALL)
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.,:-]*)(/[^@/?]*)?(\?[\w.]+=.*)?", re.DOTALL)


def with_quoted_password(url: str) -> str:
    """A database's address whose password ends at its first "@", as the standard wants it.

    Many write a password as it is, "@" and all. It goes to the first "@" after which a host, port, database
    and options can follow; a password that is quoted already has no other "@".

    >>> with_quoted_password("postgresql://anna:p@ss/w%rd@db:5432/sales?application_name=a@b")
    'postgresql://anna:p%40ss%2Fw%25rd@db:5432/sales?application_name=a@b'
    >>> with_quoted_password("postgresql://anna:p%40ss@db/sales")
    'postgresql://anna:p%40ss@db/sales'
    """
    found = _WITH_PASSWORD.fullmatch(url)
    if found is None:
        return url
    rest = found["rest"]
    for end in (at for at, letter in enumerate(rest) if letter == "@"):
        if _PLACE.fullmatch(rest[end + 1 :]):
            password = rest[:end]
            quoted = quote(password, safe="") if "@" in password else password
            return f"{found['kind']}{found['user']}:{quoted}@{rest[end + 1 :]}"
    return url


def with_password(url: str, password: str) -> str:
    """A database's address with a password that is kept elsewhere.

    >>> with_password("postgresql://anna@db/sales", "p@ss")
    'postgresql://anna:p%40ss@db/sales'
    """
    kind, found, rest = with_quoted_password(url).partition("://")
    if not found or kind.startswith("sqlite"):
        return url
    before, at, place = rest.partition("@")
    user = before.partition(":")[0] if at else ""
    return f"{kind}://{user}:{quote(password, safe='')}@{place if at else rest}"
