"""Beside MLflow and Trackio: what a plain install brings, and how long a logged metric takes.

Each has an environment of its own, made anew from ``peers/<name>/requirements.txt`` (ours from the wheel),
interleaved.  A first installation, which is not measured, puts every package into pip's cache for all three.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.table import Table, median

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
_INSTALLATIONS = 2
_ROUNDS = 3
_PIP = ["-m", "pip", "--disable-pip-version-check", "-q", "--no-input"]

# Prints the microseconds of each call; the first ones, which open things, are left out.
_TIMED = """
import json, time
def measure(log, calls):
    for number in range(20):
        log(number)
    taken = []
    for number in range(calls):
        start = time.perf_counter_ns()
        log(20 + number)
        taken.append((time.perf_counter_ns() - start) / 1e3)
    taken.sort()
    print("TIMES", json.dumps([taken[calls // 2], taken[calls * 99 // 100]]), flush=True)
"""
_LOGGERS = {
    "nbproof": _TIMED
    + """
import nbproof as nbp
nbp.start_run("bench", experiment="bench")
measure(lambda number: nbp.log_metric("auc", 0.5, step=number), 20_000)
nbp.end_run()
""",
    "mlflow": _TIMED
    + """
import os
os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("bench")
mlflow.start_run()
measure(lambda number: mlflow.log_metric("auc", 0.5, step=number), 500)
mlflow.end_run()
""",
    "trackio": _TIMED
    + """
import trackio
trackio.init(project="bench")
measure(lambda number: trackio.log({"auc": 0.5}, step=number), 20_000)
trackio.finish()
""",
}


def wheel(folder: Path) -> Path:
    """Ours, as it would be published."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPOSITORY],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return next(folder.glob("*.whl"))


def install(environment: Path, what: list[str]) -> float:
    """Make an environment and install into it; seconds of the installation alone."""
    if environment.exists():
        shutil.rmtree(environment)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    start = time.perf_counter()
    done = subprocess.run(
        [environment / "bin" / "python", *_PIP, "install", *what],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or "?").splitlines()[-1])
    return time.perf_counter() - start


def size(environment: Path) -> tuple[int, float]:
    """Distributions and MB in an environment, without pip's own and setuptools'."""
    packages = next((environment / "lib").glob("python*")) / "site-packages"
    brought = [
        each for each in packages.glob("*.dist-info") if not each.name.startswith(("pip-", "setuptools-"))
    ]
    total = 0
    for folder, folders, files in os.walk(packages):
        if Path(folder) == packages:
            folders[:] = [name for name in folders if not name.startswith(("pip", "setuptools"))]
        total += sum(os.lstat(os.path.join(folder, name)).st_blocks * 512 for name in files)
    return len(brought), total / 1e6


def time_logging(environment: Path, code: str) -> tuple[float, float]:
    """Median and p99 of one call in a new process and an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("NBPROOF_", "PYTHONPATH"))}
        home = {"HOME": folder, "TRACKIO_DIR": folder, "NBPROOF_WORKSPACE": folder}
        done = subprocess.run(
            [environment / "bin" / "python", "-c", code],
            cwd=folder,
            env={**kept, **home},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    said = next(line for line in done.stdout.splitlines() if line.startswith("TIMES "))
    middle, p99 = json.loads(said.removeprefix("TIMES "))
    return middle, p99


def main() -> int:
    """Measure and print; 1 if a bar was missed."""
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        wanted = {"nbproof": [str(wheel(base / "dist"))]}
        for peer in sorted(HERE.glob("peers/*/requirements.txt")):
            wanted[peer.parent.name] = ["-r", str(peer)]
        seconds: dict[str, list[float]] = {name: [] for name in wanted}
        for name, what in list(wanted.items()):
            try:
                install(base / name, what)
            except RuntimeError as error:
                if name == "nbproof":
                    raise
                print(f"*** {name} can't be installed here and is left out: {error}", flush=True)
                del wanted[name], seconds[name]
        for _ in range(_INSTALLATIONS):
            for name, what in wanted.items():
                seconds[name].append(install(base / name, what))
        sizes = {name: size(base / name) for name in wanted}

        def line(what: str, unit: str, figures: dict[str, float], note: str = "") -> None:
            peers = {name: figure for name, figure in figures.items() if name != "nbproof"}
            table.line(what, figures["nbproof"], unit, peers=peers, note=note)

        line("plain install, packages", "", {name: each[0] for name, each in sizes.items()})
        line("plain install, on disk", "MB", {name: each[1] for name, each in sizes.items()})
        times = {name: median(each) for name, each in seconds.items()}
        line("plain install, pip install", "s", times, "(pip's cache warm for all)")

        logged: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
        for _ in range(_ROUNDS):
            for name, each in logged.items():
                each.append(time_logging(base / name, _LOGGERS[name]))
        for index, figure in enumerate(("median", "p99")):
            figures = {name: median(each[index] for each in rounds) for name, rounds in logged.items()}
            line(f"log_metric beside theirs, {figure}", "µs", figures)
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())
