"""The only writer of Alert: which message about an incident goes to whom, and when it is retried.

A row is created in the transaction that changes the incident, so no alert is lost if the mail
server is down. alert_delivery.py sends it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from crmsync.incidents.routes import Route, route_of
from crmsync.models import Alert, Incident
from crmsync.models.delivery import RESEND_AFTER

E_MAIL = "e-mail"
# Backends of Django that no mail leaves.
WITHOUT_SERVER = {
    f"django.core.mail.backends.{kind}.EmailBackend" for kind in ("console", "dummy", "filebased")
}
FIRST_DELAY = timedelta(seconds=15)
MAX_DELAY = timedelta(minutes=15)
GIVE_UP_AFTER = timedelta(days=3)


def request(incident: Incident, kind: str) -> None:
    """One alert per address. Call this within the transaction that changes the incident."""
    # Whoever was told that it began is told that it is over.
    told = set(incident.alerts.values_list("target", flat=True))
    chosen = sorted(told) if kind == Alert.Kind.RESOLVED else _targets_of(incident)
    Alert.objects.bulk_create(
        Alert(incident=incident, kind=kind, target=target) for target in chosen
    )


def _targets_of(incident: Incident) -> Iterable[str]:
    """Whoever is on call is not woken for what they cannot mend, if a mail can tell of it."""
    every = targets()
    is_for_all = route_of(incident) is Route.ON_CALL or E_MAIL not in every
    return every if is_for_all else [E_MAIL]


def targets() -> dict[str, str]:
    """The addresses, each under a name that hides it, because they contain passwords."""
    by_mail = {E_MAIL: ", ".join(settings.SUPPORT_EMAILS)} if settings.SUPPORT_EMAILS else {}
    return by_mail | {
        hashlib.sha256(url.encode()).hexdigest()[:16]: url for url in settings.ALERT_URLS
    }


def select_due(now: datetime) -> list[int]:
    return Alert.objects.select_due(now)


def overdue(now: datetime) -> Iterator[int]:
    """Those that no worker has taken despite their hint, or that say that there is none."""
    is_stall = Q(incident__connection=None, incident__provider="")
    late = Alert.objects.undelivered().filter(
        Q(due_at__lte=now - 3 * RESEND_AFTER) | (is_stall & Q(due_at__lte=now))
    )
    yield from late.values_list("pk", flat=True)[:10]


def claim(pk: int, now: datetime) -> Alert | None:
    """Claims the alert for one delivery; None if it is not due."""
    if not Alert.objects.claim(pk, now):
        return None
    return Alert.objects.select_related("incident__connection__user").get(pk=pk)


def record_delivery(alert: Alert) -> None:
    Alert.objects.record_delivery(alert.pk, timezone.now())


def record_failure(alert: Alert, why: str) -> None:
    now = timezone.now()
    delay = min(FIRST_DELAY * 2 ** min(alert.tries - 1, 10), MAX_DELAY)
    given_up_at = now if now - alert.created_at > GIVE_UP_AFTER else None
    Alert.objects.record_failure(
        alert.pk, alert.tries, why, retry_at=now + delay, given_up_at=given_up_at
    )
