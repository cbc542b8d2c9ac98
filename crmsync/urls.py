from django.urls import path
from rest_framework.routers import SimpleRouter

from crmsync.api import meetings

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("meetings", meetings.SyncedMeetingViewSet)

urlpatterns = [
    *router.urls,
    path("connection", meetings.ConnectionView.as_view()),
    path("connection/check", meetings.ConnectionCheckView.as_view()),
    path("connection/authorize", meetings.AuthorizeView.as_view()),
    path("connection/callback", meetings.CallbackView.as_view()),
    path("help", meetings.help_index, name="help"),
    path("help/<slug:code>", meetings.help_page, name="help-code"),
]
