"""In which units are KPIs that are more than plain numbers? Amounts of money, and shares."""

from crm.i18n import Text

MONEY = Text("金額", "money")  # read in the organisation's currency
SHARE = Text("割合", "share")  # 0 to 1
