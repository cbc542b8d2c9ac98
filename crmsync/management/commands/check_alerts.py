from typing import Any

from django.core.management.base import CommandError

from crmsync.management.base import BriefCommand
from crmsync.support.alert_delivery import send_tests


class Command(BriefCommand):
    help = "Sends a test message to each address of SUPPORT_EMAILS and ALERT_URLS."

    def handle(self, *args: Any, **options: Any) -> str:
        sent = []
        for address, why_not in send_tests():
            self.stdout.write(f"{address}: {why_not or 'accepted'}")
            sent.append(not why_not)
        if not sent:
            raise CommandError("Nobody gets an alert: set SUPPORT_EMAILS or ALERT_URLS.")
        if not all(sent):
            raise CommandError(f"{sent.count(False)} of {len(sent)} did not arrive.")
        return "See whether they arrived: what is accepted may still be lost on its way."
