"""What is read off the operations: OpenAPI, TypeScript, reference pages."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import validate

from nbproof.platform import openapi, reference, typescript
from nbproof.platform.rooms import operations


def test_the_document_is_valid_openapi():
    validate(openapi.document())


def test_every_operation_is_in_the_document():
    paths = openapi.document()["paths"]
    for each in operations():
        described = paths[each.path][each.method.lower()]
        assert described["operationId"] == each.name
        assert str(each.status) in described["responses"]


def test_every_reference_leads_somewhere():
    document = openapi.document()
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])


ASKED_WITH_A_BODY = {"datasets.leakage", "datasets.objects"}


@pytest.mark.parametrize("name", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_operation_has_a_docstring_and_an_action(name):
    for each in operations():
        if each.method == name:
            assert each.summary.endswith("."), each.name
            assert each.action in ("read", "write", "execute", "backup")
            # To carry everything away is more than to read; and what is asked with a body may only read.
            if each.action != "backup" and each.name not in ASKED_WITH_A_BODY:
                assert (each.action == "read") == (name == "GET"), each.name


def test_typescript_has_a_function_for_every_operation():
    text = typescript.typescript()
    for each in operations():
        first, *rest = each.name.replace("_", ".").split(".")
        name = first + "".join(part.capitalize() for part in rest)
        assert f"export function {name}" in text


def test_a_generated_file_that_is_stale_is_told(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(typescript, "TARGET", tmp_path / "api.ts")
    assert typescript.main(["--check"]) == 1
    assert typescript.main([]) == 0
    assert typescript.main(["--check"]) == 0


def test_the_reference_names_every_verb_and_error():
    page = reference.pages()["docs/reference/operations.md"]
    for each in operations():
        assert f"### {each.name}\n" in page
    assert "| `NotFound` | 404 | 3 | `not-found` |" in page


def test_a_page_keeps_its_text_around_a_generated_table(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    (tmp_path / "README.md").write_text("before\n<!-- generated: errors -->\nold\n<!-- end -->\nafter\n")
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert reference.main(["--check"]) == 0
