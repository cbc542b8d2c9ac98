"""By itself: workers lock attempts before incidents, which 0024 changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crmsync", "0024_customers_and_results")]

    operations = [
        migrations.AddField(
            model_name='syncattempt',
            name='worker',
            field=models.CharField(blank=True, db_default='', default='', help_text='Its host and process.', max_length=128),
        ),
    ]
