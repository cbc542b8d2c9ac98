from typing import Any

from django.db import models

from accounts import addresses


class LowercaseEmailField(models.EmailField):
    """Compares and stores addresses in one spelling, so that `unique` ignores the others."""

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return addresses.normalize(value) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.get_prep_value(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value
