"""Does the REST interface keep what docs/openapi.json documents?"""

from __future__ import annotations

import copy
import json
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
_TEXTS = {"description", "summary", "title", "example", "examples", "version"}
_LIMITS = {
    "additionalProperties", "const", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "maxItems",
    "maxLength", "maximum", "minItems", "minLength", "minimum", "pattern", "type",
}  # fmt: skip
_NAMED = {"properties", "schemas", "paths", "responses", "content"}  # their keys are names, not keywords
Found = tuple[bool, str]  # whether it breaks a client, and what it is


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Found]:
    """What differs between two descriptions of an interface: additions, and what breaks a client."""
    sent = _sent(new)
    return list(_differences(old, new, (), sent))


def _sent(api: Mapping[str, Any]) -> set[str]:
    """Names of the schemas that requests are checked by."""
    schemas = api.get("components", {}).get("schemas", {})
    found: set[str] = set()
    waiting = [
        operation.get("requestBody", {})
        for path in api.get("paths", {}).values()
        for operation in path.values()
    ]
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference)}:
                name = reference.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    waiting.append(schemas[name])
            case dict() as node:
                waiting += node.values()
            case list() as nodes:
                waiting += nodes
    return found


def _differences(old: Any, new: Any, path: tuple[str, ...], sent: set[str]) -> Iterator[Found]:
    place, last = "/".join(path), path[-1] if path else ""
    named = len(path) > 1 and path[-2] in _NAMED
    if not named and last in _TEXTS and not isinstance(old, Mapping):
        if old != new:
            yield False, f"{place}: another text"
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            text, limit = last not in _NAMED and key in _TEXTS, last not in _NAMED and key in _LIMITS
            if key not in new:
                yield not text, f"{place}/{key}: removed"
            elif key not in old:
                required = key == "required" and _is_sent(path, sent)
                yield limit or required, f"{place}/{key}: added"
            else:
                yield from _differences(old[key], new[key], (*path, key), sent)
    elif last == "parameters" and isinstance(old, list):
        before, after = ({(one["name"], one["in"]): one for one in side} for side in (old, new))
        for key in [*before, *(key for key in after if key not in before)]:
            where = f"{place}/{key[0]}"
            if key not in after:
                yield True, f"{where}: removed"
            elif key not in before:
                yield after[key].get("required", False), f"{where}: added"
            else:
                yield from _differences(before[key], after[key], (*path, key[0]), sent)
    elif isinstance(old, list) and isinstance(new, list):
        before, after = ([json.dumps(one, sort_keys=True) for one in side] for side in (old, new))
        # A field that must be sent from now on breaks who sends, one that may be missing who reads.
        for one in sorted({*before, *after}):
            if one not in after:
                yield last != "required" or not _is_sent(path, sent), f"{place}: {one} removed"
            elif one not in before:
                yield last == "required" and _is_sent(path, sent), f"{place}: {one} added"
    elif old != new:
        yield True, f"{place}: {old!r} became {new!r}"


def _is_sent(path: tuple[str, ...], sent: set[str]) -> bool:
    return path[:2] == ("components", "schemas") and path[2] in sent


def test_the_interface_is_the_documented_one() -> None:
    generated = runpy.run_path(str(DOCS / "generate.py"))["openapi"]()
    committed = (DOCS / "openapi.json").read_text("utf-8")
    found = changes(json.loads(committed), json.loads(generated))
    breaking = "\n  ".join(what for breaks, what in found if breaks)
    assert not breaking, (
        "REST lost or changed what docs/openapi.json documents; programs rely on it: restore it "
        f"(where it must change, say so in CHANGELOG.md and run: python docs/generate.py):\n  {breaking}"
    )
    added = "\n  ".join(what for _, what in found)
    assert generated == committed, f"run: python docs/generate.py to add\n  {added}"


@pytest.fixture
def api() -> dict[str, Any]:
    shape: dict[str, Any] = {
        "properties": {"title": {"type": "string", "description": "a"}, "n": {"type": "integer"}},
        "required": ["title"],
    }
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Sent"}}}}
    parameter = {"name": "scope", "in": "query", "required": False}
    return {
        "paths": {"/a": {"post": {"operationId": "a", "requestBody": body, "parameters": [parameter]}}},
        "components": {"schemas": {"Sent": shape, "Answer": copy.deepcopy(shape)}},
    }


def test_an_interface_is_the_same_as_itself(api: dict[str, Any]) -> None:
    assert changes(api, copy.deepcopy(api)) == []


@pytest.mark.parametrize("kind", ["Sent", "Answer"])
def test_new_fields_and_texts_are_additions(api: dict[str, Any], kind: str) -> None:
    new = copy.deepcopy(api)
    shape = new["components"]["schemas"][kind]
    shape["properties"]["more"] = {"type": "string"}
    shape["properties"]["title"]["description"] = "b"
    new["paths"]["/b"] = {"get": {}}
    new["paths"]["/a"]["post"]["parameters"].append({"name": "as_of", "in": "query", "required": False})
    found = changes(api, new)
    assert len(found) == 4
    assert not any(breaks for breaks, _ in found)


@pytest.mark.parametrize("kind", ["Sent", "Answer"])
def test_a_field_that_goes_or_changes_its_type_breaks_clients(api: dict[str, Any], kind: str) -> None:
    new = copy.deepcopy(api)
    del new["components"]["schemas"][kind]["properties"]["title"]
    new["components"]["schemas"][kind]["properties"]["n"]["type"] = "string"
    assert changes(api, new) == [
        (True, f"components/schemas/{kind}/properties/title: removed"),
        (True, f"components/schemas/{kind}/properties/n/type: 'integer' became 'string'"),
    ]


def test_openapi_check_finds_a_new_required_field_of_a_request(api: dict[str, Any]) -> None:
    new = copy.deepcopy(api)
    for kind in ("Sent", "Answer"):
        new["components"]["schemas"][kind]["required"].append("n")
    new["components"]["schemas"]["Sent"]["properties"]["n"]["maximum"] = 5
    new["paths"]["/a"]["post"]["parameters"] += [{"name": "key", "in": "query", "required": True}]
    assert {what for breaks, what in changes(api, new) if breaks} == {
        'components/schemas/Sent/required: "n" added',
        "components/schemas/Sent/properties/n/maximum: added",
        "paths//a/post/parameters/key: added",
    }


def test_a_field_that_may_be_missing_breaks_who_reads_it(api: dict[str, Any]) -> None:
    new = copy.deepcopy(api)
    for kind in ("Sent", "Answer"):
        new["components"]["schemas"][kind]["required"] = []
    assert [what for breaks, what in changes(api, new) if breaks] == [
        'components/schemas/Answer/required: "title" removed'
    ]


def test_an_address_that_goes_breaks_clients(api: dict[str, Any]) -> None:
    assert changes(api, {**api, "paths": {}}) == [(True, "paths//a: removed")]
