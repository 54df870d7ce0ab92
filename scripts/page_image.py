"""A picture of the upper part of a report page, for the documentation.

``python -m scripts.page_image reports/compare.html docs/images/compare.png --height 1370``
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright


def main() -> None:
    """Open the page in Chromium and save what is seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--width", type=int, default=1200, help="pixels")
    parser.add_argument("--height", type=int, default=1200, help="pixels")
    wanted = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        parser.error("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        # The sandbox needs privileges that containers lack; the pages are our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": wanted.width, "height": wanted.height})
        page.goto(wanted.page.resolve().as_uri())
        shot = page.screenshot()
        browser.close()
    # A page has few colours; a palette of them makes the file a third as large.
    with Image.open(io.BytesIO(shot)) as image:
        small = image.convert("RGB").quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(wanted.image, optimize=True)


if __name__ == "__main__":
    main()
