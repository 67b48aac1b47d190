"""`make demo`: execute the quickstart in a new workspace, print what was recorded, show it in JupyterLab.

Everything is below `.venv/demo` and made anew each time; the user's own Jupyter settings, workspaces and
notebooks are neither read nor written.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
NOTEBOOK = "quickstart.ipynb"
BIN = Path(sys.executable).parent


def environment(home: Path) -> dict[str, str]:
    """Ours without what would lead to the user's own Jupyter or another workspace."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "JPY_", "NBPROOF_"))}
    return {
        **kept,
        "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}",
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def new_project(folder: Path) -> Path:
    """A project with the notebook and its data, as a user would have it after copying the example."""
    if folder.exists():
        shutil.rmtree(folder)
    project = folder / "project"
    shutil.copytree(
        REPOSITORY / "examples",
        project,
        ignore=shutil.ignore_patterns(".nbproof", ".ipynb_checkpoints", "kubernetes", "__pycache__"),
    )
    return project


def settings(home: Path) -> None:
    """A demo asks nobody on the network for news, and warns of nothing that is not its own."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "jupyter_lab_config.py").write_text(
        "from jupyterlab.handlers.announcements import NeverCheckForUpdate\n"
        "c.LabApp.news_url = None\n"
        "c.LabApp.check_for_updates_class = NeverCheckForUpdate\n"
    )
    profile = home / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("c.Application.log_level = 'ERROR'\n")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--no-serve", action="store_true", help="stop after the summary")
    arguments.add_argument("--folder", type=Path, default=Path(sys.prefix) / "demo")
    arguments.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8888")))
    options = arguments.parse_args()

    project = new_project(options.folder.resolve())
    home = options.folder.resolve() / "home"
    settings(home)
    env = environment(home)

    def run(*argv: str, **extra: str) -> None:
        subprocess.run([*argv], cwd=project, env={**env, **extra}, check=True)

    def show(*words: str) -> None:
        print(f"\n$ nbproof {shlex.join(words)}", flush=True)
        run(str(BIN / "nbproof"), *words)

    try:
        show("init")
        print(f"\n--- executing {NOTEBOOK} in {project}", flush=True)
        start = time.monotonic()
        # What Jupyter Server tells its kernels, and `jupyter execute` does not: which notebook they run.
        told = {"JPY_SESSION_NAME": str(project / NOTEBOOK)}
        run(sys.executable, "-m", "jupyter", "execute", "--inplace", "--timeout=300", NOTEBOOK, **told)
        print(f"--- executed in {time.monotonic() - start:.1f} s; what it recorded:", flush=True)
        show("experiments", "list")
        show("runs", "search", "order by started desc")
        show("runs", "show", "@last")
    except subprocess.CalledProcessError as error:
        print(f"the demo failed: {error}", file=sys.stderr)
        return 1

    if options.no_serve:
        print("\nSee it live: make demo", flush=True)
        return 0
    return serve(project, env, options.port)


def serve(project: Path, env: dict[str, str], port: int) -> int:
    """JupyterLab on the project, until Ctrl-C."""
    argv = [sys.executable, "-m", "jupyter", "lab", NOTEBOOK, f"--port={port}", "--ServerApp.port_retries=50"]
    argv += [f"--ServerApp.root_dir={project}", f"--LabApp.default_url=/lab/tree/{NOTEBOOK}"]
    argv += ["--log-level=WARN"]  # the address is printed all the same
    if os.geteuid() == 0:
        argv.append("--allow-root")
    if os.geteuid() == 0 or (sys.platform == "linux" and not os.environ.get("DISPLAY")):
        argv.append("--no-browser")
    print(
        "\n--- JupyterLab: open the address below, the nbproof panel is on the left; Ctrl-C ends it",
        flush=True,
    )
    # In a session of its own, so that Ctrl-C reaches this program alone, which ends it in one way for all.
    process = subprocess.Popen(argv, cwd=project, env=env, start_new_session=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return process.wait()
    except KeyboardInterrupt:
        print("\n--- ending JupyterLab", flush=True)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        return 0


if __name__ == "__main__":
    sys.exit(main())
