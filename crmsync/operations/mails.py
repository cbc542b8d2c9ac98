"""Whether a person gets mails about their syncs. The link in each mail changes it."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.models import User

SALT = "crmsync.mails"


def stop_url(user: User) -> str:
    token = signing.dumps(user.pk, salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('mails-stop')}?token={token}"


def user_of(token: str) -> User | None:
    """Whose mails the link is about."""
    try:
        pk = int(signing.loads(token, salt=SALT))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return User.objects.filter(pk=pk).first()


def choose(user: User, *, is_on: bool) -> None:
    user.mail_about_syncs = is_on
    user.save(update_fields=["mail_about_syncs"])
