from django.urls import path, register_converter
from rest_framework.routers import SimpleRouter

from crmsync.api import connections, help, mails, meetings, passwords, people, sign_ins, syncs
from meetings.converters import BigIdConverter

register_converter(BigIdConverter, "big_id")

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("meetings", meetings.SyncedMeetingViewSet)

POLLED = {"meeting-sync-status", "meeting-last-sync-success", "meeting-sync"}

urlpatterns = [
    # Each pattern before the right one is tried at every poll.
    *sorted(router.urls, key=lambda route: getattr(route, "name", "") not in POLLED),
    path("syncs", syncs.SyncsView.as_view()),
    path("syncs/stream", syncs.StreamView.as_view()),
    path("me/export", people.ExportView.as_view()),
    path("password/reset", passwords.PasswordMailView.as_view()),
    path("password/reset/confirm", passwords.ResetPasswordView.as_view()),
    path("password/new", passwords.new_password, name="new-password"),
    path("me", people.PersonView.as_view()),
    path("providers", connections.ProvidersView.as_view()),
    path("connection", connections.ConnectionView.as_view()),
    path("connection/check", connections.ConnectionCheckView.as_view()),
    path("connection/authorize", sign_ins.AuthorizeView.as_view()),
    path("connection/callback", sign_ins.CallbackView.as_view()),
    path("connection/complete", sign_ins.CompleteView.as_view()),
    path("mails/stop", mails.stop, name="mails-stop"),
    path("help", help.help_index, name="help"),
    path("help/states/<slug:state>", help.help_state, name="help-state"),
    path("help/<slug:code>", help.help_page, name="help-code"),
]
