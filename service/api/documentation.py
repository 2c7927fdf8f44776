"""What does the OpenAPI say beyond what signatures do? Rights, codes of problems, headers, examples.

Each problem of an answer has a `code`; which can occur follows from the parameters that a call has, from its
body, and from what its endpoint says (`documented_problems`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import orjson

from service.access_rules import OF_ONESELF, RIGHTS, needed
from service.api.cookies import SESSION_COOKIE
from service.api.responses import CODES
from service.problems import MEDIA_TYPE, STATUS

TAGS: Mapping[str, str] = {
    "deals": "One deal, stored or sent: how likely it is won, why, what helps; all open deals; what happened "
    "to one.",
    "forecasts": "Will a period's target be reached, why, and what if? The deal sheet (ヨミ表).",
    "targets": "What a goal can be, a target shared out fairly, and how even targets were.",
    "kpis": "The figures on the way to the target, what drives it, and a plan that reaches it.",
    "people": "Of whom can be asked, and how do people compare on equal deals?",
    "bottlenecks": "Where does the process lose deals, and what does that cost?",
    "meetings": "Weekly reviews and one-on-ones: what changed, was agreed, came of it; called revenue.",
    "actions": "What to do next, what came of it, and whether it helps.",
    "models": "Which model answers, how good it is, and putting another in service.",
    "data": "Rows of the tables that everything is computed from.",
    "jobs": "Imports of files and trainings, and how far they are.",
    "webhooks": "Other systems are told of what changes.",
    "alerts": "People are told by mail or chat of what calls for them.",
    "me": "What is stored and computed about the person who asks, and his answers to it.",
    "audit": "Who changed what, and who read whose figures.",
    "sign-in": "People sign in, and see who they are here.",
    "health": "Liveness, readiness and counts, without a key.",
}
# Of every call under /v1: of its key, of the service, and of parameters that do not fit.
_ALWAYS = (
    *("no_credential", "not_allowed", "too_many_attempts", "invalid_request", "internal_error"),
    *("session_ended", "bad_token", "csrf", "not_a_person", "not_in_people", "email_not_verified"),
    *("provider_unavailable", "too_many_calls", "too_many_computations", "unknown_host", "bad_path"),
    *("not_ready", "busy", "no_room", "store_unavailable", "registry_unavailable", "no_model"),
    "currency_changed",
)
_OF_BODY = ("too_large",)
_OF_JSON = ("bad_json",)
_OF_PARAMETER: Mapping[str, tuple[str, ...]] = {
    "as_of": ("bad_as_of",),
    "until": ("bad_as_of",),
    "period": ("bad_period",),
    "scope": ("unknown_scope",),
    "sort": ("bad_sort",),
    "cursor": ("bad_cursor",),
    "deal_id": ("unknown_deal", "deal_closed"),
    "table": ("unknown_table",),
    "from_job": ("unknown_job",),
    "webhook_id": ("unknown_webhook",),
    "job_id": ("unknown_job",),
    "version": ("unknown_version",),
}
_HEADERS: Mapping[str, dict[str, Any]] = {
    "ETag": {
        "description": "Names the answer, its language and encoding; sent back as If-None-Match",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which to send it again",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Location": {"description": "Where its progress is read", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}},
}
_OF_STATUS = {
    "401": ("WWW-Authenticate",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
    "202": ("Location",),
}
_PARAMETER_EXAMPLES = {
    "deal_id": "D0004386",
    "recommendation_id": "R5134986e32aa6826",
    "event_id": "evt_9413db25f1ab4387f62cd588",
}
# Calls of POST that change nothing more when they are sent again, so that who gets no answer may do so.
_REPEATABLE = (
    *(
        "score_deal",
        "score_deals",
        "ask_what_if",
        "check_kpis",
        "propose_kpi_sets",
        "make_plan",
        "record_outcome",
        "promote_model",
    ),
    *("train_model", "set_shadow", "cancel_job", "replay_webhook_events"),
)
_COOKIE = "SessionCookie"
_COOKIE_SCHEME = {
    "type": "apiKey",
    "in": "cookie",
    "name": f"__Host-{SESSION_COOKIE}",
    "description": f"Of somebody who has signed in at /auth; without https its name is {SESSION_COOKIE}",
}
_KNOWN = "The caller has this answer already (`If-None-Match`); nothing is sent."


def complete(schema: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The OpenAPI with what each call needs and can answer."""
    examples = orjson.loads(files("service.api").joinpath("examples.json").read_bytes())
    schemes = schema["components"]["securitySchemes"]
    schemes["HTTPBearer"]["description"] = _about_keys()
    schemes[_COOKIE] = _COOKIE_SCHEME
    for path, method, operation in _operations(schema):
        is_health = operation["tags"] == ["health"]
        _document_codes(operation, () if is_health else _expected(operation))
        if operation.get("security"):
            _document_rights(operation)
        if method == "get" and path.startswith(f"{prefix}/"):
            operation["responses"]["304"] = {"description": _KNOWN, "headers": _headers("ETag")}
            operation["responses"]["200"]["headers"] = _headers("ETag")
        _describe_answer(operation, schema["components"]["schemas"])
        for status, names in _OF_STATUS.items():
            if status in operation["responses"]:
                operation["responses"][status].setdefault("headers", {}).update(_headers(*names))
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in _PARAMETER_EXAMPLES and "example" not in parameter:
                parameter.setdefault("example", _PARAMETER_EXAMPLES[parameter["name"]])
        if operation["operationId"] in _REPEATABLE:
            operation["x-repeatable"] = True
        _document_pages(operation, schema["components"]["schemas"])
        _show(operation, examples.get(operation["operationId"], {}))
        operation["responses"] = dict(sorted(operation["responses"].items()))
    return schema


def _operations(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _about_keys() -> str:
    rights = "; ".join(f"`{name}`: {text.en}" for name, text in RIGHTS.items())
    made = "A key of `sancho key create --name NAME --right RIGHT`, sent as `Authorization: Bearer KEY`."
    return f"{made} Rights: {rights}."


def _document_rights(operation: dict[str, Any]) -> None:
    """One of the rights is needed, and enough; a person has those of the role."""
    name = operation["operationId"]
    rights = [[]] if name in OF_ONESELF else [[right] for right in needed(name)]
    operation["security"] = [{scheme: right} for right in rights for scheme in ("HTTPBearer", _COOKIE)]


def _document_codes(operation: dict[str, Any], expected: Iterable[str]) -> None:
    """Each problem's status, with all its codes."""
    responses = operation["responses"]
    codes: dict[str, set[str]] = {}
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            codes[status] = set(response.pop(CODES, ()))
    for code in expected:
        codes.setdefault(str(STATUS.get(code, 422)), set()).add(code)
    for status, named in codes.items():
        response = responses.setdefault(status, {})
        response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        listed = ", ".join(f"`{code}`" for code in sorted(named))
        response["description"] = f"{HTTPStatus(int(status)).phrase}. `code`: {listed}."
        response[CODES] = sorted(named)


def _expected(operation: Mapping[str, Any]) -> Iterator[str]:
    yield from _ALWAYS
    for parameter in operation.get("parameters", ()):
        yield from _OF_PARAMETER.get(parameter["name"], ())
    body = operation.get("requestBody")
    if body is not None:
        yield from _OF_BODY
        yield from _OF_JSON if "application/json" in body["content"] else ()


def _describe_answer(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """What an answer is, in the words of its schema in place of FastAPI's."""
    for answer in operation["responses"].values():
        if answer.get("description") == "Successful Response":
            content, *_ = answer["content"].values()
            name = content["schema"].get("$ref", "").rpartition("/")[2]
            answer["description"] = schemas[name]["description"] if name else operation["summary"]


def _document_pages(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Which field of the answer holds the rows of a page: the one before `next_cursor`."""
    if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())):
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        fields = list(schemas[answer.rpartition("/")[2]]["properties"])
        operation["x-rows"] = fields[fields.index("next_cursor") - 1]


def _headers(*names: str) -> dict[str, Any]:
    return {name: _HEADERS[name] for name in names}


def _show(operation: dict[str, Any], example: Mapping[str, Any]) -> None:
    """Puts what was once sent and answered into the description of a call."""
    if "request" in example:
        for kind, content in operation["requestBody"]["content"].items():
            sent = example["request"]
            content.setdefault("example", {"file": sent} if kind == "multipart/form-data" else sent)
    if "response" in example:
        for status, response in operation["responses"].items():
            if int(status) < HTTPStatus.MULTIPLE_CHOICES:
                for content in response.get("content", {}).values():
                    content.setdefault("example", example["response"])
