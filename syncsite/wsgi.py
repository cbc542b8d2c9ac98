import gc
import os

from django.core.wsgi import get_wsgi_application

from syncsite.orphans import follow_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "syncsite.settings")
application = get_wsgi_application()
# What is loaded by now stays; to look through it for garbage costs a tenth of a poll.
gc.freeze()
# A worker of granian would go on serving, after a deployment even the code of before.
follow_parent()
