from django.apps import AppConfig

from syncsite import checks  # noqa: F401 - importing it registers the deployment checks


class SyncsiteConfig(AppConfig):
    name = "syncsite"
