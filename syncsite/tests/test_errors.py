import json

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_server_error_is_json_and_says_nothing_of_its_cause(own_api, monkeypatch):
    def fail(*_):
        raise RuntimeError("s3cret")

    monkeypatch.setattr("meetings.cache.get", fail)
    own_api.raise_request_exception = False
    response = own_api.get("/meetings/1/sync_status")
    assert response.status_code == 500
    assert response.json() == {"detail": "A server error occurred.", "code": "error"}


def test_a_host_that_is_not_ours_gets_a_400_in_json():
    response = Client(headers={"host": "evil.example"}).get("/docs")
    assert response.status_code == 400
    assert json.loads(response.content)["code"] == "bad_request"
