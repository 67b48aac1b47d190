"""The OpenAPI 3.1 document, read off the operations."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from nbproof._version import __version__
from nbproof.core.errors import FACES
from nbproof.core.operation import Operation
from nbproof.platform.rooms import operations

__all__ = ["BASE_PATH", "component_name", "document"]

BASE_PATH = "/nbproof/api/v1"
_REF = "#/components/schemas/{model}"

_ERROR_SCHEMA = {
    "type": "object",
    "title": "Error",
    "description": "What every failure looks like.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint", "details"],
            "properties": {
                "code": {"type": "string", "description": "A word for programs."},
                "message": {"type": "string", "description": "What was found and what was expected."},
                "hint": {"type": ["string", "null"], "description": "What to do about it."},
                "details": {"type": "object", "description": "Facts for programs, such as the field."},
            },
        }
    },
}
_HEALTH_SCHEMA = {
    "type": "object",
    "title": "Health",
    "required": ["status", "version"],
    "properties": {"status": {"type": "string"}, "version": {"type": "string"}},
}


def component_name(model: type[BaseModel]) -> str:
    """The name of a model in the document: ``Page[Run]`` is ``RunPage``."""
    name = model.__name__
    if "[" in name:
        generic, _, inner = name.rstrip("]").partition("[")
        return inner.rpartition(".")[2] + generic
    return name


def document(*, server: str = BASE_PATH, chosen: Sequence[Operation] | None = None) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all operations.

    Parameters
    ----------
    server : str
        Where the paths hang, such as ``/user/ann/nbproof/api/v1``.
    chosen : sequence of Operation, optional
        Instead of all.
    """
    listed = list(operations() if chosen is None else chosen)
    schemas = _schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for each in listed:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    paths["/health"] = {
        "get": _fixed("health", "Tell whether the server answers.", {"$ref": _REF.format(model="Health")})
    }
    paths["/openapi.json"] = {"get": _fixed("openapi", "This document.", {"type": "object"})}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nbproof",
            "version": __version__,
            "description": "Experiments, runs and what later joins them. Lists are pages: `{items, next}`; "
            "ask for the rest with `after`. Instants are RFC 3339 in UTC. NaN and the infinities are the "
            "strings NaN, Infinity and -Infinity; integers beyond 2^53 are strings.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(each) for each in listed)]
        + [{"name": "system"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR_SCHEMA, "Health": _HEALTH_SCHEMA},
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`token <the server's token>`; a browser's cookie does as well.",
                }
            },
            "parameters": {
                "workspace": {
                    "name": "workspace",
                    "in": "query",
                    "required": False,
                    "description": "Id of a workspace, from GET /workspaces; by default the served folder's.",
                    "schema": {"type": "string"},
                }
            },
        },
    }


def _schemas(listed: Sequence[Operation]) -> dict[str, Any]:
    asks = {each.ask: None for each in listed}
    views = {
        each.view: None for each in listed if isinstance(each.view, type) and issubclass(each.view, BaseModel)
    }
    pairs = [(model, "validation") for model in asks] + [(model, "serialization") for model in views]
    _, definitions = models_json_schema(pairs, ref_template=_REF)  # type: ignore[arg-type]
    found: dict[str, Any] = definitions.get("$defs", {})
    # Pydantic calls Page[Run] `Page_Run_`; people would not.
    renamed = {name: _plain_name(name) for name in found}
    for schema in found.values():
        # A docstring's first sentence describes; its examples and sections are for Python readers.
        if "description" in schema:
            schema["description"] = schema["description"].partition("\n\n")[0]
    return {renamed[name]: _renamed(schema, renamed) for name, schema in sorted(found.items())}


def _plain_name(name: str) -> str:
    if name.startswith("Page_"):
        return name.removeprefix("Page_").rstrip("_") + "Page"
    return name


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, dict):
        changed = {key: _renamed(value, names) for key, value in schema.items()}
        reference = changed.get("$ref")
        if isinstance(reference, str):
            head, _, last = reference.rpartition("/")
            changed["$ref"] = f"{head}/{names.get(last, last)}"
        return changed
    if isinstance(schema, list):
        return [_renamed(value, names) for value in schema]
    return schema


def _operation(each: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    fields = schemas[each.ask.__name__].get("properties", {})
    required = set(schemas[each.ask.__name__].get("required", ()))
    described: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "description": each.description,
        "tags": [_tag(each)],
        "x-nbproof-action": each.action,
        "parameters": [
            *(_parameter(name, "path", fields[name], required=True) for name in each.path_fields),
            *(
                _parameter(name, "query", fields[name], required=name in required)
                for name in each.query_fields
            ),
            {"$ref": "#/components/parameters/workspace"},
        ],
        "responses": {str(each.status): _answer(each), **_failures(each)},
    }
    if each.cli:
        described["x-nbproof-command"] = f"nbproof {each.cli}"
    if each.python:
        described["x-nbproof-python"] = f"nbproof.{each.python}"
    if each.magic:
        described["x-nbproof-magic"] = f"%{each.magic}"
    if each.upload:
        described["requestBody"] = {
            "required": True,
            "description": "The bytes of the file.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    elif each.body_fields:
        body = {
            "type": "object",
            "title": each.ask.__name__,
            "additionalProperties": False,
            "properties": {name: fields[name] for name in each.body_fields},
        }
        needed = [name for name in each.body_fields if name in required]
        if needed:
            body["required"] = needed
        described["requestBody"] = {
            "required": bool(needed),
            "content": {"application/json": {"schema": body}},
        }
    return described


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    inner = copy.deepcopy(schema)
    described = {"name": name, "in": place, "required": required, "schema": inner}
    text = inner.pop("description", None)
    if text:
        described["description"] = text
    return described


def _answer(each: Operation) -> dict[str, Any]:
    if each.downloads:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        return {"description": "The file.", "content": content}
    if each.view is None:
        return {"description": "Done."}
    schema = {"$ref": _REF.format(model=component_name(each.view))}
    return {"description": each.summary, "content": {"application/json": {"schema": schema}}}


def _failures(each: Operation) -> dict[str, Any]:
    described = {}
    for kind, shown in FACES.items():
        about = (kind.__doc__ or "").partition("\n")[0]
        described[str(shown.status)] = {
            "description": about.strip(),
            "content": {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}},
        }
    return described


def _fixed(name: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["system"],
        "responses": {"200": {"description": summary, "content": {"application/json": {"schema": schema}}}},
    }


def _tag(each: Operation) -> str:
    return each.name.partition(".")[0]
