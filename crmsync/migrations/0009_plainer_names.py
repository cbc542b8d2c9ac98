"""Renames only. A permission keeps its row, so groups keep what they may do."""

from django.db import migrations, models

RENAMED = {
    "intervention": ("supportaction", "support action"),
    "signin": ("oauthstate", "OAuth state"),
    "steppace": ("stepduration", "step duration"),
    "runtally": ("runtotals", "run totals"),
    "steptally": ("steptotals", "step totals"),
}


def rename_permissions(apps, schema_editor):
    permissions = apps.get_model("auth", "Permission").objects
    for old, (new, name) in RENAMED.items():
        for action in ("add", "change", "delete", "view"):
            known = permissions.filter(
                codename=f"{action}_{old}", content_type__app_label="crmsync"
            )
            known.update(codename=f"{action}_{new}", name=f"Can {action} {name}")


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
        migrations.RemoveConstraint(
            model_name='runtotals',
            name='one_tally_per_kind_of_run',
        ),
        migrations.RemoveConstraint(
            model_name='stepduration',
            name='one_pace_per_step',
        ),
        migrations.RemoveConstraint(
            model_name='steptotals',
            name='one_tally_per_step',
        ),
        migrations.AlterField(
            model_name='syncrun',
            name='counted',
            field=models.BooleanField(db_default=False, default=False, help_text='In the totals.'),
        ),
        migrations.AddConstraint(
            model_name='runtotals',
            constraint=models.UniqueConstraint(fields=('provider', 'status', 'error_code'), name='one_total_per_kind_of_run'),
        ),
        migrations.AddConstraint(
            model_name='stepduration',
            constraint=models.UniqueConstraint(fields=('provider', 'step'), name='one_duration_per_step'),
        ),
        migrations.AddConstraint(
            model_name='steptotals',
            constraint=models.UniqueConstraint(fields=('provider', 'step'), name='one_total_per_step'),
        ),
        migrations.RunPython(rename_permissions, migrations.RunPython.noop),
    ]
