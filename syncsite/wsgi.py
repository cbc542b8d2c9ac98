import gc
import os

import structlog
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from syncsite.orphans import follow_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncsite.settings")
application = get_wsgi_application()
structlog.get_logger(__name__).info("web process started", version=settings.VERSION)
# What is loaded by now stays; scanning it for garbage costs a tenth of a poll.
gc.freeze()
# An orphaned granian worker would go on serving old code after a deployment.
follow_parent()
