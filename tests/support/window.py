"""JupyterLab in a browser, as its user sees and drives it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .lab import Lab
from .plain_user import REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

__all__ = ["SCREENSHOTS", "Window"]

SCREENSHOTS = REPOSITORY / "tests" / "output" / "screenshots"
PATIENCE = 60_000  # ms; the machine may be busy


class Window:
    """JupyterLab as its user sees it."""

    def __init__(self, browser: Browser, lab: Lab) -> None:
        self.lab = lab
        self._context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self._complain(str(error)))

    def _complain(self, text: str) -> None:
        # anywidget says this of a model that is gone by the time the browser has loaded it: the run has ended
        # meanwhile and its card stands there already.
        if text != "[anywidget] Failed to initialize model.":
            self.complaints.append(text)

    def open(self, notebook: str | None = None, *, panel: bool = True) -> None:
        """Load JupyterLab without what earlier windows left, with a notebook and the panel."""
        place = f"/tree/{notebook}" if notebook else ""
        self.page.goto(
            f"{self.lab.url}lab/workspaces/{os.urandom(4).hex()}{place}?reset&token={self.lab.token}"
        )
        self.page.wait_for_function("window.jupyterapp?.restored")
        self.page.evaluate("async () => { await window.jupyterapp.restored; }")
        if notebook:
            self.wait_for_kernel()
        if panel:
            self.command("nbproof:show-runs")
            self.page.locator("#nbproof-runs").wait_for()

    def open_notebook(self, path: str) -> None:
        """Open another notebook, or bring it to the front."""
        self.command("docmanager:open", path=path)
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Until the notebook in front has an idle kernel."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                return panel?.sessionContext?.session?.kernel?.status === 'idle'
                    && panel.content?.widgets?.length > 0;
            }"""
        )

    def command(self, name: str, **arguments: Any) -> None:
        """Execute one of JupyterLab's commands."""
        self.page.evaluate(
            "async ([name, args]) => { await window.jupyterapp.commands.execute(name, args); }",
            [name, arguments],
        )

    def run_cell(self, index: int) -> str:
        """Run a cell of the notebook in front, as Ctrl+Enter does; the text it showed."""
        said: dict[str, Any] = self.page.evaluate(
            """async index => {
                const panel = window.jupyterapp.shell.currentWidget;
                panel.content.activeCellIndex = index;
                await window.jupyterapp.commands.execute('notebook:run-cell');
                const outputs = panel.content.widgets[index].model.outputs.toJSON();
                const textOf = one => [].concat(one.text ?? one.data?.['text/plain'] ?? '').join('');
                return {
                    error: outputs.flatMap(one => one.traceback ?? []).join('\\n'),
                    text: outputs.map(textOf).join('')
                };
            }""",
            index,
        )
        assert not said["error"], said["error"]
        return str(said["text"])

    def run_all(self) -> None:
        """Run the notebook in front from top to bottom."""
        count = self.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
        for index in range(count):
            self.run_cell(index)

    def restart_kernel(self) -> None:
        """A new kernel for the notebook in front."""
        self.page.evaluate(
            "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.restartKernel(); }"
        )
        self.wait_for_kernel()

    def dismiss_dialogs(self) -> None:
        """From now on, close what JupyterLab tells in dialogs."""
        dialogs = self.page.locator(".jp-Dialog").first
        self.page.add_locator_handler(dialogs, lambda: self.page.keyboard.press("Escape"))

    def theme(self, name: str) -> None:
        """Change to ``JupyterLab Light`` or ``JupyterLab Dark``."""
        self.command("apputils:change-theme", theme=name)
        dark = "false" if "Dark" in name else "true"
        self.page.locator(f"body[data-jp-theme-light='{dark}'][data-jp-theme-name='{name}']").wait_for(
            state="attached"
        )
        # JupyterLab covers a change with its splash screen, and takes it away a moment later; of two changes
        # within that moment the second finds it gone, and complains.
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def screenshot(self, name: str) -> Path:
        """Keep what is to be seen."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, animations="disabled")
        return path

    def both_themes(self, name: str) -> None:
        """Keep it in light and dark."""
        for theme in ("Dark", "Light"):
            self.theme(f"JupyterLab {theme}")
            self.screenshot(f"{name}-{theme.lower()}")

    @property
    def panel(self) -> Locator:
        """The sidebar."""
        return self.page.locator("#nbproof-runs")

    @property
    def workspace(self) -> str:
        """Name of the workspace that the panel shows."""
        return str(self.panel.get_by_label("Workspace", exact=True).locator("option:checked").inner_text())

    def close(self) -> None:
        """Close the window and the kernels of its notebooks."""
        # Shown by pytest if the test failed.
        print(self.page.locator("#nbproof-runs").all_inner_texts())
        print(self.lab.log.read_text()[-5000:])
        self._context.close()
        if not self.lab.is_running:
            return
        for session in self.lab.ask("GET", "sessions", api="api/"):
            self.lab.ask("DELETE", f"sessions/{session['id']}", api="api/")
