"""Compresses answers, where no proxy does."""

import re
from typing import Any

from django.http import HttpRequest
from django.middleware import gzip

MAY_COMPRESS = "syncsite.may_compress"  # The key in a WSGI environ, set by the front.
NO_GZIP = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")
MIN_BYTES = 1000  # Less is not worth it.


class GZipMiddleware(gzip.GZipMiddleware):
    def __call__(self, request: HttpRequest) -> Any:
        response: Any = self.get_response(request)
        if MAY_COMPRESS not in request.META:
            return response
        is_short = not response.streaming and len(response.content) <= MIN_BYTES
        refuses = NO_GZIP.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        return response if is_short or refuses else self.process_response(request, response)
