"""What is wrong with a request, and where in it?"""

from __future__ import annotations

from collections.abc import Sequence

from crm.errors import SanchoError
from crm.i18n import Text


class RequestError(SanchoError):
    """An invalid request, with the location and message of each error in it."""

    def __init__(self, text: Text, code: str, errors: Sequence[tuple[str, Text]] = ()) -> None:
        super().__init__(text, code)
        self.errors = errors
