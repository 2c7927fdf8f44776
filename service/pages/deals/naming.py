"""What are a deal, its page and its flags called on pages?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from crm.i18n import Text
from service.pages.asked import Asked

FLAGS: Mapping[str, Text] = {  # short enough for a column; the answer has each as a sentence
    "past_due": Text("予定日超過", "Past its date"),
    "stalled": Text("滞留", "Stalled"),
    "no_contact": Text("連絡なし", "No contact"),
    "pushed": Text("後ろ倒し", "Pushed back"),
    "amount_cut": Text("減額", "Amount cut"),
    "new_deal": Text("新規", "New"),
}
WORRIES = ("past_due", "stalled", "no_contact")  # those that say something is wrong now


def deal_address(asked: Asked, deal_id: str) -> str:
    """The address of a deal's page."""
    return asked.address(f"/deals/{quote(deal_id, safe='')}")


def full_title(deal: Mapping[str, Any]) -> str:
    """What a deal is called by itself: its name, with its account where the name does not tell it.

    >>> full_title({"deal_id": "D1", "name": "生産管理の更新", "account_name": "三栄工業"})
    '三栄工業 生産管理の更新'
    """
    name, account = str(deal["name"] or deal["deal_id"]), deal["account_name"]
    return name if not account or account in name else f"{account} {name}"


def title(deal: Mapping[str, Any]) -> str:
    """What a deal is called beside its account, whose name many a deal begins with.

    >>> title({"deal_id": "D1", "name": "三栄工業 生産管理の更新", "account_name": "三栄工業"})
    '生産管理の更新'
    """
    name, account = deal["name"] or deal["deal_id"], deal["account_name"]
    rest = str(name).removeprefix(account or "").strip("　 /／・:：-–")
    return rest or str(name)
