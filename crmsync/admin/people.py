from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import UserAdmin
from accounts.models import User
from crmsync.operations.people import delete_person
from meetings.models import Meeting

admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Deleting a person leaves nothing of theirs, not even their address in the admin's log."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Only counts: a person may have thousands of meetings."""
        meetings = Meeting.objects.filter(user__in=[user.pk for user in objs]).count()
        counts = {"users": len(objs), "meetings": meetings}
        return [str(user) for user in objs], counts, set(), []

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        logged = super().log_deletions(request, queryset)
        _forget_names(queryset)
        return logged

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_person(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            delete_person(user)


def _forget_names(users: Iterable[User]) -> None:
    about = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User))
    about.filter(object_id__in=[str(user.pk) for user in users]).update(object_repr="deleted user")
