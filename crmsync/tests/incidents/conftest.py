import pytest


@pytest.fixture(autouse=True)
def _told(settings):
    settings.SUPPORT_EMAILS = ["desk@example.com"]
