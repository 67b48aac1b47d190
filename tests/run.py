"""Run pytest, and never as root: `python -m tests.run [pytest's arguments]`.

Started by root it prepares what only root can (a small disk to fill up, a way into a closed folder), then
runs pytest as a plain user: permission tests prove nothing as root, and no server of ours should run as root.
"""

from __future__ import annotations

import compileall
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.plain_user import REPOSITORY, PlainUser
from tests.support.small_disk import mount_small_disk, unmount


def main(arguments: list[str]) -> int:
    output = REPOSITORY / "tests" / "output"
    output.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={output / 'pytest_cache'}", *arguments]
    user = PlainUser()
    disk: Path | None = None
    # Who is started in the background of a shell is told to ignore Ctrl-C, and so would every program be that
    # a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if not user.is_other:
            return subprocess.call(command, cwd=REPOSITORY)
        # Nobody else can write these beside the sources, and reading them saves time at each start.
        for folder in ("python", "tests"):
            compileall.compile_dir(REPOSITORY / folder, quiet=2)
        if reason := user.open_the_way():
            print(f"*** the tests run as root: {reason}", flush=True)
            return subprocess.call(command, cwd=REPOSITORY)
        user.own(output)
        disk = mount_small_disk(user.folder("disk"))
        if disk:
            user.own(disk)
        opened = f", passing through {', '.join(user.opened)}" if user.opened else ""
        print(f"--- the tests run as user {user.name}{opened}", flush=True)
        environment = user.environment(
            HYPOTHESIS_STORAGE_DIRECTORY=str(output / "hypothesis"),
            **({"TEST_SMALL_DISK": str(disk)} if disk else {}),
        )
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, user=user.uid, group=user.gid, extra_groups=[]
        )
        # As Ctrl-C, so that fixtures end the servers they started.
        signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # The terminal has told pytest as well; let it end in its own way.
                continue
    finally:
        if disk:
            unmount(disk)
        user.close()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
