"""A Django project of one view and no middleware."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[],
    ROOT_URLCONF="benchmarks.polls.servers.bare_urls",
    SECRET_KEY=os.environ["SECRET_KEY"],
)
application = get_wsgi_application()
