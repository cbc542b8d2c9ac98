"""Delivers alerts by e-mail and Apprise."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from smtplib import SMTPException
from typing import Any

import structlog
from apprise import Apprise
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone

from crmsync.incidents import alerts
from crmsync.incidents.routes import severity_of
from crmsync.models import Alert
from crmsync.support.incident_messages import describe_incident

logger = structlog.get_logger(__name__)


class UndeliveredError(Exception):
    """Its message says why, without any password."""


def deliver(alert_id: int) -> None:
    """Delivers once, however often it is called. A failure is retried later."""
    alert = alerts.claim(alert_id, timezone.now())
    if alert is None:
        return
    try:
        _send(alert)
    except UndeliveredError as error:
        logger.warning("alert not delivered", alert=alert_id, error=str(error))
        alerts.record_failure(alert, str(error))
    else:
        alerts.record_delivery(alert)
        logger.info("alert delivered", alert=alert_id, target=alert.target)


def subject(alert: Alert) -> str:
    told = describe_incident(alert.incident)
    over = "Resolved: " if alert.kind == Alert.Kind.RESOLVED else ""
    return f"[syncsite] {over}{told['title']} ({told['scope']})"


def body(alert: Alert) -> str:
    incident, told = alert.incident, describe_incident(alert.incident)
    lines = [f"{told['title']}.", "", f"Concerns: {told['scope']}"]
    lines += [f"Syncs affected: {incident.syncs}", f"Since: {_format_time(incident.opened_at)}"]
    if alert.kind == Alert.Kind.RESOLVED and incident.resolved_at:
        lines += [f"Until: {_format_time(incident.resolved_at)}"]
        by = f"Resolved by: {incident.resolved_by}, “{incident.note}”"
        lines += [by] if incident.resolved_by else []
    else:
        lines += [f"Severity: {severity_of(incident)}", ""]
        lines += [f"Who acts: {told['who']}", f"What to do: {told['remedy']}"]
    page = reverse("admin:crmsync_incident_change", args=[incident.pk])
    return "\n".join([*lines, "", f"{settings.PUBLIC_URL}{page}"])


def _format_time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def send_tests() -> Iterator[tuple[str, str]]:
    """A message to each address: how the address may be named, and why it did not arrive, if so."""
    message = ("[syncsite] Test", "Alerts of syncsite arrive here.")
    for address in settings.SUPPORT_EMAILS:
        yield address, _why_not(_send_mail, [address], *message)
    for number, url in enumerate(settings.ALERT_URLS, 1):
        # The rest of it may be a password.
        name = f"ALERT_URLS, number {number} ({url.partition(':')[0]})"
        yield name, _why_not(_notify, url, *message)


def _why_not(send: Callable[..., None], *given: Any) -> str:
    try:
        send(*given)
    except UndeliveredError as error:
        return str(error)
    return ""


def _send(alert: Alert) -> None:
    message = (subject(alert), body(alert))
    if alert.target == alerts.E_MAIL:
        _send_mail(settings.SUPPORT_EMAILS, *message)
        return
    url = alerts.targets().get(alert.target)
    if url is None:
        raise UndeliveredError("The address is not one of the ALERT_URLS any more.")
    _notify(url, *message)


def _send_mail(addresses: Sequence[str], title: str, text: str) -> None:
    if settings.EMAIL_BACKEND in alerts.WITHOUT_SERVER:
        raise UndeliveredError("EMAIL_URL is not set, so no mail server could take it.")
    mail = EmailMessage(title, text, to=addresses)
    try:
        if not mail.send():
            raise UndeliveredError("The mail server took nothing.")
    except (OSError, SMTPException) as error:
        raise UndeliveredError(f"The mail server refused: {type(error).__name__}") from error


def _notify(url: str, title: str, text: str) -> None:
    apprise = Apprise()
    if not apprise.add(url):
        raise UndeliveredError("Apprise does not understand this one of the ALERT_URLS.")
    if not apprise.notify(title=title, body=text):
        raise UndeliveredError("Apprise could not deliver it.")
