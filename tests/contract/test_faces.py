"""A verb declared in one place is on every face: here one that exists for the length of a test."""

from __future__ import annotations

import asyncio
import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

import nbproof as nbp
from nbproof.core.errors import NotFound
from nbproof.core.operation import Ask, Positional, View, operation
from nbproof.platform import openapi, reference, typescript
from nbproof.platform.location import Location
from nbproof.platform.rooms import Room, added, operations
from nbproof.platform.workspace import Workspace, use


class Parrot:
    """The service of a room of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder


class Say(Ask):
    """What to say."""

    word: Annotated[str, Positional]
    times: Annotated[int, Field(ge=1, le=9, description="How often.")] = 1


class Said(View):
    """What was said."""

    words: list[str]


@operation(
    "parrot.say",
    "GET /parrot/{word}",
    action="read",
    python="parrot_say",
    cli="parrot say",
    magic="parrot_say",
)
def say(parrot: Parrot, ask: Say) -> Said:
    """Say a word some times."""
    if ask.word == "nothing":
        raise NotFound("there is no such word", hint="try another")
    return Said(words=[ask.word] * ask.times)


@pytest.fixture(autouse=True)
def room() -> Iterator[Room]:
    module = types.ModuleType("parrot")
    module.say = say  # type: ignore[attr-defined]
    with added(Room("parrot", module, lambda workspace: Parrot(workspace.root))) as room:
        yield room


@pytest.fixture
def workspace(project) -> Iterator[Workspace]:
    opened = Workspace(Location(project, False, "a test"), say=lambda line: None)
    before = use(opened)
    yield opened
    use(before)
    opened.close()


def test_it_is_an_operation():
    assert say in operations()


def test_it_is_a_function_in_python(workspace):
    assert nbp.parrot_say("hi", times=2).words == ["hi", "hi"]
    with pytest.raises(nbp.Invalid, match="times"):
        nbp.parrot_say("hi", times=10)
    assert nbp.parrot_say.__doc__ == "Say a word some times."


def test_it_is_a_command(workspace, capsys):
    from nbproof.cli.main import main

    assert main(["parrot", "say", "hi", "--times", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"words": ["hi", "hi"]}
    assert main(["parrot", "say", "nothing"]) == 3
    assert "try another" in capsys.readouterr().err


def test_it_is_a_magic(workspace):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    nbp.load_ipython_extension(shell)
    word = "hi"
    shell.user_ns["word"] = word
    found = shell.run_cell("said = %parrot_say {word} --times 3\nsaid.words").result
    nbp.unload_ipython_extension(shell)
    shell._atexit_once()  # at the end the folder of its history would be gone
    assert found == ["hi"] * 3


async def test_it_is_a_route(jp_fetch):
    answer = await asyncio.wait_for(
        jp_fetch("nbproof", "api", "v1", "parrot", "hi ü", params={"times": "2"}), 30
    )
    assert json.loads(answer.body) == {"words": ["hi ü", "hi ü"]}


def test_it_is_in_the_document_of_the_api():
    described = openapi.document()["paths"]["/parrot/{word}"]["get"]
    assert described["operationId"] == "parrot.say"
    assert described["x-nbproof-command"] == "nbproof parrot say"


def test_it_is_a_function_in_typescript():
    text = typescript.typescript()
    assert "export function parrotSay(" in text
    assert "export interface Said {" in text


def test_it_is_in_the_reference():
    page = reference.pages()["docs/reference/operations.md"]
    assert "### parrot.say" in page
    assert "`nbproof parrot say WORD`" in page
    assert "| `GET /parrot/{word}` | Say a word some times. | read |" in reference.endpoints()


@pytest.fixture
def jp_server_config():
    return {"ServerApp": {"jpserver_extensions": {"nbproof": True}}}
