"""The product's front, with nothing behind it but one view of bare Django."""

from syncsite.settings import *  # noqa: F403

MIDDLEWARE = []
ROOT_URLCONF = "benchmarks.polls.servers.bare_urls"
