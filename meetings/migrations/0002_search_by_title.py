"""An index for `title__icontains` where the database has one for that.

Needs the right to create the extension pg_trgm, which the owner of a database has.
"""

from django.db import migrations

MAKE = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX IF NOT EXISTS meetings_by_title
    ON meetings_meeting USING gin (UPPER(title::text) gin_trgm_ops);
"""


def make_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(MAKE)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS meetings_by_title")


class Migration(migrations.Migration):
    dependencies = [("meetings", "0001_initial")]
    operations = [migrations.RunPython(make_index, drop_index)]
