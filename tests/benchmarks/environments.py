"""An environment for each tracker, ours from the wheel among them, kept between runs; what they are asked.

They lie in ``peers`` of the environment that runs this.  One that cannot be made is told once, in words, and
its reason stands wherever its figures would.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = [
    "DATA_NAMES",
    "NAMES",
    "OURS",
    "Refused",
    "ask",
    "beside",
    "end_group",
    "environ",
    "figures",
    "is_made",
    "make",
    "python_of",
    "start",
    "title",
    "versions",
]

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
ENVIRONMENTS = Path(sys.prefix) / "peers"
OURS = "nbproof"
NAMES = ("mlflow", "trackio", "aim", "wandb", "dvclive", "tensorboardx")
DATA_NAMES = ("dvc", "lance")  # keep versions of data, and are asked nothing else
_PIP = ("-m", "pip", "--disable-pip-version-check", "-q", "--no-input")
_PACKAGES = {"lance": "pylance"}
_SECONDS = 300
# Nobody is told anything, and nothing is asked of a network.
_QUIET = {
    "AIM_UI_TELEMETRY_ENABLED": "0",
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "true",
    "DVC_STUDIO_OFFLINE": "true",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_CONSOLE": "off",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
}


class Refused(Exception):
    """A tracker could not be installed or did not do what it was asked; the text says why."""


def title(name: str) -> str:
    """How a tracker is written."""
    words = {"mlflow": "MLflow", "trackio": "Trackio", "aim": "Aim", "wandb": "W&B offline"}
    words |= {
        "dvclive": "DVCLive",
        "tensorboardx": "tensorboardX",
        "dvc": "DVC",
        "lance": "Lance",
        "evidently": "Evidently",
        OURS: OURS,
    }
    base, _, variant = name.partition("-")
    return f"{words[base]} {variant}".rstrip()


def make(name: str) -> None:
    """Make a tracker's environment, unless it is there as it is wanted; ours is always brought up to date."""
    place = ENVIRONMENTS / name
    failed = place.with_suffix(".failed")
    failed.unlink(missing_ok=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            if name == OURS:
                _ours(place, Path(folder))
            else:
                _peer(place, HERE / "peers" / name / "requirements.txt")
    except Refused as refused:
        failed.parent.mkdir(exist_ok=True)
        failed.write_text(str(refused))
        raise


def _peer(place: Path, requirements: Path) -> None:
    wanted = f"{sys.version}\n{requirements.read_text()}"
    made = place / "made-of.txt"
    if made.exists() and made.read_text() == wanted:
        return
    began = time.perf_counter()
    _new(place)
    _install(place, "-r", str(requirements))
    made.write_text(wanted)
    print(f"--- {title(place.name)} was installed in {time.perf_counter() - began:.0f} s", flush=True)


def _ours(place: Path, folder: Path) -> None:
    """From the wheel, as it would be published; built anew each time, since the sources may have changed."""
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPOSITORY],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if built.returncode:
        raise Refused(f"the wheel could not be built: {_last(built.stdout)}")
    wheel = str(next(folder.glob("*.whl")))
    wanted = f"{sys.version}\n{hashlib.sha256((REPOSITORY / 'pyproject.toml').read_bytes()).hexdigest()}"
    made = place / "made-of.txt"
    if not made.exists() or made.read_text() != wanted:
        _new(place)
        _install(place, wheel)
        made.write_text(wanted)
    else:
        _install(place, "--force-reinstall", "--no-deps", wheel)


def _new(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", place], check=True)


def _install(place: Path, *what: str) -> None:
    done = subprocess.run(
        [place / "bin" / "python", *_PIP, "install", *what],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(place, ignore_errors=True)
        raise Refused(f"not installed: {_last(done.stderr)}")


def _last(text: str) -> str:
    return (text.strip() or "?").splitlines()[-1]


def python_of(name: str) -> Path:
    """The Python of a tracker's environment, made first if need be.

    Raises
    ------
    Refused
        If it can't be made; it's tried once, and again by whoever calls `make`.
    """
    place = ENVIRONMENTS / name.partition("-")[0]
    failed = place.with_suffix(".failed")
    if failed.exists():
        raise Refused(failed.read_text())
    if not is_made(place.name):
        make(place.name)
    return place / "bin" / "python"


def is_made(name: str) -> bool:
    """Whether a tracker's environment is there."""
    return (ENVIRONMENTS / name / "made-of.txt").exists()


def environ(folder: Path) -> dict[str, str]:
    """What a tracker finds around it: a home and a store of its own, and no word to anybody."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NBPROOF_", "PYTHONPATH", "XDG_"))}
    own = {
        "HOME": str(folder),
        "NBPROOF_WORKSPACE": str(folder),
        "TRACKIO_DIR": str(folder / "trackio"),
        "WANDB_DIR": str(folder),
    }
    return {**kept, **_QUIET, **own}


def start(
    name: str, folder: Path, *given: str, script: str = "contestant.py", **options: Any
) -> subprocess.Popen[str]:
    """Begin a task of a script in a tracker's environment, in a session of its own."""
    return subprocess.Popen(
        [python_of(name), "-P", HERE / script, name, *given],
        cwd=folder,
        env=environ(folder),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def ask(name: str, folder: Path, task: str, *given: str) -> Any:
    """The answer to a task.

    Raises
    ------
    Refused
        If there is none; its text has the last words of the tracker.
    """
    with tempfile.TemporaryFile("w+") as complaints:
        process = start(name, folder, task, *given, stderr=complaints)
        try:
            said, _ = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Refused(f"no answer within {_SECONDS} s") from None
        finally:
            end_group(process)
        found = [line for line in said.splitlines() if line.startswith("ANSWER ")]
        if process.returncode or not found:
            complaints.seek(0)
            raise Refused(f"failed: {_last(complaints.read())}")
    return json.loads(found[-1].removeprefix("ANSWER "))


def end_group(process: subprocess.Popen[str]) -> None:
    """End what a tracker has left running."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def beside(
    names: Iterable[str], measure: Callable[[str, Path], Any], *, rounds: int = 1
) -> dict[str, list[Any] | str]:
    """Measure ours and some peers by turns, each in an empty folder; an answer a round, or why there is none.

    What goes wrong with ours is raised.
    """
    found: dict[str, list[Any] | str] = {name: [] for name in (OURS, *names)}
    for _ in range(rounds):
        for name, answers in found.items():
            if isinstance(answers, str):
                continue
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                try:
                    answers.append(measure(name, Path(folder)))
                except Refused as refused:
                    if name == OURS:
                        raise
                    print(f"*** {title(name)} is left out: {refused}", flush=True)
                    found[name] = str(refused)
    return found


def figures(
    found: dict[str, list[Any] | str], pick: Callable[[Any], float]
) -> tuple[float, dict[str, float | str]]:
    """Ours, and each peer's: the median of what is picked from the answers, or why there is none."""
    from tests.benchmarks.table import median

    each: dict[str, float | str] = {
        title(name): answers if isinstance(answers, str) else median(map(pick, answers))
        for name, answers in found.items()
    }
    ours = each.pop(title(OURS))
    assert not isinstance(ours, str)
    return ours, each


def versions(names: Sequence[str]) -> dict[str, str]:
    """What is installed, by the name as it is written."""
    found = {}
    for name in names:
        code = f"import importlib.metadata as m; print(m.version({_PACKAGES.get(name, name)!r}))"
        with suppress(Refused, subprocess.CalledProcessError):
            done = subprocess.run([python_of(name), "-c", code], capture_output=True, text=True, check=True)
            found[title(name)] = done.stdout.strip()
    return found
