from django.apps import AppConfig
from django.utils.module_loading import import_string


class BenchmarksConfig(AppConfig):
    name = "benchmarks"

    def ready(self) -> None:
        # By name, because all of them need the models, which are loaded by now.
        providers = import_string("crmsync.providers.PROVIDERS")
        providers["faulty"] = import_string("benchmarks.lab.provider.FaultyCrm")
        providers["steady"] = import_string("benchmarks.workers.provider.SteadyCrm")
