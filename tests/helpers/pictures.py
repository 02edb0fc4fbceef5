"""Pictures for the documentation, of what tests look at: AICONVAI_PICTURES=docs/images pytest tests/page"""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

LARGEST_BYTES = 150_000


def picture(page: Page, name: str) -> None:
    """Where they are wanted: what the page shows now."""
    if folder := os.environ.get("AICONVAI_PICTURES"):
        path = Path(folder) / f"{name}.png"
        page.screenshot(path=path)
        assert path.stat().st_size < LARGEST_BYTES, f"{path}: everybody who clones the repository has it"
