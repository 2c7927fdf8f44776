"""Which stages, kinds, products, words and other named things exist, and what number stands for each?

Inside the simulation a word is its position in one of these tuples; `tables` turns codes into words.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def _codes(count: int) -> tuple[Any, ...]:
    """0, 1, ... as typed numbers: a function that gets them is compiled once, not once per number."""
    return tuple(np.int64(k) for k in range(count))


STAGES = ("リード獲得", "アポイント", "初回訪問", "提案・見積", "クロージング", "受注", "失注")
STAGE_KPIS = ("lead", "appointment", "first_visit", "proposal", "closing", "won", "")
LEAD, APPOINTMENT, VISIT, PROPOSAL, CLOSING, WON_STAGE, LOST_STAGE = _codes(7)

OPEN, WON, LOST, RESTING = _codes(4)
"""Status of a deal; RESTING = recorded as lost, but the customer will come back."""

INDUSTRIES = (
    "製造業",
    "情報通信",
    "卸売・小売",
    "金融・保険",
    "建設・不動産",
    "医療・福祉",
    "運輸・物流",
    "サービス",
)
INDUSTRY_SHARE = (0.22, 0.16, 0.15, 0.09, 0.11, 0.09, 0.08, 0.10)
SIZES = ("small", "mid", "large")
"""Under 100 employees, 100 to 999, 1,000 and more. Not a column: the log has employees."""
REGIONS = ("関東", "関西", "中部", "九州・沖縄", "東北", "中国・四国", "北海道")
REGION_SHARE = (0.42, 0.18, 0.14, 0.09, 0.07, 0.06, 0.04)

PRODUCTS = ("営業支援クラウド", "分析オプション", "基幹業務システム", "保守サポート", "導入コンサルティング")
RECURRING = (True, True, False, True, False)
SOURCES = ("Web問い合わせ", "展示会", "セミナー", "資料ダウンロード", "紹介", "テレアポ", "既存顧客")
WEB, FAIR, SEMINAR_SOURCE, DOWNLOAD, REFERRAL, COLD_CALL, CUSTOMER = _codes(7)
DEAL_TYPES = ("new", "upsell", "cross_sell", "renewal")
NEW, UPSELL, CROSS_SELL, RENEWAL = _codes(4)
STYLES = ("field", "route", "inside", "manager")
FIELD, ROUTE, INSIDE, MANAGER = _codes(4)

EVENT_FIELDS = ("stage", "amount", "expected_close_date", "owner_id", "競合", "予算確認", "決裁者接触")
F_STAGE, F_AMOUNT, F_CLOSE, F_OWNER, F_RIVAL, F_BUDGET, F_POWER = _codes(7)
RIVALS = ("未確認", "なし", "アステラ", "ノーステック", "ミライ情報", "その他")
BUDGETS = ("未確認", "確認中", "確認済")
POWERS = ("なし", "あり")
TIMINGS = ("未定", "即時", "3か月以内", "半年以内", "1年以内")
CERTAINTIES = ("10%", "30%", "50%", "70%", "90%", "100%", "0%")
LOST_REASONS = ("競合負け", "予算なし", "時期尚早", "連絡途絶", "ニーズ不一致", "価格")
R_RIVAL, R_BUDGET, R_TIMING, R_SILENT, R_NEED, R_PRICE = _codes(6)
WON_REASONS = ("機能", "価格", "提案内容", "対応の速さ", "実績・信頼", "既存取引")

KINDS = (
    "call",
    "email",
    "visit",
    "web_meeting",
    "demo",
    "proposal",
    "quote",
    "material",
    "follow_up",
    "seminar",
)
K_CALL, K_EMAIL, K_VISIT, K_WEB, K_DEMO, K_PROPOSAL, K_QUOTE, K_MATERIAL, K_FOLLOW, K_SEMINAR = _codes(10)
OUTCOMES = (
    "", "接続", "不在", "返信あり", "返信なし", "前向き", "保留", "消極的", "開封", "未開封",
    "参加", "欠席", "アポ獲得", "問い合わせ",
)  # fmt: skip
(O_NONE, O_REACHED, O_ABSENT, O_REPLY, O_NO_REPLY, O_GOOD, O_HOLD, O_COLD, O_OPENED, O_UNOPENED, O_CAME,
 O_MISSED, O_APPOINTED, O_ASKED) = _codes(14)  # fmt: skip
SUBJECTS = (
    "", "初回訪問", "ヒアリング", "同行訪問", "提案説明", "見積提示", "製品デモ", "状況確認", "資料送付",
    "セミナー案内", "条件調整", "架電", "お問い合わせ", "日程調整",
)  # fmt: skip
(S_NONE, S_FIRST, S_HEARING, S_SUPERIOR, S_PROPOSAL, S_QUOTE, S_DEMO, S_CHECK, S_MATERIAL, S_SEMINAR, S_TERMS,
 S_CALL, S_ASK, S_DATE) = _codes(14)  # fmt: skip
MATERIALS = (
    "", "導入事例集", "ROI試算シート", "役員向け提案書", "他社比較表", "会社案内", "製品カタログ",
    "セミナー案内状", "見積書", "提案書",
)  # fmt: skip
M_NONE, M_COMPANY, M_CATALOG, M_INVITATION, M_QUOTE, M_PROPOSAL = 0, 5, 6, 7, 8, 9
PLAYED_MATERIALS = (1, 2, 3, 4)
"""Which of these has which role (two work, two are decoys) is drawn from the seed."""

ACTIONS = (
    "demo", "superior_visit", "quote", "material_by_industry", "material_by_product", "decoy_by_log",
    "decoy_by_feeling", "seminar", "follow_up", "email", "call",
)  # fmt: skip
(A_DEMO, A_SUPERIOR, A_QUOTE, A_INDUSTRY, A_PRODUCT, A_DECOY_LOG, A_DECOY_FEELING, A_SEMINAR, A_FOLLOW,
 A_EMAIL, A_CALL) = _codes(11)  # fmt: skip
MORE = (*ACTIONS, "visit", "web_meeting", "to_proposal", "to_closing")
"""What a replay can let sellers do more of: an action, a conversation, or moving deals to a stage sooner."""
M_VISIT, M_WEB, M_TO_PROPOSAL, M_TO_CLOSING = _codes(15)[11:]
