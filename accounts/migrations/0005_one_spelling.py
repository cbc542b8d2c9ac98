from django.db import migrations

from accounts import addresses


def respell(apps, schema_editor):
    """Hosts beyond ASCII; an address that somebody else has already stays as it is."""
    users = apps.get_model("accounts", "User").objects
    for user in users.filter(email__regex=r"[^ -~]"):
        email = addresses.normalize(user.email)
        if not users.filter(email=email).exclude(pk=user.pk).exists():
            users.filter(pk=user.pk).update(email=email)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_mail_about_syncs")]

    operations = [migrations.RunPython(respell, migrations.RunPython.noop)]
