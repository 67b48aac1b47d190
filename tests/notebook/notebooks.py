"""Runs cells in a real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

__all__ = ["Executed", "execute"]


class Executed:
    """A notebook that was executed."""

    def __init__(self, notebook: Any) -> None:
        self.notebook = notebook

    def outputs(self, cell: int) -> list[Any]:
        return list(self.notebook.cells[cell].outputs)

    def text(self, cell: int) -> str:
        """Everything that can be read below a cell."""
        parts = []
        for output in self.outputs(cell):
            if output.output_type == "stream":
                parts.append(output.text)
            elif output.output_type == "error":
                parts.append("\n".join(output.traceback))
            else:
                parts.append(output.data.get("text/plain", ""))
        return "\n".join(parts)

    def data(self, cell: int) -> list[dict[str, Any]]:
        """The mime bundles below a cell."""
        return [
            dict(o.data) for o in self.outputs(cell) if o.output_type in ("display_data", "execute_result")
        ]


def execute(folder: Path, *cells: str, **environ: str) -> Executed:
    """Execute cells in a fresh kernel in a folder; errors stay in their cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    path = folder / "executed.ipynb"
    nbformat.write(notebook, path)
    # In a process of its own: nbclient leaves sockets open, which would be a warning, hence an error, here.
    done = subprocess.run(
        [sys.executable, __file__, str(path)],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return Executed(nbformat.read(path, as_version=4))


def _execute(path: Path) -> None:
    from jupyter_client.manager import KernelManager
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    manager = KernelManager()
    assert manager.kernel_spec is not None
    manager.kernel_spec.argv[0] = sys.executable
    NotebookClient(
        notebook,
        km=manager,
        timeout=60,
        allow_errors=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    nbformat.write(notebook, path)


if __name__ == "__main__":
    _execute(Path(sys.argv[1]))
