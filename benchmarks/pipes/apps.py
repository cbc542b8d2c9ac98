from django.apps import AppConfig
from django.utils.module_loading import import_string


class PipesConfig(AppConfig):
    name = "benchmarks.pipes"

    def ready(self) -> None:
        # By name, because both need the models, which are loaded by now.
        providers = import_string("crmsync.providers.PROVIDERS")
        providers["steady"] = import_string("benchmarks.pipes.provider.SteadyCrm")
