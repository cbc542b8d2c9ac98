"""Tells people by mail what only they can mend, in their language and their words."""

from datetime import datetime
from smtplib import SMTPException
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crmsync.incidents import notices
from crmsync.models import Notice, SyncRun
from crmsync.operations import mails
from crmsync.status import delivery
from crmsync.support.incident_messages import one_line

logger = structlog.get_logger(__name__)


def deliver(notice_id: int) -> None:
    """Delivers once, however often it is called, if it is still so. A failure is retried later."""
    now = timezone.now()
    notice = notices.claim(notice_id, now)
    if notice is None:
        return
    with translation.override(notice.user.language or settings.LANGUAGE_CODE):
        told = _still_so(notice, now)
        if told is None or not notice.user.mail_about_syncs:
            notices.withdraw(notice)
        else:
            _send(notice, told)


def _still_so(notice: Notice, now: datetime) -> dict[str, Any] | None:
    """What the person reads on the page, if the cause still stands in the way."""
    runs = SyncRun.objects.latest_of(notice.run.meeting_id)
    latest = runs.select_related("meeting__user__connection", "connection__host").first()
    if latest is None or latest.pk != notice.run_id:
        return None
    told = delivery.build(latest.meeting, latest, now)
    is_so = told["error"] and told["error"]["code"] == notice.cause
    return told if is_so and told["state"] in {"paused", "failed"} else None


def _send(notice: Notice, told: dict[str, Any]) -> None:
    stop = mails.stop_url(notice.user)
    mail = EmailMessage(
        subject=f"{told['headline']}: {_title(notice)}",
        body=_body(notice, told, stop),
        to=[notice.user.email],
        headers={
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    try:
        mail.send()
    except (OSError, SMTPException) as error:
        logger.warning("notice not delivered", notice=notice.pk, error=type(error).__name__)
        notices.record_failure(notice, f"The mail server refused: {type(error).__name__}")
    else:
        notices.record_delivery(notice)
        logger.info("notice delivered", notice=notice.pk, cause=notice.cause)


def _title(notice: Notice) -> str:
    return _("“{title}”").format(title=one_line(notice.run.meeting.title))


def _body(notice: Notice, told: dict[str, Any], stop: str) -> str:
    error = told["error"]
    lines = [
        _(
            "Your meeting {title} could not be saved in your CRM. Nothing is lost: we keep it safe."
        ).format(title=_title(notice)),
        "",
        f"{error['title']}. {error['message']}",
        _("What you can do: {remedy}").format(remedy=error["remedy"]),
        "",
        _("More about it: {url}").format(url=error["help_url"]),
        _("For our support: {reference}").format(reference=error["reference"]),
        "",
        _("You get at most one such e-mail a day for each cause. To stop them: {url}").format(
            url=stop
        ),
    ]
    return "\n".join(lines)
