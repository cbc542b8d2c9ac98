"""Compresses answers, where no proxy does."""

from typing import Any

from django.http import HttpRequest
from django.middleware import gzip

MAY_COMPRESS = "syncsite.may_compress"  # The key in a WSGI environ, set by the front.
MIN_BYTES = 1000  # Less is not worth it.


class GZipMiddleware(gzip.GZipMiddleware):
    def __call__(self, request: HttpRequest) -> Any:
        response: Any = self.get_response(request)
        if MAY_COMPRESS not in request.META:
            return response
        is_short = not response.streaming and len(response.content) <= MIN_BYTES
        return response if is_short else self.process_response(request, response)
