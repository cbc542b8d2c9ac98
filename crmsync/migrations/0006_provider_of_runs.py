"""Notes in each run which CRM it wrote to, as far as that is still known."""

from django.db import migrations
from django.db.models import Max, OuterRef, Subquery

BATCH = 10_000


def note_providers(apps, schema_editor):
    runs = apps.get_model("crmsync", "SyncRun").objects
    connections = apps.get_model("crmsync", "Connection").objects
    provider = connections.filter(pk=OuterRef("connection")).values("provider")[:1]
    newest = runs.aggregate(pk=Max("pk"))["pk"] or 0
    for start in range(0, newest + 1, BATCH):
        batch = runs.filter(pk__gte=start, pk__lt=start + BATCH, provider="")
        batch.update(provider=Subquery(provider))


class Migration(migrations.Migration):
    atomic = False  # Each batch frees its rows at once.
    dependencies = [("crmsync", "0005_support_desk")]
    operations = [migrations.RunPython(note_providers, migrations.RunPython.noop, elidable=True)]
