from django.apps import AppConfig
from django.utils.module_loading import import_string


class LabConfig(AppConfig):
    name = "benchmarks.lab"

    def ready(self) -> None:
        # By name, because both need the models, which are loaded by now.
        providers = import_string("crmsync.providers.PROVIDERS")
        providers["lab"] = import_string("benchmarks.lab.provider.LabCrm")
