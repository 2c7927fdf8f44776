"""How is a text written that a user reads, in Japanese and English?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = ("ja", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """The same text in Japanese and English; `{name}` marks a value filled in by `format`.

    >>> Text("{n}行", "{n} rows").format(n=3).to("ja")
    '3行'
    """

    ja: str
    en: str

    def to(self, lang: Language) -> str:
        """The text in one language."""
        return self.ja if lang == "ja" else self.en

    def format(self, **values: object) -> Text:
        """The text with its `{name}` marks filled in; a value that is itself a Text keeps its language."""
        return Text(*(getattr(self, lang).format(**_in_language(values, lang)) for lang in LANGUAGES))

    def both(self) -> str:
        """Japanese and English side by side, for files that are read in either language."""
        return self.ja if self.ja == self.en else f"{self.ja} / {self.en}"


def _in_language(values: dict[str, object], lang: Language) -> dict[str, object]:
    return {name: value.to(lang) if isinstance(value, Text) else value for name, value in values.items()}
