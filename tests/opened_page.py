"""A page in a real browser, with what it complained of and asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once for the tests of a file."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        # The sandbox needs privileges that containers lack; the pages are our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class OpenedPage:
    """A page of a file, its console messages and errors (``complaints``), and the addresses it asked for."""

    def __init__(self, browser: Browser, path: Path, width: int = 1400, scheme: str = "light") -> None:
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
        )
        # Hundreds of layers without a GPU take seconds of a core, and tens of them on a busy machine.
        self.page.set_default_timeout(180_000)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    @property
    def alone(self) -> bool:
        """Whether it asked for nothing but itself."""
        asked = [url for url in self.requests if not url.startswith("data:")]
        return len(asked) == 1 and asked[0].startswith("file:")

    @property
    def fits(self) -> bool:
        """Whether nothing makes the page wider than the window."""
        script = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        return bool(self.page.evaluate(script))
