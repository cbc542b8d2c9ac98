"""What the tests of the document share."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext


@pytest.fixture
def read(own_api, meeting):
    """The document, and how many queries it cost."""

    def get(tz="", **headers):
        query = {"tz": tz} if tz else {}
        with CaptureQueriesContext(database) as queries:
            response = own_api.get(f"/meetings/{meeting.pk}/sync", query, headers=headers)
        get.cost = len(queries)
        return response

    own_api.get("/me")  # From here on the user is known.
    return get
