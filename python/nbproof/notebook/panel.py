"""The widget of a live run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["RunPanel"]

_STATIC = Path(__file__).parent / "static"


class RunPanel(anywidget.AnyWidget):
    """Draws what `nbproof.notebook.live.state_of` gives; `state` is replaced as a whole."""

    _esm = _STATIC / "run_panel.js"
    _css = _STATIC / "run_panel.css"

    state: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
