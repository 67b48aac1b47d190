"""The environment that code runs in: Python, packages, operating system, hardware.

Facts are gathered as plain data by the standard library, off the hot path; what does not change is asked once
a process.  Equal facts have equal hashes, so that a thousand runs of one environment keep it once.
Environment variables are no part of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["command_line", "entry_point", "environment_facts", "environment_hash", "installed_packages"]

_GPU_SECONDS = 3.0
_LONGEST_COMMAND = 10_000


def environment_facts() -> dict[str, Any]:
    """What `nbproof.tracking.models.Environment` shows, but for the hash: plain data, ready for JSON."""
    system, machine = _system()
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "executable": sys.executable or None,
        "packages": installed_packages(),
        "os": system,
        "machine": machine,
        "cpu": _cpu(),
        "cpu_count": os.cpu_count(),
        "memory_bytes": _memory(),
        "gpus": [dict(each) for each in _gpus()],
        "jupyter": _jupyter(),
    }


def environment_hash(facts: Mapping[str, Any]) -> str:
    """BLAKE2b-256 of the facts in canonical JSON, hex."""
    import hashlib
    import json

    text = json.dumps(facts, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()


# -- Python ------------------------------------------------------------------------------------------


def installed_packages() -> dict[str, str]:
    """Version of each distribution that this Python finds, by normalised name, sorted.

    Read again only after a folder of ``sys.path`` has changed, as ``%pip install`` changes it.
    """
    folders = []
    for each in dict.fromkeys(sys.path):
        try:
            folders.append((each or ".", os.stat(each or ".").st_mtime_ns))
        except OSError:
            continue
    return dict(_packages_in(tuple(folders)))


@lru_cache(maxsize=2)
def _packages_in(folders: tuple[tuple[str, int], ...]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for folder, _ in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name, version in _distributions(folder, names):
            # The first on the path is the one that an import gets.
            found.setdefault(name, version)
    return tuple(sorted(found.items()))


def _distributions(folder: str, names: list[str]) -> Iterator[tuple[str, str]]:
    for entry in sorted(names):
        stem, suffix = os.path.splitext(entry)
        if suffix not in (".dist-info", ".egg-info"):
            continue
        # The folder's name tells both: opening some hundred files would take a tenth of a second.
        name, _, version = stem.partition("-")
        version = version.partition("-py")[0]
        if not version:
            from importlib.metadata import PathDistribution

            try:
                version = PathDistribution(Path(folder, entry)).version or "?"
            except Exception:  # whatever a half-removed distribution raises, it has no version
                continue
        yield name.lower().replace("_", "-").replace(".", "-"), version


def _jupyter() -> str | None:
    """Kernel and front end, as far as they show themselves; None outside of a kernel."""
    kernel = sys.modules.get("ipykernel")
    if kernel is None or "IPython" not in sys.modules:
        return None
    parts = [
        f"ipykernel {getattr(kernel, '__version__', '?')}",
        f"IPython {sys.modules['IPython'].__version__}",
    ]
    if "google.colab" in sys.modules:
        parts.append("Colab")
    elif hasattr(sys.modules.get("__main__"), "__vsc_ipynb_file__"):
        parts.append("VS Code")
    elif "JPY_SESSION_NAME" in os.environ:
        parts.append("Jupyter Server")
    return ", ".join(parts)


# -- the machine ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _system() -> tuple[str, str]:
    import platform

    machine = platform.machine()
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}", machine
    if sys.platform == "win32":
        return f"Windows {platform.release()} ({platform.version()})", machine
    kernel = f"{platform.system()} {platform.release()}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']} ({kernel})", machine
    except (OSError, KeyError):
        return kernel, machine


@lru_cache(maxsize=1)
def _cpu() -> str | None:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip().lower() in ("model name", "cpu model", "hardware") and value.strip():
                    return value.strip()
    except OSError:
        pass
    if sys.platform == "darwin":
        return _said(["sysctl", "-n", "machdep.cpu.brand_string"], 1.0) or None
    import platform

    return platform.processor() or None


def _memory() -> int | None:
    """Bytes of memory that may be used: the machine's, or the container's where that has less."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(limit).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return total


@lru_cache(maxsize=1)
def _gpus() -> tuple[tuple[tuple[str, Any], ...], ...]:
    fields = "name,memory.total,driver_version"
    told = _said(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"], _GPU_SECONDS)
    found = []
    for line in told.splitlines():
        name, memory, driver = [*(part.strip() for part in line.split(",")), "", ""][:3]
        found.append(
            (
                ("name", name),
                ("memory_bytes", int(memory) << 20 if memory.isdigit() else None),
                ("driver", driver or None),
            )
        )
    return tuple(found)


def _said(command: list[str], seconds: float) -> str:
    """What a program says; nothing where it is missing, fails, or takes too long."""
    import shutil
    import subprocess

    if shutil.which(command[0]) is None:
        return ""
    try:
        return subprocess.run(
            command, capture_output=True, timeout=seconds, check=True, stdin=subprocess.DEVNULL
        ).stdout.decode("utf-8", "replace").strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""


# -- what was started ------------------------------------------------------------------------------------


def command_line() -> str:
    """The command that started this process, without the secrets in it."""
    from nbproof.core.redaction import redact_arguments

    words = [each.encode("utf-8", "replace").decode() for each in sys.orig_argv]
    line = str(redact_arguments(words).value)
    return line if len(line) <= _LONGEST_COMMAND else f"{line[:_LONGEST_COMMAND]}…"


def entry_point(source: Path | None) -> str:
    """How the user's code is run: ``notebook``, ``script``, ``module NAME`` or ``interactive``."""
    main = sys.modules.get("__main__")
    if source is not None:
        # Not asked of `__main__`: Python takes `__file__` away from it when the script is through.
        return "notebook" if source.suffix == ".ipynb" else "script"
    if "ipykernel" in sys.modules and getattr(main, "get_ipython", None) is not None:
        return "notebook"
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return f"module {spec.name.removesuffix('.__main__')}"
    return "script" if getattr(main, "__file__", None) else "interactive"
