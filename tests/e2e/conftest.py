"""A JupyterLab for all tests here, and a browser to look at it.

Screenshots are kept in ``tests/output/screenshots``.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.lab import Lab
from tests.support.plain_user import PlainUser
from tests.support.window import Window

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def lab(plain_user: PlainUser) -> Iterator[Lab]:
    lab = Lab(plain_user)
    lab.wait()
    yield lab
    lab.stop()


# pytest-jupyter would close Playwright's event loop after each test.
@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """No test here is async."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """No server runs in this process."""


# Not for the session: while Playwright runs, its event loop is the main thread's; other tests need theirs.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    # The machine may be busy; what must be fast is measured where it is tested.
    playwright.expect.set_options(timeout=20_000)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def window(browser: Browser, lab: Lab) -> Iterator[Window]:
    window = Window(browser, lab)
    yield window
    window.close()
    # anywidget says so where a run has ended, and its live panel with it, before the panel was drawn.
    known = "[anywidget] Failed to initialize model."
    assert [each for each in window.complaints if each != known] == []


@pytest.fixture
def new_window(browser: Browser) -> Iterator[Callable[[Lab], Window]]:
    """Windows on servers other than `lab`."""
    windows: list[Window] = []

    def make(lab: Lab) -> Window:
        windows.append(Window(browser, lab))
        return windows[-1]

    yield make
    for window in windows:
        window.close()
