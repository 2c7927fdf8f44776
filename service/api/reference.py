"""How is the REST interface read without the internet? As a page made from the OpenAPI, without scripts.

The page is made once for each language, when it is first asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from crm.i18n import Language, Text
from service.access_rules import RIGHTS
from service.api.responses import CODES, respond
from service.problems import language_of
from service.representation import Representation

_STYLE_PATH = "/docs/reference.css"
# Its own style sheet and nothing else: no script, no picture, no form, no frame.
_POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_FOLDER = files("service.api").joinpath("pages")
WORDS: Mapping[str, Text] = {
    "title": Text("REST APIリファレンス", "REST API reference"),
    "version": Text("バージョン", "Version"),
    "machine": Text("OpenAPI（JSON）", "OpenAPI (JSON)"),
    "contents": Text("目次", "Contents"),
    "right": Text("必要な権限", "Right"),
    "or": Text("または", "or"),
    "no_right": Text("キーは不要です", "Needs no key"),
    "parameters": Text("パラメーター", "Parameters"),
    "name": Text("名前", "Name"),
    "type": Text("型", "Type"),
    "meaning": Text("意味", "Meaning"),
    "place_path": Text("パス", "path"),
    "place_query": Text("クエリ", "query"),
    "place_header": Text("ヘッダー", "header"),
    "place_cookie": Text("クッキー", "cookie"),
    "required": Text("必須", "required"),
    "default": Text("既定値", "Default"),
    "body": Text("リクエスト本文", "Request body"),
    "answers": Text("応答", "Answers"),
    "status": Text("ステータス", "Status"),
    "example": Text("例", "Example"),
    "codes": Text("code の値", "Values of `code`"),
    "schemas": Text("データの形", "Schemas"),
    "field": Text("項目", "Field"),
    "open": Text("ほかの項目（独自の列）も送れます。", "Further fields (own columns) may be sent."),
    "nullable": Text("null可", "or null"),
    "list_of": Text("の配列", "list of"),
    "map_of": Text("（名前ごと）", "by name:"),
    "any": Text("任意の値", "anything"),
}
_PLAIN: Mapping[str, Text] = {
    "string": Text("文字列", "text"),
    "integer": Text("整数", "whole number"),
    "number": Text("数値", "number"),
    "boolean": Text("真偽値", "true or false"),
    "object": Text("オブジェクト", "object"),
}
router = APIRouter(include_in_schema=False)
Schema = Mapping[str, Any]


@router.get("/docs")
async def get_reference(request: Request, lang: str | None = Query(None, pattern="^(ja|en)$")) -> Response:
    """The page, in the reader's language or the one that is asked for."""
    language: Language = "ja" if lang == "ja" else "en" if lang == "en" else language_of(request)
    made: dict[Language, Representation] = request.app.state.reference
    if language not in made:
        made[language] = await run_in_threadpool(_made, request.app.openapi(), language)
    headers = {"Content-Language": language, "Content-Security-Policy": _POLICY}
    return respond(request, made[language], media_type="text/html; charset=utf-8", headers=headers)


@router.get(_STYLE_PATH)
async def get_reference_style(request: Request) -> Response:
    """How the page looks."""
    style = Representation(_FOLDER.joinpath("reference.css").read_bytes())
    return respond(request, style, media_type="text/css; charset=utf-8")


def _made(api: Schema, language: Language) -> Representation:
    return Representation(reference_page(api, language).encode()).prepared()


def reference_page(api: Schema, lang: Language) -> str:
    """The OpenAPI as HTML."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "type": lambda schema: type_of(schema, lang),
        "prose": prose,
        "json": lambda value: (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        ),
    }
    template = environment.from_string(_FOLDER.joinpath("reference.html.j2").read_text("utf-8"))
    return template.render(
        api=api,
        lang=lang,
        other="en" if lang == "ja" else "ja",
        style=_STYLE_PATH,
        words={name: text.to(lang) for name, text in WORDS.items()},
        rights={name: text.to(lang) for name, text in RIGHTS.items()},
        by_tag=list(_by_tag(api)),
        codes_of=CODES,
    )


def _by_tag(api: Schema) -> Iterator[tuple[Schema, list[dict[str, Any]]]]:
    """Each tag with its operations."""
    found = [
        {**operation, "path": path, "method": method.upper()}
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
    ]
    for tag in api["tags"]:
        yield tag, [one for one in found if tag["name"] in one["tags"]]


def type_of(schema: Schema, lang: Language) -> Markup:
    """What a value is, with links to the schemas that it is made of.

    >>> type_of({"type": "array", "items": {"$ref": "#/components/schemas/Deal"}}, "en")
    Markup('list of <a href="#schema-Deal">Deal</a>')
    """
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        kinds = [one for one in schema["anyOf"] if one.get("type") != "null"]
        said = Markup(" | ").join(dict.fromkeys(type_of(one, lang) for one in kinds))
        return said if len(kinds) == len(schema["anyOf"]) else said + f" ({WORDS['nullable'].to(lang)})"
    if "enum" in schema:
        return Markup(" | ").join(Markup("<code>{}</code>").format(value) for value in schema["enum"])
    kind = str(schema.get("type", ""))
    if kind == "array":
        inner = type_of(schema.get("items", {}), lang)
        if "prefixItems" in schema:
            inner = Markup(", ").join(type_of(one, lang) for one in schema["prefixItems"])
            return Markup("[{}]").format(inner)
        of = WORDS["list_of"].to(lang)
        return inner + of if lang == "ja" else Markup("{} {}").format(of, inner)
    values = schema.get("additionalProperties")
    if kind == "object" and isinstance(values, Mapping):
        return Markup("{} {}").format(WORDS["map_of"].to(lang), type_of(values, lang))
    said = escape(_PLAIN[kind].to(lang) if kind in _PLAIN else WORDS["any"].to(lang))
    return said + f" ({schema['format']})" if "format" in schema else said


def prose(text: str) -> Markup:
    """Sentences of the OpenAPI as HTML: paragraphs, and what is between backticks as code.

    >>> prose("Send `a<b>`.")
    Markup('<p>Send <code>a&lt;b&gt;</code>.</p>')
    """
    paragraphs = (str(escape(" ".join(one.split()))) for one in text.strip().split("\n\n"))
    marked = (re.sub(r"`([^`]+)`", r"<code>\1</code>", one) for one in paragraphs)
    return Markup("".join(f"<p>{one}</p>" for one in marked))  # noqa: S704 - each part is escaped above
