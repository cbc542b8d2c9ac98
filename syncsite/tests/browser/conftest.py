import os

import pytest
from django.conf import global_settings

from conftest import PASSWORD
from syncsite.tests.browser.chromium import CHROMIUM, COMMANDS, opened
from syncsite.tests.front.test_servers import answers, signed_in
from syncsite.tests.front.test_streams import start
from syncsite.tests.processes import wait_for


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


@pytest.fixture
def user(user, settings):
    """With a password that the processes understand: tests hash more cheaply."""
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def environment():
    """What the processes get besides."""
    return {}


@pytest.fixture
def service(tmp_path, user, environment):
    """The whole product: its processes and its address."""
    running, url = start(tmp_path, COMMANDS["web"], **environment)
    for name in ("worker", "dispatcher"):
        running.start(name, COMMANDS[name])
    with signed_in(url, user) as web:
        wait_for(lambda: answers(web))
    yield running, url
    running.stop()


@pytest.fixture
def url(service):
    return service[1]


@pytest.fixture
def page(browser, url):
    with opened(browser, url) as page:
        page.goto(f"{url}/app")
        yield page
