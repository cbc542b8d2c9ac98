from django.db import migrations

from accounts import addresses


def respell(apps, schema_editor):
    """Hosts beyond ASCII; of two spellings in one meeting the first stays."""
    attendees = apps.get_model("meetings", "Attendee").objects
    for attendee in attendees.filter(email__regex=r"[^ -~]"):
        email = addresses.normalize(attendee.email)
        same = attendees.filter(meeting=attendee.meeting_id, email=email)
        if same.exclude(pk=attendee.pk).exists():
            attendee.delete()
        else:
            attendees.filter(pk=attendee.pk).update(email=email)


class Migration(migrations.Migration):
    dependencies = [("meetings", "0005_content_digest")]

    operations = [migrations.RunPython(respell, migrations.RunPython.noop)]
