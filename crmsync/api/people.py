from django.http import StreamingHttpResponse
from django.utils import translation
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts.authentication import AuthenticatedRequest
from accounts.serializers import CurrentPasswordSerializer
from accounts.throttles import GUESSING, ExportThrottle, UserThrottle
from accounts.views import MeView
from crmsync.api import export
from crmsync.api.export import ExportSerializer
from crmsync.operations import people

# The schema adds them by itself where it knows of a body.
REFUSALS = {
    400: OpenApiResponse(description="The password is wrong."),
    408: OpenApiResponse(description="`body_timeout`: the body did not arrive within ten seconds."),
    413: OpenApiResponse(
        description="`body_too_large`: the body is larger than this service accepts."
    ),
    415: OpenApiResponse(description="`unsupported_media_type`: the body is not JSON."),
}


class ExportView(APIView):
    http_method_names = ("get", "options")
    throttle_classes = (UserThrottle, ExportThrottle)

    @extend_schema(responses={200: ExportSerializer})
    def get(self, request: AuthenticatedRequest) -> StreamingHttpResponse:
        """Everything that the service keeps of the caller, but for passwords and credentials.

        Ten times an hour. The answer is made while it is read.
        """
        headers = {
            "Content-Disposition": 'attachment; filename="syncsite.json"',
            "Cache-Control": "no-store",
        }
        parts = export.write(request.user.pk, translation.get_language() or "")
        return StreamingHttpResponse(parts, content_type="application/json", headers=headers)


class PersonView(MeView):
    def get_throttles(self) -> list[BaseThrottle]:
        guessing = [throttle() for throttle in GUESSING if self.request.method == "DELETE"]
        return [*super().get_throttles(), *guessing]

    @extend_schema(request=CurrentPasswordSerializer, responses={204: None, **REFUSALS})
    def delete(self, request: AuthenticatedRequest) -> Response:
        """Deletes the caller and everything of theirs. What is in the CRM stays there.

        The body is `{"current_password": "…"}`, which OpenAPI cannot say of a DELETE.
        """
        serializer = CurrentPasswordSerializer(request.user, data=request.data)
        serializer.is_valid(raise_exception=True)
        people.delete_person(request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)
