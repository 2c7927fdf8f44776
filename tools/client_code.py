"""What is the Python client's code? Made from the OpenAPI: a method per operation, a type per schema.

`python docs/generate.py` writes `sancho/client.py` and `sancho/client_types.py`; a test fails where they
are not up to date. What the methods do (connections, retries, errors) is written by hand in
`sancho/http_client.py`.
"""

from __future__ import annotations

import keyword
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"
_LINE = 110
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
JSON, NDJSON, BYTES = "application/json", "application/x-ndjson", "application/octet-stream"
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A field of an object."""

    name: str
    type: str
    about: str


@dataclass(frozen=True)
class Shape:
    """An object's schema; `is_plain`: its fields can be names in a class; `is_open`: others may be sent."""

    name: str
    about: Sequence[str]
    fields: Sequence[Field]
    is_plain: bool
    is_open: bool


@dataclass(frozen=True)
class Parameter:
    """A parameter of a method, and how the service calls it."""

    name: str
    type: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Method:
    """An operation as a method."""

    name: str
    about: Sequence[str]
    http_method: str
    path: str
    in_path: Sequence[Parameter]
    in_query: Sequence[Parameter]
    required: Sequence[Parameter]  # of the query
    body: str  # its type; empty = none
    body_kind: str  # of the media types above
    may_lack_body: bool
    answer: str
    by_line: bool
    repeatable: bool
    has_key: bool  # an Idempotency-Key makes it repeatable
    rows: str  # the field that holds the rows of a page; empty = no pages
    row_type: str

    @property
    def iterator(self) -> str:
        """What the method over all pages is called."""
        return f"iter_{self.name.partition('_')[2]}"


def client_code(api: Mapping[str, Any]) -> dict[str, str]:
    """The text of both modules by file name."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    shapes = [_shape(name, schema) for name, schema in sorted(api["components"]["schemas"].items())]
    methods = [
        _method(path, name, operation, api)
        for path, operations in api["paths"].items()
        for name, operation in operations.items()
        if "sign-in" not in operation.get("tags", ()) and _answers(operation)  # that is what a browser does
    ]
    used = {word for one in methods for word in _words(one)} & {shape.name for shape in shapes}
    names = sorted(used, key=str.lower)
    texts = {
        "client_types.py": environment.get_template("client_types.py.j2").render(shapes=shapes),
        "client.py": environment.get_template("client.py.j2").render(methods=methods, used=names),
    }
    return {name: _formatted(text) for name, text in texts.items()}


def _words(method: Method) -> Iterator[str]:
    for text in (method.body, method.answer, method.row_type):
        yield from text.replace("[", " ").replace("]", " ").replace(",", " ").split()


def _answers(operation: Schema) -> bool:
    """Whether an operation answers in JSON; what does not (Prometheus' figures) is for other programs."""
    return any(kind in (JSON, NDJSON) for kind in _success(operation).get("content", {}))


def _success(operation: Schema) -> Schema:
    found: Schema = next(answer for status, answer in operation["responses"].items() if status < "300")
    return found


def _method(path: str, http_method: str, operation: Schema, api: Schema) -> Method:
    given = operation.get("parameters", ())
    parameters = {
        place: [
            _parameter(one) for one in given if one["in"] == place and one.get("required", False) is required
        ]
        for place, required in (("path", True), ("query", False))
    }
    required = [_parameter(one) for one in given if one["in"] == "query" and one.get("required")]
    body_kind, body = _body(operation)
    (answer_kind, answer), *_ = _success(operation)["content"].items()
    answer_type = type_of(answer["schema"])
    rows = operation.get("x-rows", "")
    row_type = ""
    if rows:
        schema = api["components"]["schemas"][answer["schema"]["$ref"].rpartition("/")[2]]
        row_type = type_of(schema["properties"][rows]["items"])
    by_line = answer_kind == NDJSON
    return Method(
        name=operation["operationId"],
        about=_about(operation),
        http_method=http_method.upper(),
        path=path,
        in_path=parameters["path"],
        in_query=parameters["query"],
        required=required,
        body=body,
        body_kind=body_kind,
        may_lack_body=body_kind == JSON and not operation["requestBody"].get("required", False),
        answer=f"Iterator[{answer_type} | Problem]" if by_line else answer_type,
        by_line=by_line,
        has_key=any(one["name"] == "Idempotency-Key" for one in given),
        repeatable=http_method in ("get", "put", "delete") or bool(operation.get("x-repeatable")),
        rows=rows,
        row_type=row_type,
    )


def _about(operation: Schema) -> list[str]:
    """The lines of a method's docstring."""
    security = operation.get("security", ())
    rights = " or ".join(f"`{right}`" for one in security for right in one.get("HTTPBearer", ()))
    lines = [operation["summary"].rstrip(".") + ".", ""]
    for paragraph in operation["description"].strip().split("\n\n"):
        lines += [*([] if lines[-1] == "" else [""]), *wrap(" ".join(paragraph.split()), _LINE - 10)]
    return [*lines, "", f"Needs the right {rights}."] if rights else lines


def _body(operation: Schema) -> tuple[str, str]:
    """The kind of a body, and its type."""
    content = operation.get("requestBody", {}).get("content", {})
    if BYTES in content:
        return BYTES, "bytes | Iterable[bytes]"
    if NDJSON in content:
        schema = content[NDJSON]["schema"]
        if "$ref" in schema:
            return NDJSON, f"Iterable[{type_of(schema)}]"
        return NDJSON, "Iterable[Mapping[str, Any]] | bytes | str"
    return (JSON, type_of(content[JSON]["schema"])) if JSON in content else ("", "")


def _parameter(one: Schema) -> Parameter:
    return Parameter(one["name"], type_of(one["schema"]), one.get("description", ""))


def _shape(name: str, schema: Schema) -> Shape:
    required = schema.get("required", ())
    fields = [
        Field(
            key,
            type_of(value) if key in required else f"NotRequired[{type_of(value)}]",
            _meaning(key, value),
        )
        for key, value in schema.get("properties", {}).items()
    ]
    is_plain = all(field.name.isidentifier() and not keyword.iskeyword(field.name) for field in fields)
    about = _docstring(" ".join(schema.get("description", "").split()) or name, _LINE - 10)
    return Shape(name, about, fields, is_plain, schema.get("additionalProperties") is True)


def _meaning(name: str, schema: Schema) -> str:
    """What a field means, where more is said of it than its name."""
    title = str(schema.get("title", ""))
    said = str(schema.get("description", "" if title == name.replace("_", " ").title() else title))
    return " ".join(said.split())


def _docstring(text: str, width: int) -> list[str]:
    """The lines of a docstring: a first one by itself, then what is left."""
    if len(text) <= width:
        return [text]
    cut = max(text.rfind(mark, 0, width) for mark in (". ", "; ", ": ", ", "))
    rest = text[cut + 2 :]
    return [f"{text[:cut]}.", "", *wrap(f"{rest[0].upper()}{rest[1:]}", width)]


def type_of(schema: Schema) -> str:
    """The Python type of a schema.

    >>> type_of({"anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "null"}]})
    'list[float] | None'
    >>> type_of({"type": "string", "enum": ["a", "b"]}), type_of({"$ref": "#/components/schemas/Deal"})
    ("Literal['a', 'b']", 'Deal')
    >>> type_of({"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]}), type_of({})
    ('tuple[float, str]', 'Any')
    """
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(type_of(one) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return f"Literal[{', '.join(map(repr, schema.get('enum', [schema.get('const')])))}]"
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return f"tuple[{', '.join(type_of(one) for one in schema['prefixItems'])}]"
        return f"list[{type_of(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {type_of(values) if isinstance(values, Mapping) else 'Any'}]"
    return _PLAIN.get(str(kind), "Any")


def _formatted(text: str) -> str:
    """Code as the formatter of the project writes it."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--line-length",
        str(_LINE),
        "--stdin-filename",
        "x.py",
        "-",
    ]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout
