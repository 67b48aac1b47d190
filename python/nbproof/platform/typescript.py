"""TypeScript types and one function per operation, read off the OpenAPI document.

``python -m nbproof.platform.typescript`` writes ``labextension/src/services/api.ts``; with ``--check``
it only tells whether that file is what it would write.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbproof.core.operation import Operation
from nbproof.platform.openapi import component_name, document
from nbproof.platform.rooms import operations

__all__ = ["TARGET", "main", "typescript"]

TARGET = Path(__file__).parents[3] / "labextension" / "src" / "services" / "api.ts"

# `Error` would hide JavaScript's own; what fails is described where requests are sent.
_BY_HAND = ("Health", "Error")
_FLOAT = "number | 'NaN' | 'Infinity' | '-Infinity'"

_HEAD = """\
// Generated from the operations by `make types`; do not edit.

/** A float in JSON: what JSON has no word for travels as a string. */
export type Float = number | 'NaN' | 'Infinity' | '-Infinity';

/** Sends one request below the API's base and gives the parsed answer. */
export type Requester = <T>(
  method: string,
  path: string,
  query?: Record<string, unknown>,
  body?: unknown
) => Promise<T>;
"""


def typescript(chosen: Sequence[Operation] | None = None) -> str:
    """The whole file, formatted as prettier would (single quotes, no trailing commas)."""
    listed = list(operations() if chosen is None else chosen)
    schemas = document(chosen=listed)["components"]["schemas"]
    asks = {each.ask.__name__ for each in listed}
    parts = [_HEAD]
    for name, schema in schemas.items():
        if name not in asks and name not in _BY_HAND:
            parts.append(_interface(name, schema, every_field=True))
    for name, schema in schemas.items():
        if name in asks:
            parts.append(_interface(name, schema, every_field=False))
    parts.extend(_function(each) for each in listed)
    # One word for what a metric's value is, instead of the whole union each time.
    head, *rest = parts
    return "\n".join([head, *(part.replace(_FLOAT, "Float") for part in rest)])


def _interface(name: str, schema: dict[str, Any], *, every_field: bool) -> str:
    fields = schema.get("properties", {})
    about = _comment(schema.get("description"), "")
    if not fields:
        return f"{about}export type {name} = Record<string, never>;\n"
    required = set(fields) if every_field else set(schema.get("required", ()))
    lines = [f"{about}export interface {name} {{"]
    for field, inner in fields.items():
        mark = "" if field in required else "?"
        lines.append(f"{_comment(inner.get('description'), '  ')}  {field}{mark}: {_type(inner, '  ')};")
    lines.append("}\n")
    return "\n".join(lines)


def _type(schema: dict[str, Any], indent: str = "") -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return " | ".join(_literal(value) for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(_type(option, indent) for option in schema[several]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": each}, indent) for each in kind)
    if kind == "array":
        inner = _type(schema.get("items", {}), indent)
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if kind == "object":
        fields = schema.get("properties")
        if fields:
            deeper = indent + "  "
            lines = [
                f"{_comment(inner.get('description'), deeper)}{deeper}{name}: {_type(inner, deeper)};"
                for name, inner in fields.items()
            ]
            return "{\n" + "\n".join(lines) + f"\n{indent}}}"
        values = schema.get("additionalProperties")
        return (
            f"Record<string, {_type(values, indent) if isinstance(values, dict) and values else 'unknown'}>"
        )
    return {
        "string": "string",
        "integer": "number",
        "number": "number",
        "boolean": "boolean",
        "null": "null",
    }.get(str(kind), "unknown")


def _function(each: Operation) -> str:
    name = re.sub(r"[._](\w)", lambda match: match[1].upper(), each.name)
    if each.downloads or each.upload:
        # Bytes travel by hand; the path is what a caller needs.
        fields = "; ".join(f"{field}: string" for field in each.path_fields)
        given = f"ask: {{ {fields} }}" if fields else ""
        return (
            f"/** {each.summary} Path only: bytes travel by hand. */\n"
            f"export function {name}Path({given}): string {{\n"
            f"  return `{_path(each)}`;\n}}\n"
        )
    answer = "void" if each.view is None else component_name(each.view)
    nothing = not each.ask.model_fields
    optional = not nothing and all(not field.is_required() for field in each.ask.model_fields.values())
    parameter = "" if nothing else f"  ask: {each.ask.__name__}{' = {}' if optional else ''}\n"
    path = f"`{_path(each)}`" if each.path_fields else f"'{each.path}'"
    others = [field for field in each.ask.model_fields if field not in each.path_fields]
    arguments = [f"'{each.method}'", path]
    rest = "ask"
    lines = []
    if others and each.path_fields:
        taken = ", ".join(f"{field}: _{field}" for field in each.path_fields)
        lines.append(f"  const {{ {taken}, ...rest }} = ask;")
        path = f"`{_path(each, local=True)}`"
        arguments[1] = path
        rest = "rest"
    if each.query_fields:
        arguments.append(f"{{ ...{rest} }}" if others else "{}")
    elif each.body_fields:
        arguments.extend(["undefined", rest])
    lines.append(f"  return request<{answer}>({', '.join(arguments)});")
    comma = "," if parameter else ""
    return (
        f"{_comment(each.summary, '')}export function {name}(\n"
        f"  request: Requester{comma}\n{parameter}): Promise<{answer}> {{\n" + "\n".join(lines) + "\n}\n"
    )


def _path(each: Operation, *, local: bool = False) -> str:
    return re.sub(
        r"\{(\w+)\}",
        lambda match: "${encodeURIComponent(" + (f"_{match[1]}" if local else f"ask.{match[1]}") + ")}",
        each.path,
    )


def _comment(text: str | None, indent: str) -> str:
    first = (text or "").partition("\n\n")[0]
    return f"{indent}/** {' '.join(first.split())} */\n" if first else ""


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else "null" if value is None else str(value).lower()


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file, or with ``--check`` compare it; 1 if it differs."""
    words = sys.argv[1:] if argv is None else list(argv)
    text = typescript()
    if "--check" in words:
        found = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
        if _squeezed(found) == _squeezed(text):
            return 0
        sys.stderr.write(f"{TARGET.name} is not what the operations say; run `make types`\n")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    sys.stdout.write(f"wrote {TARGET}\n")
    return 0


def _squeezed(text: str) -> str:
    # Prettier only moves white space, commas, semicolons and parentheses.
    return re.sub(r"[\s,;()|]+", "", text)


if __name__ == "__main__":
    sys.exit(main())
