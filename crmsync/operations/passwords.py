"""A new password for whoever reads the mails of an address. The only writer of PasswordMail."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language

from accounts import password_reset
from accounts.models import User
from crmsync.connections import store
from crmsync.engine import scheduling
from crmsync.models import PasswordMail

LIFETIME = timedelta(hours=1)
ONE_EVERY = timedelta(minutes=5)
RETRY_AFTER = timedelta(seconds=30)


class UnknownTokenError(Exception):
    """Not ours, expired, or used before."""


def request_mail(email: str, language: str = "") -> bool:
    """Takes as long whether or not anybody has the address. False if one was just asked for.

    In that language, or in the one of the request.
    """
    now = timezone.now()
    asked = {"language": language or get_language() or "", "created_at": now, "due_at": now}
    again = {"tries": 0, "sent_at": None, "delivered_at": None, "given_up_at": None}
    earlier = PasswordMail.objects.filter(email=email, created_at__lte=now - ONE_EVERY)
    if earlier.update(**asked, **again, last_error=""):
        return True
    PasswordMail.objects.bulk_create([PasswordMail(email=email, **asked)], ignore_conflicts=True)
    return PasswordMail.objects.filter(email=email, created_at=now).exists()


def select_due(now: datetime) -> list[int]:
    return PasswordMail.objects.select_due(now)


def claim(pk: int, now: datetime) -> PasswordMail | None:
    """Claims the mail for one delivery; None if it is not due."""
    if not PasswordMail.objects.claim(pk, now):
        return None
    return PasswordMail.objects.get(pk=pk)


def record_delivery(mail: PasswordMail) -> None:
    PasswordMail.objects.record_delivery(mail.pk, timezone.now())


def record_failure(mail: PasswordMail, why: str) -> None:
    now = timezone.now()
    given_up_at = now if now - mail.created_at > LIFETIME else None
    PasswordMail.objects.record_failure(
        mail.pk, mail.tries, why, retry_at=now + RETRY_AFTER, given_up_at=given_up_at
    )


def withdraw(mail: PasswordMail) -> None:
    PasswordMail.objects.undelivered().filter(pk=mail.pk).update(given_up_at=timezone.now())


def forget(email: str) -> None:
    PasswordMail.objects.filter(email=email).delete()


@transaction.atomic
def reset(token: str, password: str) -> User:
    """Ends every token of theirs. The CRM hears of nothing until they connect it again.

    Raises UnknownTokenError.
    """
    user = password_reset.user_of(token, is_locked=True)
    if user is None:
        raise UnknownTokenError
    user.set_password(password)
    user.save(update_fields=["password", "token_key"])
    connection = store.lock(user=user)
    if connection is not None and store.mark_unconfirmed(connection):
        scheduling.release_slots(connection.pk)
    return user
