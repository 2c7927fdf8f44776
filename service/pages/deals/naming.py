"""What are a deal, its page and its flags called on pages?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from crm.i18n import Text
from service.pages.asked import Asked

FLAGS: Mapping[str, Text] = {  # short enough for a column; the answer has each as a sentence
    "past_due": Text("予定日超過", "past its date"),
    "stalled": Text("滞留", "stalled"),
    "no_contact": Text("連絡なし", "no contact"),
    "pushed": Text("後ろ倒し", "pushed back"),
    "amount_cut": Text("減額", "amount cut"),
    "new_deal": Text("新規", "new"),
}
WORRIES = ("past_due", "stalled", "no_contact")  # those that say something is wrong now


def deal_address(asked: Asked, deal_id: str) -> str:
    """The address of a deal's page."""
    return asked.address(f"/deals/{quote(deal_id, safe='')}")


def title(deal: Mapping[str, Any]) -> str:
    """What a deal is called beside its account, whose name many a deal begins with.

    >>> title({"deal_id": "D1", "name": "三栄工業 生産管理の更新", "account_name": "三栄工業"})
    '生産管理の更新'
    """
    name, account = deal["name"] or deal["deal_id"], deal["account_name"]
    rest = str(name).removeprefix(account or "").strip("　 /／・:：-–")
    return rest or str(name)
