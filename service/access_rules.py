"""What may a key or a person do? One right for each call; a call that is not listed here needs `admin`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from crm.i18n import Text

SCORE, READ, WRITE, RECOMMEND, ADMIN = "score", "read", "write", "recommend", "admin"
RIGHTS: Mapping[str, Text] = {
    SCORE: Text("送った商談の受注確率を求める", "score deals that are sent"),
    READ: Text("保存されている商談と予測を読む", "read stored deals, forecasts and what they are made of"),
    WRITE: Text("データを書き込み、取り込み、削除する", "push, import and delete rows"),
    RECOMMEND: Text("次の打ち手を読み、結果を記録する", "read next actions and record their outcomes"),
    ADMIN: Text(
        "モデルの切り替え、学習、Webhookの管理を含むすべて", "everything: models, trainings, webhooks too"
    ),
}
USUAL = (SCORE, READ, WRITE, RECOMMEND)  # of a key for which nothing is said

# Of people who have signed in, by the role of their row in `people`.
ROLE_RIGHTS: Mapping[str, tuple[str, ...]] = {
    "seller": (SCORE, READ, RECOMMEND),
    "manager": (SCORE, READ, RECOMMEND),
    "admin": (ADMIN,),
}
# Calls about the caller himself, which everybody may make whose credential is good.
OF_ONESELF = frozenset({"get_me", "sign_out", "change_password"})

# By operation (the function that answers); any of the rights named is enough, and `admin` always is.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "score_deal": (SCORE,),
    "score_deals": (SCORE,),
    "list_deals": (READ,),
    "get_deal": (READ,),
    "get_deal_timeline": (READ,),
    "get_forecast": (READ,),
    "ask_what_if": (READ,),
    "get_kpis": (READ,),
    "check_kpis": (READ,),
    "list_kpi_candidates": (READ,),
    "propose_kpi_sets": (READ,),
    "review_kpi_sets": (READ,),
    "get_kpi_set": (READ,),
    "accept_kpi_set": (WRITE, RECOMMEND),
    "get_review": (READ,),
    "save_review": (WRITE, RECOMMEND),
    "get_one_on_one": (READ,),
    "save_one_on_one": (WRITE, RECOMMEND),
    "list_agreements": (READ,),
    "add_agreement": (WRITE, RECOMMEND),
    "change_agreement": (WRITE, RECOMMEND),
    "get_calls": (READ,),
    "make_call": (WRITE, RECOMMEND),
    "get_padding": (READ,),
    "get_tree": (READ,),
    "make_plan": (READ,),
    "compare_people": (READ,),
    "get_goal_levels": (READ,),
    "share_targets": (READ,),
    "get_target_evenness": (READ,),
    "list_scopes": (READ,),
    "get_yomi": (READ,),
    "download_report": (READ,),
    "list_bottlenecks": (READ,),
    "list_actions": (READ, RECOMMEND),
    "record_outcome": (RECOMMEND,),
    "issue_card_token": (READ,),
    "report_recommendations": (READ, RECOMMEND),
    "put_table_rows": (WRITE,),
    "delete_table_row": (WRITE,),
    "import_file": (WRITE,),
    "list_quarantine": (WRITE,),
    "download_quarantine": (WRITE,),
    "list_jobs": (READ, WRITE),
    "get_job": (READ, WRITE),
    "cancel_job": (WRITE,),
    "list_models": (READ,),
    "get_model": (READ,),
    "compare_models": (READ,),
    "get_shadow": (READ,),
    "get_model_proof": (READ,),
    "train_model": (ADMIN,),
    "promote_model": (ADMIN,),
    "roll_back_model": (ADMIN,),
    "set_shadow": (ADMIN,),
    "end_shadow": (ADMIN,),
    "add_webhook": (ADMIN,),
    "list_webhooks": (ADMIN,),
    "remove_webhook": (ADMIN,),
    "ping_webhook": (ADMIN,),
    "list_webhook_deliveries": (ADMIN,),
    "replay_webhook_events": (ADMIN,),
    "list_audit": (ADMIN,),
    "get_my_record": (READ,),
    "answer_my_figure": (READ,),
    "list_person_answers": (READ,),
    "add_alert_channel": (ADMIN,),
    "list_alert_channels": (ADMIN,),
    "remove_alert_channel": (ADMIN,),
    "test_alert_channel": (ADMIN,),
    "mute_alerts": (ADMIN,),
}

# The same of pages (GET, and the POST of their forms), each about a scope that its reader sees.
PAGES: Mapping[str, tuple[str, ...]] = {
    "show_outlook": (READ,),
    "show_design": (READ,),
    "send_design": (WRITE, RECOMMEND),
    "send_call": (WRITE, RECOMMEND),
    "show_people": (READ,),
    "show_one_on_one": (READ,),
    "send_one_on_one": (WRITE, RECOMMEND),
    "list_reviews": (READ,),
    "show_review": (READ,),
    "send_review": (WRITE, RECOMMEND),
    "show_deals": (READ,),
    "export_deals": (READ,),
    "show_deal": (READ,),
    "record_deal_outcome": (RECOMMEND,),
    "show_process": (READ,),
    "show_kpis": (READ,),
    "show_plan": (READ,),
    "show_kpi_review": (READ,),
    "show_target_sharing": (READ,),
    "save_target_sharing": (WRITE,),
    "show_trust": (READ,),
    "show_yomi": (READ,),
    "send_rank_column": (WRITE,),
    "download_card": (READ,),
    "send_promotion": (ADMIN,),
    "send_rollback": (ADMIN,),
    "send_backtest": (ADMIN,),
    "show_setup": (WRITE,),
    "send_file": (WRITE,),
    "send_import": (WRITE,),
    "send_mended": (WRITE,),
    "send_target": (WRITE,),
    "send_training": (ADMIN,),
    "send_sample": (ADMIN,),
    "send_account": (ADMIN,),
}
# Those of them that are about the whole organisation: only for who sees everything.
PAGES_OF_ALL: frozenset[str] = frozenset(
    {
        *("send_promotion", "send_rollback", "send_backtest", "show_setup", "send_file", "send_import"),
        *("send_mended", "send_target", "send_training", "send_sample", "send_account", "send_rank_column"),
    }
)

# What is asked of the caller's sight (`service.sight`), by operation. One that is not here is only for who
# sees everything.
SCOPE = "scope"  # figures of a scope that is seen, by default the widest
DEAL = "deal"  # a stored deal that is seen
SENT = "sent"  # a deal of the request; of what is stored, nothing but what is seen is told
ROWS = "rows"  # rows about people and deals that are seen
JOBS = "jobs"  # files and trainings are of the whole organisation: who sees a part has none
OWN = "own"  # what is stored and computed about who asks
MODELS = "models"  # what was learned from all deals, and how good it is
SIGHT: Mapping[str, str] = {
    "score_deal": SENT,
    "score_deals": SENT,
    "list_deals": SCOPE,
    "get_deal": DEAL,
    "get_deal_timeline": DEAL,
    "get_forecast": SCOPE,
    "ask_what_if": SCOPE,
    "get_kpis": SCOPE,
    "check_kpis": SCOPE,
    "list_kpi_candidates": SCOPE,
    "propose_kpi_sets": SCOPE,
    "review_kpi_sets": SCOPE,
    "get_kpi_set": SCOPE,
    "accept_kpi_set": SCOPE,
    "get_review": SCOPE,
    "save_review": SCOPE,
    "get_one_on_one": SCOPE,
    "save_one_on_one": SCOPE,
    "list_agreements": SCOPE,
    "add_agreement": SCOPE,
    "change_agreement": SCOPE,
    "get_calls": SCOPE,
    "make_call": SCOPE,
    "get_padding": SCOPE,
    "get_tree": SCOPE,
    "make_plan": SCOPE,
    "compare_people": SCOPE,
    "get_goal_levels": SCOPE,
    "share_targets": SCOPE,
    "get_target_evenness": SCOPE,
    "list_bottlenecks": SCOPE,
    "list_actions": SCOPE,
    "record_outcome": DEAL,
    "issue_card_token": DEAL,
    "report_recommendations": DEAL,
    "put_table_rows": ROWS,
    "delete_table_row": ROWS,
    "list_scopes": SCOPE,
    "get_yomi": SCOPE,
    "download_report": SCOPE,
    "list_person_answers": SCOPE,
    "get_my_record": OWN,
    "answer_my_figure": OWN,
    "list_jobs": JOBS,
    "get_job": JOBS,
    "cancel_job": JOBS,
    "list_models": MODELS,
    "get_model": MODELS,
    "compare_models": MODELS,
    "get_shadow": MODELS,
    "get_model_proof": MODELS,
}


def narrowed(rights: Collection[str], by: Collection[str]) -> tuple[str, ...]:
    """The rights that are among others, too.

    >>> narrowed(("read", "write"), ("score", "read")), narrowed(("admin",), ("score", "read"))
    (('read',), ('score', 'read'))
    """
    if ADMIN in by:
        return tuple(rights)
    return tuple(by) if ADMIN in rights else tuple(right for right in rights if right in by)


def needed(operation: str) -> tuple[str, ...]:
    """The rights of which a call needs one."""
    return NEEDS.get(operation) or PAGES.get(operation, (ADMIN,))


def may(rights: Collection[str], operation: str) -> bool:
    """Whether who has some rights may make a call.

    >>> may(("score",), "score_deal"), may(("score",), "get_deal"), may(("admin",), "get_deal")
    (True, False, True)
    """
    return operation in OF_ONESELF or ADMIN in rights or any(right in rights for right in needed(operation))
