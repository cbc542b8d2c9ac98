"""Indexes for counting a person's meetings, and for finding an attendee in the middle of a name."""

from django.conf import settings
from django.db import migrations, models

from meetings.indexes import AddIndexOnline, RemoveIndexOnline, without_lock_timeout

# Can be run again: an interrupted CREATE leaves an invalid index of that name.
MAKE = [
    "DROP INDEX CONCURRENTLY IF EXISTS attendees_by_name_and_address",
    """
    CREATE INDEX CONCURRENTLY attendees_by_name_and_address ON meetings_attendee
    USING gin (UPPER(email::text) gin_trgm_ops, UPPER(name::text) gin_trgm_ops)
    """,
]


def make_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        with without_lock_timeout(schema_editor):
            for statement in MAKE:
                schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS attendees_by_name_and_address")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("meetings", "0009_start_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        AddIndexOnline(
            model_name="meeting",
            index=models.Index(
                condition=models.Q(("removing_since", None)),
                fields=["user", "-id"],
                name="meetings_kept_of_user",
            ),
        ),
        RemoveIndexOnline(model_name="meeting", name="meetings_of_user"),
        migrations.RunPython(make_index, drop_index),
    ]
