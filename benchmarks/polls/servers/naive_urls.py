"""The polled view as most would write it."""

from django.db.models import QuerySet
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet

from meetings.models import Meeting


class SyncStatusSerializer(ModelSerializer[Meeting]):
    class Meta:
        model = Meeting
        fields = ["in_progress_sync_status"]


class MeetingViewSet(ModelViewSet[Meeting]):
    queryset = Meeting.objects.all()
    serializer_class = SyncStatusSerializer

    def get_queryset(self) -> QuerySet[Meeting]:
        return super().get_queryset().filter(user=self.request.user.pk)

    @action(detail=True)
    def sync_status(self, request: Request, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)


router = SimpleRouter(trailing_slash=False)
router.register("meetings", MeetingViewSet)
urlpatterns = router.urls
