"""Who a process is, so that another one can tell whether it still lives: host, boot, pid, start time.

A pid alone says little, because pids are used again.  Standard library only, no psutil.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Process", "is_dead", "this_process"]

_PLATFORM: str = sys.platform


@dataclass(frozen=True, slots=True)
class Process:
    """A process on some machine.

    Attributes
    ----------
    host, boot_id : str
        The machine and its present boot; ``boot_id`` is empty where the system does not tell.
    pid : int
    pid_started : str
        When it started, as its system tells; only compared for equality.  Empty where unknown.
    pid_space : str
        The pid namespace (containers of one host number their processes separately); empty where unknown.
    """

    host: str
    boot_id: str
    pid: int
    pid_started: str
    pid_space: str = ""


def this_process() -> Process:
    """The calling process."""
    return Process(_host(), _boot_id(), os.getpid(), _started(os.getpid()) or "", _pid_space())


def is_dead(process: Process) -> bool:
    """Whether a process has certainly ended; False wherever that cannot be known from here."""
    if process.host != _host():
        return False
    here = _boot_id()
    if process.boot_id and here and process.boot_id != here:
        return True
    if process.pid_space != _pid_space():
        return False
    if process.pid == os.getpid() and process.pid_started in ("", _started(process.pid)):
        return False
    started = _started(process.pid)
    if started is None:
        return True
    return bool(process.pid_started and started and started != process.pid_started)


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()


@lru_cache(maxsize=1)
def _boot_id() -> str:
    if _PLATFORM == "linux":
        try:
            return _read("/proc/sys/kernel/random/boot_id").decode("ascii").strip()
        except OSError:
            return ""
    if _PLATFORM == "darwin":
        return _said("sysctl", "-n", "kern.boottime") or ""
    return ""


def _pid_space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except (OSError, AttributeError):
        return ""


def _started(pid: int) -> str | None:
    """When a process started; None if there is none (a zombie counts as none), "" if it cannot be told."""
    if _PLATFORM == "linux":
        try:
            # The command name is in parentheses and may hold anything, parentheses too.
            fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        except OSError:
            return ""
        return None if fields[0] in b"ZX" else fields[19].decode("ascii")
    if os.name == "nt":
        return _started_on_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return _said("ps", "-o", "lstart=", "-p", str(pid)) or ""


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        # Not by the file's position: a child forked in between shares it.
        return os.pread(fd, 4096, 0)
    finally:
        os.close(fd)


def _started_on_windows(pid: int) -> str | None:
    if sys.platform == "win32":
        import ctypes
        from ctypes import wintypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if not handle:
            return None if ctypes.get_last_error() == 87 else ""  # ERROR_INVALID_PARAMETER: no such process
        try:
            times = [wintypes.FILETIME() for _ in range(4)]
            code = wintypes.DWORD()
            kernel.GetExitCodeProcess(handle, ctypes.byref(code))
            if code.value != 259:  # STILL_ACTIVE
                return None
            if not kernel.GetProcessTimes(handle, *(ctypes.byref(time) for time in times)):
                return ""
            return str(times[0].dwHighDateTime << 32 | times[0].dwLowDateTime)
        finally:
            kernel.CloseHandle(handle)
    return ""


def _said(*command: str) -> str | None:
    import subprocess  # 20 ms, and not needed on Linux

    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
