import secrets
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.cache import users
from accounts.fields import LowercaseEmailField


class UserQuerySet(models.QuerySet["User"]):
    def update(self, **values: Any) -> int:
        """Sends no signals, so it invalidates the cached users itself."""
        with transaction.atomic():
            pks = list(self.values_list("pk", flat=True))
            users.invalidate(*pks)
            transaction.on_commit(partial(users.invalidate, *pks))
            return super().update(**values)


class UserManager(BaseUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    def create_user(self, email: str, password: str | None = None, **values: Any) -> "User":
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email, **values)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **values: Any) -> "User":
        return self.create_user(
            email, password, **{"is_staff": True, "is_superuser": True} | values
        )


def new_token_key() -> str:
    return secrets.token_urlsafe(16)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The e-mail address is the login, kept in lower case."""

    email = LowercaseEmailField(
        "e-mail address",
        unique=True,
        error_messages={"unique": _("A user with this e-mail address already exists.")},
    )
    is_active = models.BooleanField("active", default=True)
    is_staff = models.BooleanField("staff", default=False, help_text="May sign in to the admin.")
    token_key = models.CharField(
        max_length=32,
        default=new_token_key,
        db_default="",
        editable=False,
        help_text="Tokens name it; a new password changes it, which revokes them.",
    )
    time_zone = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Such as Europe/Berlin."
    )
    language = models.CharField(
        max_length=8, choices=settings.LANGUAGES, blank=True, default="", db_default=""
    )
    mail_about_syncs = models.BooleanField(
        default=True, db_default=True, help_text="Where only they can mend what went wrong."
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_in_lower_case"
            )
        ]

    def __str__(self) -> str:
        return self.email

    def set_password(self, raw_password: str | None) -> None:
        super().set_password(raw_password)
        self.token_key = new_token_key()

    def set_unusable_password(self) -> None:
        super().set_unusable_password()
        self.token_key = new_token_key()

    def check_password(self, raw_password: str | None) -> bool:
        """As Django's, but a new hash of the same password revokes no token."""

        def store_new_hash(raw_password: str) -> None:
            # A new password that was set meanwhile stays.
            same = User.objects.filter(pk=self.pk, password=self.password)
            self.password = make_password(raw_password)
            same.update(password=self.password)

        return check_password(raw_password, self.password, store_new_hash)


class EndedToken(models.Model):
    """A token whose owner has logged out. It is kept until it would have ended."""

    user = models.ForeignKey(User, models.CASCADE, related_name="ended_tokens")
    jti = models.CharField(max_length=64, unique=True, help_text="The token's id.")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.jti


def _invalidate_cached_user(instance: User, created: bool = False, **_: Any) -> None:
    if instance.pk and not created:  # A new user has no copy yet.
        users.invalidate(instance.pk)
        transaction.on_commit(partial(users.invalidate, instance.pk))


SIGNALS: Iterable[models.signals.ModelSignal] = (
    models.signals.pre_save,
    models.signals.post_save,
    models.signals.pre_delete,
    models.signals.post_delete,
)
for signal in SIGNALS:
    signal.connect(_invalidate_cached_user, sender=User)
