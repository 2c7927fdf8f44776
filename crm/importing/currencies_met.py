"""Which currencies of an import have no exchange rate yet? That is told at once, not only by answers."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from crm.i18n import Text
from crm.importing.money_rows import AMOUNT_OF
from crm.importing.organisation_row import stored_organisation
from crm.organisation import Organisation
from crm.store import Writer


class CurrenciesMet:
    """The currencies in which the amounts of an import are."""

    def __init__(self, writer: Writer, given: Organisation | None) -> None:
        self._writer, self._given = writer, given
        self._met: set[str] = set()

    def add(self, table: str, columns: Mapping[str, pa.Array]) -> None:
        """Notes the currencies of sound rows of a table."""
        if table in AMOUNT_OF and "currency" in columns:
            self._met.update(code for code in columns["currency"].unique().to_pylist() if code)

    def notices(self) -> list[Text]:
        """What is told of currencies without a rate of the kind that counts."""
        if not self._met:
            return []
        given = self._given or Organisation()
        organisation = stored_organisation(self._writer, given) or given
        own, kind = organisation.currency, organisation.rate_kind
        rated = {
            code for code, of_kind in self._writer.rows("rates", ("currency", "kind")) if of_kind == kind
        }
        missing = sorted(self._met - rated - {own})
        if not missing:
            return []
        return [
            Text(
                "{codes}の為替レート（rates、kind={kind}）が未登録です。取り込むまで、{codes}の金額はどの合計にも"
                "含めません。組織の通貨が{own}でない場合は、組織の通貨を設定してください。",
                "no exchange rate of {codes} is known (table rates, kind={kind}): until one is imported, "
                "amounts in {codes} are in no sum. If the organisation's currency is not {own}, set it.",
            ).format(codes=Text("、".join(missing), ", ".join(missing)), kind=kind, own=own)
        ]
