"""The OpenAPI document as a page: one HTML file that needs nothing from anywhere else.

Its style and script stand in it and are named by their hashes in the content security policy, so nothing
else can run or be loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["Page", "render"]

Schema = Mapping[str, Any]

_STATIC = Path(__file__).with_name("static")
_METHODS = ("get", "post", "put", "patch", "delete")
_BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} entries",
}
_EXAMPLES: dict[str, Any] = {
    "name": "NAME",
    "key": "auc",
    "value": 0.91,
    "query": "metrics.auc > 0.9",
    "status": "finished",
}


@dataclass(frozen=True, slots=True)
class Page:
    """HTML and the content security policy to send with it."""

    html: bytes
    policy: str


def render(document: Schema) -> Page:
    """The page of an OpenAPI document made by `nbproof.platform.openapi.document`."""
    style = (_STATIC / "page.css").read_text(encoding="utf-8")
    script = (_STATIC / "page.js").read_text(encoding="utf-8")
    html = _page(_Document(document), style, script)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{_digest(style)}'",
            f"script-src 'sha256-{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        )
    )
    return Page(html.encode(), policy)


@dataclass(frozen=True, slots=True)
class _Verb:
    method: str
    path: str
    about: Schema

    @property
    def anchor(self) -> str:
        return str(self.about["operationId"])

    @property
    def tag(self) -> str:
        return str(self.about["tags"][0])


class _Document:
    """The document with what the page asks of it."""

    def __init__(self, document: Schema) -> None:
        self.info: Schema = document["info"]
        self.address: str = document["servers"][0]["url"]
        self._components: Schema = document["components"]
        self.verbs = [
            _Verb(method.upper(), path, item[method])
            for path, item in document["paths"].items()
            for method in _METHODS
            if method in item
        ]
        self.tags = [tag["name"] for tag in document["tags"]]

    def of_tag(self, tag: str) -> list[_Verb]:
        return [verb for verb in self.verbs if verb.tag == tag]

    def resolve(self, part: Schema) -> Schema:
        while "$ref" in part:
            _, _, kind, name = part["$ref"].split("/")
            part = self._components[kind][name]
        return part

    def shapes(self) -> dict[str, Schema]:
        """Schemas that answers use, by name, with those they use in turn."""
        found: dict[str, Schema] = {}
        waiting = [name for verb in self.verbs for name in _references(verb.about["responses"])]
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = self._components["schemas"][name]
                waiting += _references(found[name])
        return dict(sorted(found.items()))


def _page(document: _Document, style: str, script: str) -> str:
    version = escape(str(document.info["version"]))
    tags = [tag for tag in document.tags if document.of_tag(tag)]
    nav = "".join(
        f"<section><h2>{escape(_title(tag))}</h2>"
        f"<ul>{''.join(map(_nav_item, document.of_tag(tag)))}</ul></section>"
        for tag in tags
    )
    rooms = "".join(
        f'<section class="room" id="room-{escape(tag)}"><h2>{escape(_title(tag))}</h2>'
        f"{''.join(_verb(document, verb) for verb in document.of_tag(tag))}</section>"
        for tag in tags
    )
    shapes = "".join(_shape(name, schema) for name, schema in document.shapes().items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>nbproof {version} · REST API</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">To the operations</a>
<header>
<div class="brand"><strong>nbproof</strong><span>REST API</span><span class="version">{version}</span></div>
<label class="search"><span class="hidden">Search operations</span>
<input type="search" id="search" placeholder="Search operations" autocomplete="off" spellcheck="false">
<kbd aria-hidden="true">/</kbd></label>
<a class="raw" href="openapi.json">openapi.json</a>
</header>
<nav aria-label="Operations">{nav}<section><h2>Shapes</h2>
<ul><li><a href="#shapes">What answers hold</a></li></ul></section></nav>
<main id="main">
<section class="intro">
<h1>Everything the panel and the commands do</h1>
<p>{_prose(str(document.info["description"]))}</p>
<pre id="setup"><code>URL=<span id="address">{escape(document.address)}</span>
TOKEN=<i>the server's token</i></code></pre>
<p class="quiet">A failure is always <code>{{"error": {{"code", "message", "hint", "details"}}}}</code>.
Names travel percent-encoded: a slash inside a name is <code>%2F</code>.
Every operation takes <code>?workspace=ID</code>; without it the workspace of the served folder is meant.</p>
</section>
<p id="nothing" role="status" hidden>No operation matches.
<button type="button" id="clear">Show all</button></p>
{rooms}
<section class="room" id="shapes"><h2>Shapes</h2>{shapes}</section>
</main>
<script>{script}</script>
</body>
</html>
"""


def _nav_item(verb: _Verb) -> str:
    return (
        f'<li data-for="{escape(verb.anchor)}"><a href="#{escape(verb.anchor)}">'
        f"{_badge(verb)}<span>{escape(verb.anchor.partition('.')[2] or verb.anchor)}</span></a></li>"
    )


def _verb(document: _Document, verb: _Verb) -> str:
    about = verb.about
    parameters = [document.resolve(each) for each in about.get("parameters", ())]
    path = [each for each in parameters if each["in"] == "path"]
    query = [each for each in parameters if each["in"] == "query" and each["name"] != "workspace"]
    told = str(about.get("description", "")).removeprefix(str(about["summary"])).strip()
    parts = [f"<p>{_prose(told)}</p>"] if told else []
    if path:
        parts.append(_parameters("In the path", path))
    if query:
        parts.append(_parameters("In the query", query))
    parts.append(_body(document, verb))
    parts.append(_answers(verb))
    parts.append(f"<h4>Try it</h4>{_code(_curl(document, verb, query))}")
    others = _other_faces(about)
    if others:
        parts.append(f"<h4>The same elsewhere</h4><ul class='faces'>{others}</ul>")
    action = str(about.get("x-nbproof-action", "read"))
    words = " ".join((verb.method, verb.path, verb.anchor, str(about["summary"]))).lower()
    return f"""<details class="verb" id="{escape(verb.anchor)}" data-words="{escape(words)}">
<summary>{_badge(verb)}<code class="path">{_path(verb.path)}</code>
<span class="about">{_prose(str(about["summary"]))}</span>
<span class="action {escape(action)}" title="What the caller must be allowed to do">{escape(action)}</span>
</summary>
<div class="inside">{"".join(parts)}</div>
</details>
"""


def _parameters(title: str, parameters: Iterable[Schema]) -> str:
    rows = "".join(
        _row(each["name"], each["schema"], each.get("description"), bool(each.get("required")))
        for each in parameters
    )
    return _table(title, rows)


def _body(document: _Document, verb: _Verb) -> str:
    body = verb.about.get("requestBody")
    if body is None:
        return ""
    content = body["content"]
    if "application/json" not in content:
        return f"<h4>Body</h4><p>{_prose(str(body.get('description', 'The bytes of a file.')))}</p>"
    schema = document.resolve(content["application/json"]["schema"])
    return _table("JSON body", "".join(_fields(schema)))


def _answers(verb: _Verb) -> str:
    good, bad = [], []
    for status, answer in sorted(verb.about["responses"].items()):
        schema = next((each["schema"] for each in answer.get("content", {}).values()), None)
        told = _type(schema) if schema is not None else "nothing"
        if status.startswith("2"):
            good.append(f'<li><span class="status good">{status}</span> {told}</li>')
        else:
            about = escape(str(answer["description"]).partition(":")[0].rstrip("."))
            bad.append(f'<span class="status" title="{about}">{status}</span>')
    failures = f'<li class="bad">{" ".join(bad)} {_link("Error")}</li>' if bad else ""
    return f'<h4>Answers</h4><ul class="answers">{"".join(good)}{failures}</ul>'


def _other_faces(about: Schema) -> str:
    faces = (
        ("Python", "x-nbproof-python"),
        ("Command", "x-nbproof-command"),
        ("Magic", "x-nbproof-magic"),
    )
    return "".join(
        f"<li><span>{title}</span><code>{escape(str(about[key]))}</code></li>"
        for title, key in faces
        if key in about
    )


def _shape(name: str, schema: Schema) -> str:
    told = schema.get("description")
    about = f"<p>{_prose(str(told))}</p>" if told else ""
    rows = "".join(_fields(schema))
    table = _table("", rows) if rows else f"<p>{_type(schema)}</p>"
    return f"""<details class="shape" id="shape-{escape(name)}">
<summary><code>{escape(name)}</code></summary><div class="inside">{about}{table}</div></details>
"""


def _fields(schema: Schema) -> Iterator[str]:
    needed = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield _row(name, field, field.get("description"), name in needed)


def _row(name: str, schema: Schema, about: object, needed: bool) -> str:
    mark = '<span class="needed" title="required">required</span>' if needed else ""
    notes = [_prose(str(about).removesuffix("."))] if about else []
    notes += [escape(bound) for bound in _bounds(schema)]
    default = schema.get("default")
    if default not in (None, "", [], {}):
        notes.append(f"default <code>{escape(json.dumps(default))}</code>")
    return (
        f"<tr><th scope='row'><code>{escape(name)}</code>{mark}</th>"
        f"<td class='type'>{_type(schema)}</td><td>{'; '.join(notes)}</td></tr>"
    )


def _table(title: str, rows: str) -> str:
    heading = f"<h4>{escape(title)}</h4>" if title else ""
    return f"{heading}<div class='table'><table>{rows}</table></div>"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return " · ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"object of {_type(values)}" if isinstance(values, Mapping) and values else "object"
    words = {"date-time": "instant", "int64": "64-bit integer", "binary": "bytes", "path": "path"}
    shown = words.get(str(schema.get("format")), kind)
    return escape(str(shown)) if shown else "anything"


def _bounds(schema: Schema) -> Iterator[str]:
    for part in (schema, *(each for each in schema.get("anyOf", ()) if each.get("type") != "null")):
        for key, words in _BOUNDS.items():
            # The limits of a 64-bit integer are in its name.
            if key in part and not (key in ("minLength",) and part[key] == 1) and abs(part[key]) < 2**53:
                yield words.format(f"{part[key]:,}")


def _curl(document: _Document, verb: _Verb, query: list[Schema]) -> str:
    path = re.sub(r"\{(\w+)\}", lambda match: match[1].upper(), verb.path)
    asked = [f"{each['name']}={each['name'].upper()}" for each in query if each.get("required")]
    body = verb.about.get("requestBody")
    told = ["curl"]
    if verb.method not in ("GET", "POST") or (verb.method == "POST" and body is None):
        told.append(f"-X {verb.method}")
    told.append('-H "Authorization: token $TOKEN"')
    if body is not None and "application/json" in body["content"]:
        schema = document.resolve(body["content"]["application/json"]["schema"])
        shown = {
            name: _example(name, field)
            for name, field in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or len(schema.get("properties", {})) == 1
        }
        if not shown and schema.get("properties"):
            first = next(iter(schema["properties"]))
            shown = {first: _example(first, schema["properties"][first])}
        told.append("-H 'Content-Type: application/json'")
        told.append("-d '" + json.dumps(shown).replace("'", "'\\''") + "'")
        if verb.method == "POST":
            told.insert(1, "-X POST")
    elif body is not None:
        told.append("--data-binary @FILE")
        asked = ["name=NAME"]
    elif "octet-stream" in json.dumps(verb.about["responses"]):
        told.append("-OJ")
    told.append(f'"$URL{path}{"?" + "&".join(asked) if asked else ""}"')
    if told[1].startswith("-X"):
        told[:2] = [" ".join(told[:2])]
    return " \\\n  ".join(told)


def _example(name: str, schema: Schema) -> Any:
    if "default" in schema and schema["default"] not in (None, {}, []):
        return schema["default"]
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    parts = schema.get("anyOf", [schema])
    kind = parts[0].get("type")
    if kind == "object":
        return {"NAME": _example("value", {})} if name in ("metrics", "params") else {"NAME": "VALUE"}
    if kind == "array":
        return [_example(name.rstrip("s"), parts[0].get("items", {}))]
    return {"integer": 0, "number": 0.5, "boolean": True}.get(str(kind), name.upper())


def _code(text: str) -> str:
    return f'<pre><button type="button" class="copy" hidden>Copy</button><code>{escape(text)}</code></pre>'


def _badge(verb: _Verb) -> str:
    return f'<span class="method {verb.method.lower()}">{verb.method}</span>'


def _path(path: str) -> str:
    return re.sub(r"\{(\w+)\}", r"<var>{\1}</var>", escape(path))


def _link(name: str) -> str:
    return f'<a class="ref" href="#shape-{escape(name)}">{escape(name)}</a>'


def _prose(text: str) -> str:
    """Plain text in which backticks mean code."""
    return re.sub(r"``?([^`]+)``?", r"<code>\1</code>", escape(text, quote=False))


def _title(tag: str) -> str:
    return tag[:1].upper() + tag[1:]


def _references(part: object) -> list[str]:
    if isinstance(part, Mapping):
        found = [str(part["$ref"]).rpartition("/")[2]] if "$ref" in part else []
        return found + [name for value in part.values() for name in _references(value)]
    if isinstance(part, list):
        return [name for value in part for name in _references(value)]
    return []


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
