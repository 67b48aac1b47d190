"""How an environment looks in a cell and in a terminal."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nbproof.core.listing import size_text
from nbproof.tracking.display import STYLE

if TYPE_CHECKING:
    from nbproof.tracking.models import Environment, Gpu

__all__ = ["environment_facts_text", "environment_html", "environment_text"]

_AT_ONCE = 12  # packages shown in a terminal


def environment_facts_text(environment: Environment) -> dict[str, str]:
    """Each fact but the packages, as people read it; what is not known is left out."""
    facts = {
        "python": environment.python
        + (f" ({environment.implementation})" if environment.implementation != "cpython" else ""),
        "executable": environment.executable,
        "os": environment.os,
        "machine": environment.machine,
        "cpu": _cpu(environment),
        "memory": None if environment.memory_bytes is None else size_text(environment.memory_bytes),
        "gpu": ", ".join(map(_gpu, environment.gpus)) or None,
        "jupyter": environment.jupyter,
    }
    return {name: fact for name, fact in facts.items() if fact}


def environment_text(environment: Environment) -> str:
    """The environment in plain text; of many packages the first."""
    lines = [f"environment {environment.hash[:12]}"]
    lines += [f"  {name:<10}  {fact}" for name, fact in environment_facts_text(environment).items()]
    packages = list(environment.packages.items())
    lines.append(f"  {len(packages)} packages")
    lines += [f"    {name}=={version}" for name, version in packages[:_AT_ONCE]]
    if len(packages) > _AT_ONCE:
        lines.append(f"    ... and {len(packages) - _AT_ONCE} more in .packages")
    return "\n".join(lines)


def environment_html(environment: Environment) -> str:
    """The environment in HTML, its packages folded away."""
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td><code>{escape(fact)}</code></td></tr>'
        for name, fact in environment_facts_text(environment).items()
    )
    packages = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td><code>{escape(version)}</code></td></tr>'
        for name, version in environment.packages.items()
    )
    return (
        f'{STYLE}<div class="nbproof-card"><table>'
        f"<caption>Environment <code>{environment.hash[:12]}</code></caption><tbody>{rows}</tbody></table>"
        f"<details><summary>{len(environment.packages)} packages</summary>"
        f"<table><tbody>{packages}</tbody></table></details></div>"
    )


def _cpu(environment: Environment) -> str | None:
    if environment.cpu_count is None:
        return environment.cpu
    count = f"{environment.cpu_count} × " if environment.cpu_count > 1 else ""
    return f"{count}{environment.cpu or 'unknown'}"


def _gpu(gpu: Gpu) -> str:
    memory = f" {size_text(gpu.memory_bytes)}" if gpu.memory_bytes else ""
    return f"{gpu.name}{memory}"
