"""What do the calls of the REST interface answer? Real requests and answers, shortened, to be shown.

    python -m tools.rest_examples --home DIR [--deals 3000]

Builds (once) an organisation in a folder, as `sancho demo` does, calls every operation and writes
`service/api/examples.json`. A test checks that each example has the form that the OpenAPI says. Lists keep
their first entries, numbers their first digits, and secrets are invented.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from service.app import create_app
from service.cli.demo import prepare
from service.jobs.worker import Worker
from service.logs import configure_logs
from service.schemas.deals import EXAMPLE_REQUEST
from service.settings import read_settings
from service.use_cases import UseCases

TARGET = Path(__file__).parent.parent / "service" / "api" / "examples.json"
_ENTRIES = 2  # of a list that are shown
_DIGITS = 4
# Operations that are answered in the same form, but for which this organisation has no second model.
_SAME = {"score_deal": ["score_deals"], "get_shadow": ["set_shadow"], "list_models": ["roll_back_model"]}
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # nobody's
_TOKEN = "k3f9c2a1b7d5e6f80Xq0ZJmM0u7l1i0oXyZ4dQ5e6f8"  # opens nothing
_ANSWER = {
    "subject": "kpi:visits",
    "period": "this-quarter",
    "answer": "11月は研修で半分の日が埋まっていました",
}
_NEW_PASSWORD = {"current_password": "four words in a row", "new_password": "four other words in a row"}


@dataclass(frozen=True)
class Call:
    """A call and the name of its operation."""

    operation: str
    method: str
    path: str
    body: Any = None
    content_type: str = "application/json"


def calls(deal: str, recommendation: str, person: str) -> Iterator[Call]:
    """One call of each operation but those whose answers need another one first."""
    yield Call("check_liveness", "GET", "/healthz")
    yield Call("check_readiness", "GET", "/readyz")
    yield Call("score_deal", "POST", "/v1/deals/score", EXAMPLE_REQUEST)
    yield Call("list_deals", "GET", "/v1/deals?limit=2")
    yield Call("get_deal", "GET", f"/v1/deals/{deal}")
    yield Call("get_deal_timeline", "GET", f"/v1/deals/{deal}/timeline?limit=2")
    yield Call("get_forecast", "GET", "/v1/forecasts/this-quarter")
    yield Call("get_yomi", "GET", "/v1/yomi/this-quarter")
    yield Call("download_report", "GET", "/v1/reports/yomi/this-quarter?format=csv")
    supposed = {"won": [deal], "joining": [{"team_id": None}]}
    yield Call("ask_what_if", "POST", "/v1/forecasts/this-quarter/what-if", supposed)
    yield Call("get_kpis", "GET", "/v1/kpis/this-quarter")
    proposed = {"proposals": [{"kpi": "visits", "scope": "company", "value": 400, "period": "this-quarter"}]}
    yield Call("check_kpis", "POST", "/v1/kpis/check", proposed)
    yield Call("get_padding", "GET", "/v1/kpis/this-quarter/padding")
    yield Call("list_kpi_candidates", "GET", "/v1/kpis/this-quarter/candidates")
    yield Call("propose_kpi_sets", "POST", "/v1/kpis/propose", {"period": "this-quarter"})
    accepted = {"kpis": [{"kpi": "proposals", "value": 430}], "reason": "四半期の見直し"}
    yield Call("accept_kpi_set", "PUT", "/v1/kpi-sets/company/this-quarter", accepted)
    yield Call("get_kpi_set", "GET", "/v1/kpi-sets/company/this-quarter")
    yield Call("review_kpi_sets", "GET", "/v1/kpis/this-quarter/review")
    yield Call("get_tree", "GET", "/v1/trees/this-quarter")
    yield Call("make_plan", "POST", "/v1/plans", {"period": "this-quarter", "probability": 0.8})
    yield Call("compare_people", "GET", "/v1/people/this-year")
    yield Call("get_goal_levels", "GET", "/v1/goals/next-quarter/levels?growth=0.1")
    shared = {"period": "next-quarter", "growth": 0.1, "round_to": 100_000}
    yield Call("share_targets", "POST", "/v1/targets/share", shared)
    yield Call("get_target_evenness", "GET", "/v1/targets/evenness?quarters=2")
    yield Call("list_scopes", "GET", "/v1/scopes")
    yield Call("list_bottlenecks", "GET", "/v1/bottlenecks")
    yield Call("list_actions", "GET", "/v1/actions?limit=2")
    yield Call(
        "record_outcome", "POST", f"/v1/recommendations/{recommendation}/outcome", {"state": "accepted"}
    )
    yield Call("issue_card_token", "POST", "/v1/card-tokens", {"deal_id": deal, "person_id": person})
    yield Call("report_recommendations", "GET", "/v1/recommendations/report")
    row = f'{{"deal_id": "{deal}", "amount": 2600000}}\n'
    yield Call("put_table_rows", "PUT", "/v1/tables/deals", row, "application/x-ndjson")
    activity = '{"activity_id": "A-1", "at": "2026-11-20T10:00", "kind": "call", "deal_id": "' + deal + '"}\n'
    yield Call("", "PUT", "/v1/tables/activities", activity, "application/x-ndjson")
    yield Call("delete_table_row", "DELETE", "/v1/tables/activities/A-1")
    yield Call("list_models", "GET", "/v1/models")
    yield Call("get_model", "GET", "/v1/models/1")
    yield Call("get_model_proof", "GET", "/v1/models/champion/proof")
    yield Call("list_quarantine", "GET", "/v1/quarantine")
    yield Call("get_shadow", "GET", "/v1/models/shadow")
    yield Call("end_shadow", "DELETE", "/v1/models/shadow")
    yield Call("promote_model", "POST", "/v1/models/1/promote", {"by": "佐藤", "because": "四半期の締め"})


def main() -> None:
    """Asks everything and writes the examples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--deals", type=int, default=3000)
    chosen = parser.parse_args()
    os.environ |= {"SANCHO_HOME": str(chosen.home.resolve()), "SANCHO_PRIVATE_WEBHOOKS": "true"}
    configure_logs(logging.WARNING)
    settings = read_settings()
    prepare(settings, chosen.deals, "en")
    cases = UseCases.open(settings)
    cases.serving.refresh(warm=True)
    app = create_app(settings, cases, warm=False)
    client = TestClient(app)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('examples', ['admin'])}"
    client.headers["Accept-Language"] = "en"
    found = dict(examples(client, Worker(settings, cases.jobs._queue)))
    cases.close()
    TARGET.write_text(json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"{len(found)} operations, {TARGET.stat().st_size:,} bytes")


def examples(client: TestClient, worker: Worker) -> Iterator[tuple[str, Any]]:
    """Operation, and what was sent and answered."""
    yield from of_programs(client, worker)
    yield from of_meetings(client)
    yield from of_people(client)


def of_programs(client: TestClient, worker: Worker) -> Iterator[tuple[str, Any]]:
    """The calls that a key may make."""
    [first] = ask(client, Call("", "GET", "/v1/actions?limit=1"))["actions"]
    deal, recommendation = str(first["deal_id"]), str(first["recommendation_id"])
    others = (*of_jobs(client, worker), *of_webhooks(client), *of_alerts(client))
    for call in (*calls(deal, recommendation, str(first["owner_id"])), *others):
        answer = ask(client, call)
        if not call.operation:
            continue
        sent = {} if call.body is None else {"request": invented(call.body)}
        yield call.operation, {**sent, "response": invented(shortened(answer))}
        for other in _SAME.get(call.operation, ()):
            yield other, {**sent, "response": invented(shortened(answer))}


def of_meetings(client: TestClient) -> Iterator[tuple[str, Any]]:
    """A review, a one-on-one and a call, with what is agreed in them."""
    [owner] = {str(row["owner_id"]) for row in ask(client, Call("", "GET", "/v1/actions?limit=1"))["actions"]}
    notes = {"notes": {"decisions": "A社には部長が同行する"}, "version": 0}
    agreed = {"person_id": owner, "what": "決裁者に会う", "due": "2026-12-04", "week": "this-week"}
    called = {"amount": 195_000_000, "confidence": "medium", "reason": "大口が固い"}
    told = {}
    for call in (
        Call("add_agreement", "POST", "/v1/agreements", {**agreed, "activity": "visit"}),
        Call("save_review", "PUT", "/v1/reviews/this-week", notes),
        Call("get_review", "GET", "/v1/reviews/this-week"),
        Call("list_agreements", "GET", "/v1/agreements"),
        Call("save_one_on_one", "PUT", f"/v1/people/{owner}/one-on-one", notes),
        Call("get_one_on_one", "GET", f"/v1/people/{owner}/one-on-one"),
        Call("make_call", "PUT", "/v1/calls/this-quarter", called),
        Call("get_calls", "GET", "/v1/calls/this-quarter"),
    ):
        told[call.operation] = ask(client, call)
        sent = {} if call.body is None else {"request": invented(call.body)}
        yield call.operation, {**sent, "response": invented(shortened(told[call.operation]))}
    settled = {"result": "done", "version": 1}
    made = told["add_agreement"]["agreement_id"]
    answer = ask(client, Call("change_agreement", "PUT", f"/v1/agreements/{made}", settled))
    yield "change_agreement", {"request": settled, "response": invented(shortened(answer))}


def of_jobs(client: TestClient, worker: Worker) -> Iterator[Call]:
    """A file that is imported, and its job."""
    rows = "deal_id,created_at,stage\nD-1,2026-11-20,アポイント\n"
    imported = Call(
        "import_file", "POST", "/v1/imports?file=deals.csv&dry_run=true", rows, "application/octet-stream"
    )
    yield imported
    job = ask(client, imported)["job_id"]
    while worker.work_once():
        pass
    yield Call("get_job", "GET", f"/v1/jobs/{job}")
    training = Call("train_model", "POST", "/v1/trainings", {"if_needed": True})
    yield training
    yield Call("cancel_job", "POST", f"/v1/jobs/{ask(client, training)['job_id']}/cancel")
    yield Call("list_jobs", "GET", "/v1/jobs?limit=2")


def of_webhooks(client: TestClient) -> Iterator[Call]:
    """A webhook from its beginning to its end."""
    add = Call(
        "add_webhook",
        "POST",
        "/v1/webhooks",
        {"url": "http://127.0.0.1:9/sancho", "types": ["deal.score_changed"]},
    )
    yield add
    made = ask(client, add)["webhook_id"]
    yield Call("list_webhooks", "GET", "/v1/webhooks")
    yield Call("ping_webhook", "POST", f"/v1/webhooks/{made}/ping")
    yield Call("list_webhook_deliveries", "GET", f"/v1/webhooks/{made}/deliveries")
    yield Call("replay_webhook_events", "POST", f"/v1/webhooks/{made}/replay")
    yield Call("remove_webhook", "DELETE", f"/v1/webhooks/{made}")


def of_alerts(client: TestClient) -> Iterator[Call]:
    """A channel of alerts from its beginning to its end."""
    asked = {"form": "slack", "address": "http://127.0.0.1:9/T000/B000", "scope": "company"}
    add = Call("add_alert_channel", "POST", "/v1/alerts", asked)
    yield add
    made = ask(client, add)["channel_id"]
    yield Call("list_alert_channels", "GET", "/v1/alerts")
    yield Call("mute_alerts", "POST", "/v1/alerts/mutes", {"who": made, "kinds": ["model.due"]})
    yield Call("test_alert_channel", "POST", f"/v1/alerts/{made}/test")
    yield Call("remove_alert_channel", "DELETE", f"/v1/alerts/{made}")


def of_people(program: TestClient) -> Iterator[tuple[str, Any]]:
    """What somebody asks who signs in, from a one-time link to the end."""
    app: Any = program.app
    listed = ask(program, Call("", "GET", "/v1/people/this-year"))["people"]
    person, words = str(listed[0]["scope"]).partition(":")[2], "four words in a row"
    row = json.dumps({"person_id": person, "email": "anna.sato@example.com"}) + "\n"
    ask(program, Call("", "PUT", "/v1/tables/people", row, "application/x-ndjson"))
    browser = TestClient(app, headers={"Accept-Language": "en"})
    link = app.state.sign_in.book.add_link(person, 600)
    asked = [
        Call("list_sign_in_ways", "GET", "/auth/ways"),
        Call("use_link", "POST", "/auth/link", {"link": link, "new_password": words}),
        Call("sign_in", "POST", "/auth/sign-in", {"email": "anna.sato@example.com", "password": words}),
        Call("get_me", "GET", "/auth/me"),
        Call("get_my_record", "GET", "/v1/me/record?period=this-quarter"),
        Call("answer_my_figure", "POST", "/v1/me/answers", _ANSWER),
        Call("change_password", "POST", "/auth/password", _NEW_PASSWORD),
        Call("sign_out", "POST", "/auth/sign-out"),
    ]
    for call in asked:
        answer = ask(browser, call)
        browser.headers["X-CSRF-Token"] = answer.get("csrf_token") or browser.headers.get("X-CSRF-Token", "")
        sent = {} if call.body is None else {"request": invented(call.body)}
        yield call.operation, {**sent, "response": invented(shortened(answer))}
    app.state.audit.store_noted()
    for call in (
        Call("list_person_answers", "GET", f"/v1/person-answers?person={person}"),
        Call("list_audit", "GET", "/v1/audit?limit=2"),
    ):
        yield call.operation, {"response": invented(shortened(ask(program, call)))}


def ask(client: TestClient, call: Call) -> Any:
    """What a call answers."""
    sent = call.body if isinstance(call.body, str) or call.body is None else json.dumps(call.body)
    answer = client.request(call.method, call.path, content=sent, headers={"Content-Type": call.content_type})
    if answer.is_error:
        raise SystemExit(f"{call.method} {call.path}: {answer.status_code} {answer.text}")
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.json() if is_json else "(file)"


def shortened(value: Any) -> Any:
    """A value with the beginning of its lists and numbers."""
    match value:
        case dict():
            return {name: shortened(one) for name, one in value.items()}
        case list():
            return [shortened(one) for one in value[:_ENTRIES]]
        case float():
            return round(value) if abs(value) >= 10**_DIGITS else float(f"{value:.{_DIGITS}g}")
    return value


def invented(value: Any) -> Any:
    """A value without what only this run has."""
    text = json.dumps(value, ensure_ascii=False)
    text = re.sub(r"whsec_[A-Za-z0-9+/=]+", _SECRET, text)
    text = re.sub(r'("link": |"csrf_token": |"token": )"[^"]+"', rf'\1"{_TOKEN}"', text)
    text = re.sub(r'"address": "testclient"', '"address": "10.0.0.7"', text)
    return json.loads(text.replace("http://127.0.0.1:9/", "https://crm.example.com/"))


if __name__ == "__main__":
    main()
