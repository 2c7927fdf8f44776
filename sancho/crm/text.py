"""What is a text that a user reads, in both languages?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """The same text in Japanese and English; `{name}` marks a value filled in by `format`.

    >>> Text("{n}行", "{n} rows").format(n=3).say("ja")
    '3行'
    """

    ja: str
    en: str

    def say(self, lang: Language) -> str:
        """The text in one language."""
        return self.ja if lang == "ja" else self.en

    def format(self, **values: object) -> Text:
        """The text with its `{name}` marks filled in; a value that is itself a Text keeps its language."""
        return Text(*(getattr(self, lang).format(**_said(values, lang)) for lang in LANGUAGES))

    def both(self) -> str:
        """Japanese and English side by side, for files that are read in either language."""
        return self.ja if self.ja == self.en else f"{self.ja} / {self.en}"


def _said(values: dict[str, object], lang: Language) -> dict[str, object]:
    return {name: value.say(lang) if isinstance(value, Text) else value for name, value in values.items()}


class SanchoError(Exception):
    """Something a user can mend; its text is one sentence that says what to do, in both languages.

    `code` is a stable name of the kind of fault, for programs.
    """

    def __init__(self, text: Text, code: str = "failed") -> None:
        super().__init__(text.en)
        self.text = text
        self.code = code

    def __reduce__(self) -> tuple[type[SanchoError], tuple[Text, str]]:
        return type(self), (self.text, self.code)  # it may come from another process
