import os

import pytest

from syncsite.tests.browser.chromium import CHROMIUM


@pytest.fixture(scope="module")
def browser():
    # Playwright runs an event loop in this thread, of which Django warns.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    options = ["--no-sandbox", "--disable-gpu"]
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
