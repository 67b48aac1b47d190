"""Shows a live run below the cell, keeps it fresh while it lives, and leaves plain HTML when it has ended.

How it is kept fresh
--------------------
One daemon thread for all panels of the process looks at the journal four times a second and hands what is
new to the widget as one trait, hence one message; log calls send nothing.  Not a timer on the kernel's
event loop: that loop stands still while a cell runs, which is exactly when one wants to see a loss fall.
The thread begins with the first panel and ends with the last live run and the last open widget.

What stays
----------
When the run has ended, the output is replaced once, at the end of the cell, by HTML and text without a
widget: a saved notebook shows it without a kernel, in JupyterLab, on GitHub and from nbconvert.

A widget is not closed before a browser had time to load it: anywidget waits two seconds for a model's module,
and of a model that is closed meanwhile it reports that it failed to initialize.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from nbproof.core.ids import new_id
from nbproof.notebook.follow import Follower, follower_of
from nbproof.tracking.display import card_html, card_text, number_text
from nbproof.tracking.domain import param_text

if TYPE_CHECKING:
    from nbproof.tracking.active import ActiveRun

__all__ = ["display_run", "state_of", "unwatch", "watch"]

_log = logging.getLogger("nbproof")

_PERIOD_SECONDS = 0.25
_BEAT_SECONDS = 10.0
_LOADING_SECONDS = 3.0
_MOST_CHARTS = 12
_MOST_ROWS = 100


class LivePanel:
    """One run on display: its follower, the widget if there is one, and the output's display id."""

    def __init__(self, run: ActiveRun, ip: Any) -> None:
        self.run = run
        self.ip = ip
        self.follower: Follower = follower_of(run)
        self.display_id = new_id()
        self.widget: Any = None
        self.settled = False
        self.loaded = 0.0
        self._lock = threading.Lock()
        self._beat = 0.0

    def show(self) -> None:
        """Put it below the cell."""
        self.follower.look()
        bundle = self.static()
        if self.run.status == "running":
            self.widget = _widget(state_of(self.follower))
            if self.widget is not None:
                made = self.widget._repr_mimebundle_()
                view = made[0] if isinstance(made, tuple) else made
                bundle = {**(view or {}), **bundle}
        else:
            self.settled = True
        self._publish(bundle, update=False)
        self.loaded = time.monotonic() + _LOADING_SECONDS

    def static(self) -> dict[str, Any]:
        """The last known state without a widget."""
        card = self.follower.card()
        return {"text/plain": card_text(card), "text/html": card_html(card)}

    def refresh(self) -> None:
        """Hand the widget what is new, if anything is."""
        if self.widget is None or self.settled:
            return
        with self._lock:
            self.follower.look()
            state = state_of(self.follower)
            # The time that has passed is counted by the browser; it alone is no news, but a sign of life.
            if _but_elapsed(state) != _but_elapsed(self.widget.state) or time.monotonic() > self._beat:
                self._beat = time.monotonic() + _BEAT_SECONDS
                self.widget.state = state

    def settle(self) -> None:
        """The run has ended: the output becomes plain HTML."""
        with self._lock:
            if self.settled:
                return
            self.settled = True
            for _ in range(20):  # what one look leaves over
                before = self.follower.card()
                self.follower.look()
                if self.follower.card() == before:
                    break
            self._publish(self.static(), update=True)
            if self.widget is not None:
                _panels.close(self.widget, self.loaded)

    def _publish(self, bundle: dict[str, Any], *, update: bool) -> None:
        self.ip.display_pub.publish(
            bundle, metadata={}, transient={"display_id": self.display_id}, update=update
        )


class _Panels:
    """The panels of live runs in this process, and the thread that looks after them."""

    def __init__(self) -> None:
        self.live: dict[str, LivePanel] = {}
        self.shown_in: dict[str, int] = {}
        self._closing: list[tuple[float, Any]] = []
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def add(self, panel: LivePanel) -> None:
        self.live[panel.run.id] = panel
        if panel.widget is not None:
            self._start()

    def close(self, widget: Any, due: float) -> None:
        """Close a widget at a time of the monotonic clock."""
        if time.monotonic() >= due:
            widget.close()
            return
        self._closing.append((due, widget))
        self._start()

    def renew_after_fork(self) -> None:
        """The thread and what it held stay with the parent."""
        self._closing = []
        self._thread = None
        self._lock = threading.Lock()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._look_after, name="nbproof-panel", daemon=True)
                self._thread.start()

    def _look_after(self) -> None:
        while True:
            time.sleep(_PERIOD_SECONDS)
            for panel in list(self.live.values()):
                try:
                    panel.refresh()
                except Exception:  # a picture is never worth a disturbed kernel
                    _log.exception("the panel of run %s is not kept fresh any more", panel.run.name)
                    panel.widget = None
            for due, widget in list(self._closing):
                if time.monotonic() >= due:
                    self._closing.remove((due, widget))
                    try:
                        widget.close()
                    except Exception:
                        _log.exception("the panel of a run could not be closed")
            with self._lock:
                if not self._closing and not any(
                    panel.run.status == "running" and panel.widget is not None
                    for panel in list(self.live.values())
                ):
                    self._thread = None
                    return

    def after_cell(self, *_: Any) -> None:
        """At the end of each cell: settle the panels of runs that have ended."""
        if not self.live:
            return
        for identifier, panel in list(self.live.items()):
            if panel.run.status == "running":
                continue
            self.live.pop(identifier, None)
            try:
                panel.settle()
            except Exception:
                _log.exception("the panel of run %s could not be finished", panel.run.name)


_panels = _Panels()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_panels.renew_after_fork)


def display_run(run: ActiveRun) -> None:
    """Show a run; what IPython calls for a run that is the value of a cell."""
    from IPython.core.getipython import get_ipython

    ip = get_ipython()
    # `%start_run` shows its run and returns it: as the last line of a cell it would be shown twice.
    if ip is None or _panels.shown_in.get(run.id) == ip.execution_count:
        return
    _panels.shown_in = {run.id: ip.execution_count}
    before = _panels.live.pop(run.id, None)
    if before is not None:
        before.settle()
    panel = LivePanel(run, ip)
    panel.show()
    if not panel.settled:
        _panels.add(panel)


def watch(ip: Any) -> None:
    """Be told of the end of each cell."""
    unwatch(ip)
    ip.events.register("post_run_cell", _panels.after_cell)


def unwatch(ip: Any) -> None:
    """Be told no more."""
    if _panels.after_cell in ip.events.callbacks["post_run_cell"]:
        ip.events.unregister("post_run_cell", _panels.after_cell)


def state_of(follower: Follower) -> dict[str, Any]:
    """What the widget draws: plain JSON, bounded in size."""
    card = follower.card()
    began = card.started_us if card.started_us is not None else time.time_ns() // 1000
    until = card.ended_us if card.ended_us is not None else time.time_ns() // 1000
    return {
        "id": card.id[-6:],
        "name": card.name,
        "experiment": card.experiment,
        "status": card.status,
        "elapsed_ms": max(0, (until - began) // 1000),
        "unacknowledged": card.unacknowledged,
        "metrics": [
            {
                "name": course.name,
                "text": number_text(course.value),
                "step": course.step,
                "points": [[step, _json(value)] for step, value in _thin(course.course())]
                if place < _MOST_CHARTS
                else [],
            }
            for place, course in enumerate(list(follower.courses.values())[:_MOST_ROWS])
        ],
        "more_metrics": max(0, len(follower.courses) - _MOST_ROWS),
        "params": [[key, param_text(value)[:200]] for key, value in list(card.params.items())[:_MOST_ROWS]],
        "more_params": max(0, len(card.params) - _MOST_ROWS),
        "tags": [[key, value[:200]] for key, value in list(card.tags.items())[:_MOST_ROWS]],
    }


def _thin(points: list[tuple[int, float]], most: int = 120) -> list[tuple[int, float]]:
    if len(points) <= most:
        return points
    return [points[round(place * (len(points) - 1) / (most - 1))] for place in range(most)]


def _json(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _but_elapsed(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "elapsed_ms"}


def _widget(state: dict[str, Any]) -> Any:
    """The widget, or None where there is no front end for one."""
    try:
        from ipykernel.kernelbase import Kernel

        if not Kernel.initialized():
            return None
        from nbproof.notebook.panel import RunPanel
    except ImportError:
        return None
    return RunPanel(state=state)
