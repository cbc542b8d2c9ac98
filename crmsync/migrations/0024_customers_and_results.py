"""Customers, what became of each target of an action, and what the group Support may do since."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


LOOKS = [
    ("customer", "view_customer", "Can view customer"),
    ("sandboxrecord", "view_sandboxrecord", "Can view sandbox record"),
]
ACTS = [
    ("connection", "pause_connection", "Can pause and resume connections"),
    ("connection", "check_connection", "Can check connections"),
    ("customer", "send_password_mail", "Can send password mails to customers"),
]


def grant(apps, schema_editor):
    content_types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects

    # Django makes these only after the last migration.
    def permission(model, codename, name):
        content_type, _ = content_types.get_or_create(app_label="crmsync", model=model)
        return permissions.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )[0]

    groups = apps.get_model("auth", "Group").objects
    for name, added in (("Support read-only", LOOKS), ("Support", [*LOOKS, *ACTS])):
        for group in groups.filter(name=name):
            group.permissions.add(*(permission(*one) for one in added))
    snooze = permissions.filter(codename="snooze_incident")
    snooze.update(name="Can snooze and resolve incidents")


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_ended_tokens'),
        ('crmsync', '0023_recent_totals'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ActionResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='results', to='crmsync.supportaction')),
                ('target', models.PositiveBigIntegerField(help_text='An id; the kind of the action says of what.')),
                ('outcome', models.CharField(max_length=64)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
            ],
            options={
                'permissions': [('send_password_mail', 'Can send password mails to customers')],
                'proxy': True,
                'default_permissions': ('view',),
                'indexes': [],
                'constraints': [],
            },
            bases=('accounts.user',),
        ),
        migrations.AlterModelOptions(
            name='connection',
            options={'permissions': [('pause_connection', 'Can pause and resume connections'), ('check_connection', 'Can check connections')]},
        ),
        migrations.AlterModelOptions(
            name='incident',
            options={'ordering': ['-id'], 'permissions': [('snooze_incident', 'Can snooze and resolve incidents')]},
        ),
        migrations.AddField(
            model_name='incident',
            name='note',
            field=models.TextField(blank=True, db_default='', default='', help_text='Of who resolved it.'),
        ),
        migrations.AddField(
            model_name='incident',
            name='resolved_by',
            field=models.CharField(blank=True, db_default='', default='', help_text='Empty: by itself.', max_length=254),
        ),
        migrations.AddField(
            model_name='supportaction',
            name='stopped_by',
            field=models.CharField(blank=True, db_default='', default='', help_text='Before it was done.', max_length=254),
        ),
        migrations.AlterField(
            model_name='connection',
            name='state',
            field=models.CharField(choices=[('connected', 'connected'), ('needs_reauth', 'has to reconnect'), ('paused', 'paused by support'), ('disconnected', 'disconnected')], default='connected', max_length=16),
        ),
        migrations.AlterField(
            model_name='supportaction',
            name='kind',
            field=models.CharField(choices=[('requeue', 're-queue where it failed'), ('restart', 're-queue from the start'), ('retry', 'retry now'), ('cancel', 'cancel'), ('pause', 'pause the connection'), ('resume', 'resume the connection'), ('check', 'check the connection'), ('password_mail', 'send a password mail'), ('snooze_hour', 'snooze for an hour'), ('snooze_day', 'snooze for a day'), ('end_snooze', 'end the snooze'), ('resolve', 'resolve'), ('log_in', 'log in')], max_length=16),
        ),
        migrations.AlterField(
            model_name='supportaction',
            name='targets',
            field=models.JSONField(help_text='Ids of what it acts on: meetings, connections, customers or incidents.'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['resolved_at'], name='incidents_by_end'),
        ),
        migrations.AddIndex(
            model_name='supportaction',
            index=models.Index(fields=['created_at'], name='support_actions_by_age'),
        ),
        migrations.AddIndex(
            model_name='actionresult',
            index=models.Index(fields=['target', '-id'], name='actions_on_target'),
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
