"""How are errors answered? With RFC 9457 problem details, never a stack trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from crm.errors import SanchoError
from crm.i18n import Language, Text
from service.language import negotiate
from service.logs import log_event
from service.request_error import RequestError, TooOftenError, outside_failure

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: Text("リクエストが正しくありません", "Bad request"),
    401: Text("認証が必要です", "Authentication required"),
    403: Text("許可されていません", "Forbidden"),
    404: Text("見つかりません", "Not found"),
    405: Text("このメソッドには対応していません", "Method not allowed"),
    409: Text("現在の状態では実行できません", "Conflict with the current state"),
    413: Text("内容が大きすぎます", "Content too large"),
    415: Text("この形式には対応していません", "Unsupported media type"),
    422: Text("内容を確認してください", "Invalid content"),
    408: Text("時間内に届きませんでした", "Not received in time"),
    429: Text("回数が多すぎます", "Too many requests"),
    431: Text("ヘッダーが大きすぎます", "Header fields too large"),
    500: Text("サーバー内部でエラーが発生しました", "Internal error"),
    503: Text("準備中です", "Not ready"),
}
_ERRORS_TOLD = 100  # of one request
_NOT_JSON = Text("リクエスト本文をJSONとして読めません。", "the body is not valid JSON.")
METHOD_NOT_ALLOWED = Text(
    "このアドレスはこのメソッドに対応していません。/openapi.json を確認してください。",
    "this address does not support this method; see /openapi.json.",
)
_DETAILS = {
    400: _NOT_JSON,
    404: Text(
        "このアドレスには何もありません。/openapi.json を確認してください。",
        "there is nothing at this address; see /openapi.json.",
    ),
    405: METHOD_NOT_ALLOWED,
    500: Text(
        "予期しないエラーが発生しました。サーバーのログを確認してください。",
        "an unexpected error occurred; see the server log.",
    ),
}
# HTTP status by error code; all others, which the sender can fix, are 422.
STATUS = {
    "unknown_deal": 404,
    "unknown_recommendation": 404,
    "unknown_bottleneck": 404,
    "unknown_row": 404,
    "unknown_scope": 404,
    "unknown_table": 404,
    "unknown_model": 404,
    "internal_error": 500,
    "no_credential": 401,
    "not_allowed": 403,
    "session_ended": 401,
    "card_expired": 401,
    "bad_token": 401,
    "wrong_password": 401,
    "bad_link": 401,
    "sign_in_refused": 401,
    "stale_sign_in": 401,
    "csrf": 403,
    "not_a_person": 403,
    "not_in_people": 403,
    "email_not_verified": 403,
    "no_local_sign_in": 403,
    "no_provider": 404,
    "provider_unavailable": 503,
    "too_many_attempts": 429,
    "too_many_calls": 429,
    "too_many_computations": 429,
    "unknown_host": 400,
    "bad_path": 400,
    "bad_json": 400,
    "too_large": 413,
    "unsupported_media_type": 415,
    "no_model": 503,
    "currency_changed": 503,
    "unknown_job": 404,
    "unknown_webhook": 404,
    "unknown_channel": 404,
    "unknown_agreement": 404,
    "saved_elsewhere": 409,
    "job_ended": 409,
    "no_file": 400,
    "unknown_version": 404,
    "no_shadow": 404,
    "no_earlier_model": 409,
    "promoted_elsewhere": 409,
    "nothing_to_compare": 409,
    "is_champion": 409,
    "not_ready": 503,
    "busy": 503,
    "no_room": 503,
    "store_unavailable": 503,
    "registry_unavailable": 503,
}


_HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "60"},
    503: {"Retry-After": "5"},
}


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        examples=["deal 'D-1' is not known at that time; GET /v1/deals lists the open deals."]
    )
    code: str = Field(examples=["unknown_deal"], description="Stable name of the kind of error")
    instance: str | None = Field(None, examples=["/v1/deals/D-1"])
    errors: list[dict[str, Any]] | None = Field(None, description="Where in the request: {location, message}")
    line: int | None = Field(None, description="Of a batch: which line could not be answered")


def problem_response(
    request: Request,
    status: int,
    code: str,
    detail: Text,
    errors: Sequence[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response to an error, in the reader's language."""
    lang = language_of(request)
    return Response(
        orjson.dumps(problem(lang, request.scope["path"], status, code, detail, errors)),
        status,
        headers={"Content-Language": lang, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def problem(
    lang: Language,
    path: str,
    status: int,
    code: str,
    detail: Text,
    errors: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Problem details of an error."""
    title = _TITLES.get(status, Text("エラー", "Error"))
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title.to(lang),
        "status": status,
        "detail": detail.to(lang),
        "code": code,
        "instance": path,
    }
    return {**body, "errors": list(errors)} if errors else body


def problem_of(error: Exception, lang: Language, path: str) -> dict[str, Any]:
    """Problem details of whatever went wrong with one of many requests in one; the unexpected is logged."""
    if isinstance(error, ValidationError):
        return problem(lang, path, *_invalid_fields(error.errors(), lang))
    known = error if isinstance(error, SanchoError) else outside_failure(error)
    if known is None:
        log_event("sancho.service", "error", "unexpected", path=path, exc_info=error)
        return problem(lang, path, 500, "internal_error", _DETAILS[500])
    return problem(
        lang, path, STATUS.get(known.code, 422), known.code, known.text, _request_errors(known, lang)
    )


def language_of(request: Request) -> Language:
    """The language of an answer to a request."""
    default: Language = getattr(request.app.state, "language", "ja")
    return negotiate(request.headers.get("accept-language"), default)


def install_handlers(app: FastAPI) -> None:
    """Registers handlers so that every error of the application becomes problem details."""
    app.add_exception_handler(SanchoError, _sancho_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def refuse(request: Request, error: Exception) -> Response:
    """The response to an error that was met before the application was asked."""
    known = error if isinstance(error, SanchoError) else outside_failure(error)
    if known is None:
        raise error
    return _problem_of(request, known)


async def _sancho_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SanchoError)  # noqa: S101 - registered for it
    return _problem_of(request, error)


def _problem_of(request: Request, error: SanchoError) -> Response:
    status = STATUS.get(error.code, 422)
    errors = _request_errors(error, language_of(request))
    headers = _HEADERS.get(status)
    if isinstance(error, TooOftenError):
        headers = {"Retry-After": str(error.seconds)}
    return problem_response(request, status, error.code, error.text, errors, headers)


def _request_errors(error: SanchoError, lang: Language) -> list[dict[str, Any]] | None:
    if not isinstance(error, RequestError):
        return None
    return [{"location": where, "message": text.to(lang)} for where, text in error.errors]


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    return problem_response(request, *_invalid_fields(error.errors(), language_of(request)))


def _invalid_fields(
    details: Sequence[Any], lang: Language
) -> tuple[int, str, Text, list[dict[str, Any]] | None]:
    """Status, code, detail and places of what a schema found wrong."""
    if any(detail["type"] == "json_invalid" for detail in details):
        return 400, "bad_json", _NOT_JSON, None
    errors = [
        {"location": ".".join(str(part) for part in item["loc"]), "message": _reason(item).to(lang)}
        for item in details[:_ERRORS_TOLD]
    ]
    text = Text(
        "{n}か所にエラーがあります。errors を確認してください。", "{n} fields are invalid; see errors."
    )
    if len(details) > len(errors):
        text = Text(
            "{n:,}か所にエラーがあります。errors は最初の{told}件です。",
            "{n:,} fields are invalid; errors has the first {told}.",
        )
    return 422, "invalid_request", text.format(n=len(details), told=len(errors)), errors


def invalid_field(fault: ValidationError, called: Mapping[str, Text]) -> Text:
    """What the first field is that a schema found wrong, and why; `called`: what fields are called."""
    first = fault.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    field = called.get(name, Text(name, name))
    return Text("{field}：{reason}", "{field}: {reason}").format(field=field, reason=_reason(first))


_REASONS = {
    "missing": Text("必須です。", "is required."),
    "extra_forbidden": Text("この項目はありません。", "is not a known field."),
    "string_type": Text("文字列を指定してください。", "must be text."),
    "datetime_parsing": Text(
        "日時は 2026-11-20T09:00+09:00 の形で指定してください。",
        "must be a time like 2026-11-20T09:00+09:00.",
    ),
    "datetime_from_date_parsing": Text(
        "日時は 2026-11-20T09:00+09:00 の形で指定してください。",
        "must be a time like 2026-11-20T09:00+09:00.",
    ),
    "date_parsing": Text("日付は 2026-11-20 の形で指定してください。", "must be a date like 2026-11-20."),
    "date_from_datetime_parsing": Text(
        "日付は 2026-11-20 の形で指定してください。", "must be a date like 2026-11-20."
    ),
    "float_parsing": Text("数値を指定してください。", "must be a number."),
    "float_type": Text("数値を指定してください。", "must be a number."),
    "finite_number": Text("有限の数値を指定してください。", "must be a finite number."),
    "int_parsing": Text("整数を指定してください。", "must be a whole number."),
    "bool_type": Text("true または false を指定してください。", "must be true or false."),
    "bool_parsing": Text("true または false を指定してください。", "must be true or false."),
    "greater_than_equal": Text("{ge:g}以上を指定してください。", "must be at least {ge:g}."),
    "less_than_equal": Text("{le:g}以下を指定してください。", "must be at most {le:g}."),
    "far_date": Text("1900年から2199年までの日付を指定してください。", "must be a date of 1900 to 2199."),
    "many_columns": Text(
        "項目は{most:,}個以内にしてください（{found:,}個ありました）。",
        "must have at most {most:,} fields (there are {found:,}).",
    ),
    "literal_error": Text("{expected} のいずれかを指定してください。", "must be one of {expected}."),
    "string_pattern_mismatch": Text("次の形で指定してください：{pattern}", "must have the form {pattern}"),
    "string_too_long": Text(
        "{max_length}文字以内にしてください。", "must have at most {max_length} characters."
    ),
    "string_too_short": Text(
        "{min_length}文字以上にしてください。", "must have at least {min_length} characters."
    ),
    "too_long": Text("{max_length}個以内にしてください。", "must have at most {max_length} entries."),
    "model_attributes_type": Text("オブジェクトを指定してください。", "must be an object."),
    "dict_type": Text("オブジェクトを指定してください。", "must be an object."),
    "list_type": Text("配列を指定してください。", "must be a list."),
}


def _reason(error: Mapping[str, Any]) -> Text:
    known = _REASONS.get(str(error["type"]), Text("値を確認してください（{msg}）。", "is invalid ({msg})."))
    return known.format(msg=error.get("msg", ""), **(error.get("ctx") or {}))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    plain = str(error.detail)
    told = getattr(error, "text", None)
    detail = told if isinstance(told, Text) else _DETAILS.get(error.status_code, Text(plain, plain))
    known = {400: "bad_json", 404: "unknown_address", 405: "method_not_allowed", 413: "too_large"}
    code = known.get(error.status_code, "http_error")
    return problem_response(request, error.status_code, code, detail, headers=error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    failure = outside_failure(error)
    if failure is not None:
        return await _sancho_error(request, failure)
    log_event("sancho.service", "error", "unexpected", path=request.scope["path"], exc_info=error)
    return problem_response(request, 500, "internal_error", _DETAILS[500])
