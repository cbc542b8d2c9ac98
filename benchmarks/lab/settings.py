"""The product's settings and one more provider, whose CRM a lab run serves itself."""

from syncsite.settings import *  # noqa: F403
from syncsite.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.lab"]
