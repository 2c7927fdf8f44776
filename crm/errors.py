"""Which errors can a user put right? Each says what to do, in both languages."""

from __future__ import annotations

from crm.i18n import Text


class SanchoError(Exception):
    """An error that the user can put right; its text is one sentence that says what to do.

    `code` is a stable name of the kind of error, for programs.
    """

    def __init__(self, text: Text, code: str = "failed") -> None:
        super().__init__(text.en)
        self.text = text
        self.code = code

    def __reduce__(self) -> tuple[type[SanchoError], tuple[Text, str]]:
        return type(self), (self.text, self.code)  # it may come from another process
