"""The command, as a shell would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbproof.cli.main import main


class Done:
    """What a command left."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


@pytest.fixture
def nbproof(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Runs the command in the empty project, in this process."""

    def run(*words: str, **environ: str) -> Done:
        with monkeypatch.context() as patched:
            for name, value in environ.items():
                patched.setenv(name, value)
            capsys.readouterr()
            code = main(list(words))
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture
def process(project: Path) -> Callable[..., Done]:
    """Runs it as a shell would."""

    def run(*words: str, **environ: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "nbproof", *words],
            cwd=project,
            env={**os.environ, "PYTHONWARNINGS": "error", **environ},
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run
