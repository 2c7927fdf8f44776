"""How does a page become one file that can be sent and kept? The page's own blocks, with its style in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crm.i18n import Language, Text
from service.pages.site import templates
from service.pages.static_files import content
from service.pages.words import WORDS

_LINK = re.compile(r'<a [^>]*href="[^"]*"[^>]*>')


def page_file(template: str, lang: Language, words: Mapping[str, Text], values: Mapping[str, Any]) -> bytes:
    """The file; links stay as words, for they lead to a service that its reader may not reach."""
    known = {**WORDS, **words}
    html = (
        templates("file.html.j2")
        .get_template(template)
        .render(
            lang=lang,
            w=lambda name, **filled: known[name].format(**filled).to(lang),
            css=content("sancho.css").decode(),
            csrf=None,
            **values,
        )
    )
    return _LINK.sub("<a>", html).encode()
