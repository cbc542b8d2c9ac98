from django.urls import path
from rest_framework.routers import SimpleRouter

from crmsync import views

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("meetings", views.SyncedMeetingViewSet)

urlpatterns = [
    *router.urls,
    path("connection", views.ConnectionView.as_view()),
    path("connection/check", views.ConnectionCheckView.as_view()),
    path("connection/authorize", views.AuthorizeView.as_view()),
    path("connection/callback", views.CallbackView.as_view()),
    path("help", views.help_index, name="help"),
    path("help/<slug:code>", views.help_page, name="help-code"),
]
