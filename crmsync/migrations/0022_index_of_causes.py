"""Was part of 0017, where making it kept people from writing. It may exist already."""

from django.db import migrations, models

from meetings.indexes import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("crmsync", "0021_password_resets")]
    operations = [
        AddIndexOnline(
            model_name="syncrun",
            index=models.Index(
                condition=models.Q(("error_cause", ""), _negated=True),
                fields=["error_cause", "-id"],
                name="runs_by_cause",
            ),
        ),
    ]
