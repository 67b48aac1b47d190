"""Run programs as somebody who is not root.

Root reads and writes whatever it likes, so a permission test run by root proves nothing, and PostgreSQL and
Jupyter refuse to start as root.  Where the tests themselves run as a plain user, that user is taken.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["Passage", "PlainUser", "stop"]

REPOSITORY = Path(__file__).resolve().parents[2]


class PlainUser:
    """Starts programs as an unprivileged user with a home of its own.

    Parameters
    ----------
    account : str
        Who to be where the tests run as root; the tests' own user otherwise.

    Notes
    -----
    A checkout below a closed folder (``/root``, the result of ``mktemp -d``) cannot be entered by others.
    `open_the_way` lets others pass through such folders, without listing them, and `close` takes that back.
    """

    def __init__(self, account: str = "nobody") -> None:
        self.is_other = os.geteuid() == 0
        entry = pwd.getpwnam(account) if self.is_other else pwd.getpwuid(os.geteuid())
        self.name, self.uid, self.gid = entry.pw_name, entry.pw_uid, entry.pw_gid
        self._passage: Passage | None = None
        # Short, since the path of a unix socket has at most 107 bytes.
        self.base = Path(tempfile.mkdtemp(prefix="nbp-", dir="/tmp" if os.access("/tmp", os.W_OK) else None))
        self.base.chmod(0o755)
        self.home = self.folder("home")

    def folder(self, name: str) -> Path:
        """A new folder that belongs to the user and that the tests can reach too."""
        path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.base))
        self.own(path)
        return path

    def own(self, path: Path) -> None:
        """Give a file or a folder with all below it to the user."""
        if not self.is_other:
            return
        os.chown(path, self.uid, self.gid, follow_symlinks=False)
        if path.is_dir() and not path.is_symlink():
            for child in path.iterdir():
                self.own(child)

    def environment(self, **extra: str) -> dict[str, str]:
        """The tests' environment with the user's own home, Jupyter and IPython folders; `extra` on top."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "XDG_", "NBPROOF_"))}
        home = str(self.home)
        return {
            **kept,
            "HOME": home,
            "USER": self.name,
            "LOGNAME": self.name,
            "TMPDIR": str(self.base.parent),
            "IPYTHONDIR": f"{home}/ipython",
            "JUPYTER_CONFIG_DIR": f"{home}/jupyter/config",
            "JUPYTER_DATA_DIR": f"{home}/jupyter/data",
            "JUPYTER_RUNTIME_DIR": f"{home}/jupyter/runtime",
            "JUPYTERLAB_SETTINGS_DIR": f"{home}/jupyter/settings",
            "JUPYTERLAB_WORKSPACES_DIR": f"{home}/jupyter/workspaces",
            "PYTHONDONTWRITEBYTECODE": "1",
            **extra,
        }

    def start(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[str]:
        """Start a program in a session of its own; end it with `stop`.

        `env` replaces what `environment` gives; other options are those of `subprocess.Popen`.
        """
        if self.is_other:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.Popen(
            [os.fspath(a) for a in argv],
            cwd=cwd or self.home,
            env=dict(env) if env is not None else self.environment(),
            text=True,
            start_new_session=True,
            **options,
        )

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
        check: bool = False,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end and collect what it printed."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        process = self.start(
            argv, cwd=cwd, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            stop(process, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"{argv} ran longer than {timeout} s\n{out}\n{err}") from None
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        if check and done.returncode:
            raise AssertionError(f"{argv} ended with {done.returncode}\n{out}\n{err}")
        return done

    def open_the_way(self) -> str | None:
        """Let the user reach this checkout and its Python; the reason if it cannot be done."""
        if self.is_other and self._passage is None:
            wanted = {REPOSITORY, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve()}
            self._passage = Passage(folder for path in wanted for folder in path.resolve().parents)
        tried = self.run([sys.executable, "-c", "import nbproof._version"])
        if tried.returncode == 0:
            return None
        return f"user {self.name} cannot run {sys.executable}: {tried.stderr.strip().splitlines()[-1]}"

    @property
    def opened(self) -> list[str]:
        """Folders that others may pass through until `close`."""
        return self._passage.opened if self._passage else []

    def close(self) -> None:
        """Close the folders that were opened and remove the user's own."""
        if self._passage:
            self._passage.close()
        shutil.rmtree(self.base, ignore_errors=True)


class Passage:
    """Lets others pass through closed folders, without listing them, until the last that needs it closes it.

    Several test runs may need the same folder at once, so the modes to go back to are kept in a file, and
    each run holds a shared lock on it: who can have the lock alone is the last.  A second lock is held only
    while the file is read and written, so that nobody waits for another run to end.  Root only.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        run = Path("/run") if os.access("/run", os.W_OK) else Path("/root")
        self._file = (run / "nbproof-tests-opened.json").open("a+")
        self._mutex = run / "nbproof-tests-opened.lock"
        with self._alone():
            fcntl.flock(self._file, fcntl.LOCK_SH)
            modes = self._modes()
            for folder in sorted(set(folders)):
                mode = stat.S_IMODE(folder.stat().st_mode)
                if not mode & stat.S_IXOTH:
                    with suppress(OSError):
                        folder.chmod(mode | stat.S_IXOTH)
                        modes.setdefault(str(folder), mode)
            self._file.truncate(0)
            json.dump(modes, self._file)
            self._file.flush()
        self.opened = sorted(modes)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._mutex.open("a") as mutex:
            fcntl.flock(mutex, fcntl.LOCK_EX)
            yield

    def _modes(self) -> dict[str, int]:
        self._file.seek(0)
        modes: dict[str, int] = json.loads(self._file.read() or "{}")
        return modes

    def close(self) -> None:
        """Put the modes back, if nobody else still needs them."""
        with self._alone(), self._file, suppress(BlockingIOError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for folder, mode in self._modes().items():
                with suppress(OSError):
                    Path(folder).chmod(mode)
            self._file.truncate(0)


def stop(process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM, timeout: float = 30) -> int:
    """End a program started by `PlainUser.start` with all it started in turn; its exit code."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait(timeout)
