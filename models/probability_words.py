"""How is a probability written, so that it never reads as certain?"""

from __future__ import annotations

from crm.i18n import Text

UNDER, OVER = Text("1%未満", "under 1%"), Text("99%超", "over 99%")


def probability_words(share: float, digits: int = 1) -> Text:
    """A probability for reading: between "under 1%" and "over 99%", whose ends no sample tells apart.

    >>> probability_words(0.0004).ja, probability_words(1.0).en, probability_words(0.357, 0).en
    ('1%未満', 'over 99%', '36%')
    """
    if share < 0.01:
        return UNDER
    if share > 0.99:
        return OVER
    written = f"{share:.{digits}%}"
    return Text(written, written)
