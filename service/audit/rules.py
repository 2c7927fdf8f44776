"""Which calls are noted in the audit: what changes anything, and what tells of another person's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.callers import Caller

# Calls that are sent as POST, but change nothing.
_ASK = frozenset(
    {
        *("score_deal", "score_deals", "ask_what_if", "check_kpis", "make_plan"),
        *("share_targets", "propose_kpi_sets"),
    }
)
# Calls that sign somebody in: nobody has before, and where it fails nobody has after.
_SIGN_IN = frozenset({"sign_in", "use_link", "finish_oidc"})
# Their answers list people, or rows of theirs, also of a team or the company.
_LISTS_PEOPLE = frozenset(
    {
        *("list_deals", "list_actions", "list_bottlenecks", "compare_people", "make_plan", "list_audit"),
        *("show_deals", "export_deals", "show_process"),
        *("share_targets", "get_target_evenness", "propose_kpi_sets", "review_kpi_sets", "get_padding"),
        *("show_kpi_review", "show_target_sharing"),
        *("get_review", "list_agreements", "show_people", "show_review"),
        *("show_kpis", "show_plan", "show_design"),
        *("get_yomi", "show_yomi", "download_report"),
    }
)
_OF_ONE_DEAL = frozenset({"get_deal", "get_deal_timeline", "show_deal"})
# Rows are noted in the transaction that changes them.
_NOTED_WITH_ROWS = frozenset({"put_table_rows", "delete_table_row"})
COMPANY, TEAM, PERSON = "company", "team:", "person:"
OF_DEAL = "deal"  # the scope of a read of one deal


def is_change(method: str, operation: str) -> bool:
    """Whether a call changes anything.

    >>> is_change("POST", "promote_model"), is_change("POST", "make_plan"), is_change("GET", "list_deals")
    (True, False, False)
    """
    is_safe = method in ("GET", "HEAD", "OPTIONS") and not is_sign_in(operation)
    return not is_safe and operation not in _ASK


def is_sign_in(operation: str) -> bool:
    """Whether a call signs somebody in, so that nobody is known to make it."""
    return operation in _SIGN_IN


def is_noted_with_rows(operation: str, status: int) -> bool:
    """Whether the store has noted a change already, with the rows that it changed."""
    return operation in _NOTED_WITH_ROWS and status < 400


def is_read_of_deal(operation: str) -> bool:
    """Whether a call tells of one deal, and so of its owner."""
    return operation in _OF_ONE_DEAL


def read_scope(operation: str, scope: str | None, caller: Caller) -> str | None:
    """The scope of other people whose figures a call tells; None where it tells of nobody else.

    A person's own figures are his; a team's forecast lists its members, the company's its teams.

    >>> program = Caller(name="crm", rights=("read",))
    >>> read_scope("get_forecast", "company", program), read_scope("list_deals", None, program)
    (None, 'company')
    >>> seller = Caller(name="P-1", rights=("read",), person_id="P-1", role="seller")
    >>> read_scope("get_kpis", "person:P-1", seller), read_scope("get_kpis", "person:P-2", seller)
    (None, 'person:P-2')
    """
    named = scope or COMPANY
    if named.startswith(PERSON):
        return None if caller.person_id == named.removeprefix(PERSON) else named
    if named.startswith(TEAM) or operation in _LISTS_PEOPLE:
        return named
    return None


def person_of(scope: str | None) -> str | None:
    """The person of a scope.

    >>> person_of("person:P-1"), person_of("team:T-1")
    ('P-1', None)
    """
    return scope.removeprefix(PERSON) if scope is not None and scope.startswith(PERSON) else None


def named_in_path(parameters: Mapping[str, object], is_deal: bool) -> dict[str, Sequence[str]]:
    """What a call's address names, by the name of what it is.

    >>> named_in_path({"webhook_id": "wh_1"}, False), named_in_path({"deal_id": "D-1"}, True)
    ({'webhook_id': ['wh_1']}, {'deals': ['D-1']})
    """
    if is_deal:
        return {"deals": [str(parameters["deal_id"])]}
    return {name: [str(value)] for name, value in parameters.items()}
