"""Sends the mail with which a person chooses a new password."""

from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts import password_reset
from accounts.models import User
from crmsync.models import PasswordMail
from crmsync.operations import passwords

logger = structlog.get_logger(__name__)
CONSOLE = "django.core.mail.backends.console.EmailBackend"


def deliver(mail_id: int) -> None:
    """Delivers once, however often it is called. A failure is retried later."""
    mail = passwords.claim(mail_id, timezone.now())
    if mail is None:
        return
    user = password_reset.may_reset().filter(email=mail.email).first()
    if user is None:
        passwords.withdraw(mail)
        return
    with translation.override(user.language or mail.language or settings.LANGUAGE_CODE):
        _send(mail, user)


def _send(mail: PasswordMail, user: User) -> None:
    if settings.EMAIL_BACKEND == CONSOLE and not settings.IS_LOCAL:
        _fail(mail, "EMAIL_URL is not set")  # A log is no place for the link.
        return
    try:
        EmailMessage(_("Choose a new password"), _body(user), to=[user.email]).send()
    except (OSError, SMTPException) as error:
        _fail(mail, f"The mail server refused: {type(error).__name__}")
    else:
        passwords.record_delivery(mail)
        logger.info("password mail delivered", mail=mail.pk)


def _fail(mail: PasswordMail, why: str) -> None:
    logger.warning("password mail not delivered", mail=mail.pk, error=why)
    passwords.record_failure(mail, why)


def _body(user: User) -> str:
    url = f"{settings.PUBLIC_URL}{reverse('new-password')}?token={password_reset.make_token(user)}"
    lines = [
        _("Somebody, most likely you, asked for a new password at syncsite."),
        "",
        _("Choose it here within an hour: {url}").format(url=url),
        "",
        _("If it was not you, ignore this e-mail. Your password stays as it is."),
    ]
    return "\n".join(lines)
