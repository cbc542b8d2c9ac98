"""The two groups of the support desk. What they may do stays as somebody changes it later."""

from django.conf import settings
from django.db import migrations

SEEN = {
    "crmsync": ["connection", "incident", "intervention", "remoterecord", "syncattempt", "syncrun"],
    "meetings": ["attendee", "meeting"],
}
DONE = {
    ("syncrun", "requeue_syncrun"): "Can re-queue syncs",
    ("syncrun", "cancel_syncrun"): "Can cancel syncs",
    ("incident", "snooze_incident"): "Can snooze incidents",
}


def make_groups(apps, schema_editor):
    content_types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects

    # Django makes these only after the last migration.
    def permission(app, model, codename, name):
        content_type, _ = content_types.get_or_create(app_label=app, model=model)
        return permissions.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )[0]

    look = [
        permission(app, model, f"view_{model}", f"Can view {model}")
        for app, models in SEEN.items()
        for model in models
    ]
    act = [permission("crmsync", *codename, name) for codename, name in DONE.items()]
    groups = apps.get_model("auth", "Group").objects
    groups.get_or_create(name="Support read-only")[0].permissions.add(*look)
    groups.get_or_create(name="Support")[0].permissions.add(*look, *act)


class Migration(migrations.Migration):
    dependencies = [
        ("crmsync", "0006_provider_of_runs"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
