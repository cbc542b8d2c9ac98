"""A user as the support desk sees one."""

from typing import ClassVar

from accounts.models import User, UserManager, UserQuerySet


class CustomerManager(UserManager):
    def get_queryset(self) -> UserQuerySet:
        return super().get_queryset().filter(is_staff=False)


class Customer(User):
    """To look at, without the right to edit users."""

    objects: ClassVar[UserManager] = CustomerManager()

    class Meta:
        proxy = True
        default_permissions = ("view",)
        permissions = [("send_password_mail", "Can send password mails to customers")]
