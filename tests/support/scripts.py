"""Which scripts does a page bring besides the one of the service?"""

from __future__ import annotations

import re

_OURS = r"<script(?! src=\"/static/sancho\.js\?v=\w+\" defer></script>)[^>]*>"


def other_scripts(page: str) -> list[str]:
    """The opening tags of scripts that are not ours, inline or from elsewhere.

    >>> other_scripts('<script src="/static/sancho.js?v=0a1b" defer></script><script>alert(1)</script>')
    ['<script>']
    """
    return re.findall(_OURS, page)
