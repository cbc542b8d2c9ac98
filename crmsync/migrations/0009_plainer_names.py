"""Renames only. A permission keeps its row, so groups keep what they may do."""

from django.db import migrations, models


def rename_permissions(apps, schema_editor):
    permissions = apps.get_model("auth", "Permission").objects
    for action in ("add", "change", "delete", "view"):
        old = permissions.filter(
            codename=f"{action}_intervention", content_type__app_label="crmsync"
        )
        old.update(codename=f"{action}_supportaction", name=f"Can {action} support action")


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("crmsync", "0008_runs_of_connection"),
    ]

    operations = [
        migrations.RenameModel("Intervention", "SupportAction"),
        migrations.RenameModel("SignIn", "OAuthState"),
        migrations.RenameModel("StepPace", "StepDuration"),
        migrations.RenameModel("RunTally", "RunTotals"),
        migrations.RenameModel("StepTally", "StepTotals"),
        migrations.RenameField("syncrun", "turn_at", "ready_since"),
        migrations.RenameField("syncrun", "waits_for_contacts", "waits_for_contact_lock"),
        migrations.RenameField("syncrun", "pace", "expected_seconds"),
        migrations.AlterField(
            "syncrun",
            "expected_seconds",
            models.JSONField(help_text="Of each step, for its progress.", null=True),
        ),
        migrations.RenameField("syncattempt", "makes_contacts", "holds_contact_lock"),
        migrations.RenameField("connection", "contacts_unsure_until", "contact_lock_until"),
        migrations.RenameField("connection", "renewing_until", "refreshing_until"),
        migrations.RenameIndex("supportaction", "due_support_actions", "due_interventions"),
        migrations.RunPython(rename_permissions, migrations.RunPython.noop),
    ]
