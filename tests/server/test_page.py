"""The document of the API, for programs and for people."""

from __future__ import annotations

import base64
import hashlib
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from nbproof.platform.openapi import document
from nbproof.platform.rooms import operations
from nbproof.server.page import Page, render
from tests.server.conftest import Ask

OUTPUT = Path(__file__).resolve().parents[1] / "output" / "screenshots"


@pytest.fixture(scope="module")
def page() -> Page:
    return render(document(server="/lab/nbproof/api/v1"))


async def test_the_document_that_is_served_is_valid(ask: Ask) -> None:
    reply = await ask("GET", "/openapi.json")
    validate(reply.json)
    assert reply.json["servers"] == [{"url": "/a%40b/nbproof/api/v1"}]
    served = {verb["operationId"] for item in reply.json["paths"].values() for verb in item.values()}
    assert {each.name for each in operations()} <= served


async def test_the_page_is_served_and_may_load_nothing(ask: Ask) -> None:
    reply = await ask("GET", "/docs")
    assert reply.headers["Content-Type"] == "text/html; charset=UTF-8"
    policy = reply.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


async def test_the_root_of_the_api_leads_to_the_page(ask: Ask) -> None:
    for path in ("", "/"):
        reply = await ask("GET", path)
        assert (reply.status, reply.headers["Location"]) == (302, "/a%40b/nbproof/api/v1/docs")


def test_the_page_shows_every_operation(page: Page) -> None:
    html = page.html.decode()
    for each in operations():
        assert f'id="{each.name}"' in html


def test_the_policy_names_what_is_in_the_page(page: Page) -> None:
    html = page.html.decode()
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        text = re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert text is not None
        digest = base64.b64encode(hashlib.sha256(text[1].encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in page.policy
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)
    assert " style=" not in html


def test_every_link_in_the_page_leads_somewhere(page: Page) -> None:
    html = page.html.decode()
    anchors = set(re.findall(r' id="([^"]+)"', html))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= anchors


def test_what_the_document_says_cannot_become_markup() -> None:
    spec = document()
    spec["paths"]["/experiments"]["get"]["summary"] = "<script>alert(1)</script>"
    assert "<script>alert" not in render(spec).html.decode()


@pytest.fixture
def address(page: Page) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=UTF-8")
            self.send_header("Content-Security-Policy", page.policy)
            self.end_headers()
            self.wfile.write(page.html)

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody listens."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/docs"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.ui
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_works_in_a_browser(address: str, scheme: Any) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=flags)
        tab = browser.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 900})
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(address)
        tab.screenshot(path=OUTPUT / f"api-{scheme}.png")
        assert tab.locator("#address").inner_text() == address.replace("/docs", "/lab/nbproof/api/v1")
        tab.keyboard.press("/")
        tab.keyboard.type("log metric")
        assert tab.locator(".verb:visible").count() >= 2
        tab.keyboard.press("Control+A")
        tab.keyboard.type("no such thing")
        assert tab.locator("#nothing").is_visible()
        tab.keyboard.press("Escape")
        tab.goto(f"{address}#runs.log_metric")
        assert tab.locator("details[id='runs.log_metric']").get_attribute("open") is not None
        tab.screenshot(path=OUTPUT / f"api-operation-{scheme}.png")
        tab.set_viewport_size({"width": 420, "height": 800})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 420
        tab.screenshot(path=OUTPUT / f"api-narrow-{scheme}.png")
        browser.close()
    assert said == []
