"""What the browser tests need."""

import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from conftest import PASSWORD
from syncsite.demo.processes import procfile

CHROMIUM = shutil.which("chromium")
NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
]
COMMANDS = procfile(Path(settings.BASE_DIR) / "Procfile")
# What moves by itself, from where to where.
SHIFTS = """
window.shifts = [];
const told = ({ node, previousRect, currentRect }) =>
  [node?.textContent, previousRect, currentRect].map((one) => JSON.stringify(one)).join(" ");
new PerformanceObserver((list) =>
  list.getEntries().forEach(({ sources }) => shifts.push(...sources.map(told))),
).observe({ type: "layout-shift", buffered: false });
"""


@contextmanager
def opened(browser, url, **options):
    """A page; whatever it asks of another host, and every error of its scripts, is a failure."""
    context = browser.new_context(**{"locale": "en-US", "timezone_id": "Europe/Berlin", **options})
    problems = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    foreign = re.compile(rf"^(?!{re.escape(url)}|data:)")
    context.route(foreign, lambda route: (problems.append(route.request.url), route.abort()))
    yield context.new_page()
    context.close()
    assert problems == []


def expect(it):
    return pytest.importorskip("playwright.sync_api").expect(it)


def headline(page, text):
    return page.locator("#head", has_text=text)


def sign_in(page, user):
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Meetings")).to_be_visible()


def violations(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
