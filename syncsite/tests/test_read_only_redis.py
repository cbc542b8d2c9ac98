"""A Redis that answers but refuses to write, as a replica does after a failover."""

import pytest
import redis

from accounts.tokens import AccessToken
from conftest import PASSWORD, api_of, in_threads, start_step
from meetings import cache
from meetings.models import SyncStep
from syncsite.demo.valkey import EmbeddedValkey
from syncsite.redis_urls import unix_url, with_timeouts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings, tmp_path_factory):
    """For the copies alone, because the test run's own may be shared."""
    folder = tmp_path_factory.mktemp("redis")
    valkey = EmbeddedValkey(folder / "s", folder, keeps_data=False)
    valkey.start()
    url = with_timeouts(unix_url(folder / "s"), 1)
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": url}}
    with redis.Redis.from_url(url) as client:
        yield client
    valkey.stop()


def become_replica(server):
    server.replicaof("127.0.0.1", 1)  # Nobody is there, so it keeps what it has.


def poll(api, meeting):
    return api.get(f"/meetings/{meeting.pk}/sync_status").json()["in_progress_sync_status"]


def test_shows_every_process_what_was_committed(server, own_api, user, meeting):
    assert poll(own_api, meeting) is None
    become_replica(server)
    start_step(meeting, SyncStep.CONTACTS)
    assert poll(own_api, meeting) == 1
    assert in_threads(lambda: poll(api_of(user), meeting)) == [1]


def test_has_copies_again_once_it_writes(server, own_api, meeting, django_assert_num_queries):
    poll(own_api, meeting)
    become_replica(server)
    start_step(meeting, SyncStep.CONTACTS)
    server.replicaof("NO", "ONE")
    cache.get(meeting.pk)
    assert poll(own_api, meeting) == 1
    with django_assert_num_queries(0):
        assert poll(own_api, meeting) == 1


def test_ends_old_tokens_with_the_password(server, own_api, api, user):
    assert own_api.get("/me").status_code == 200
    become_replica(server)
    passwords = {"password": "another one", "password_confirmation": "another one"}
    answer = own_api.post("/me/password", {"current_password": PASSWORD, **passwords})
    assert own_api.get("/me").status_code == 401
    api.credentials(HTTP_AUTHORIZATION=answer.json()["auth_token"])
    assert api.get("/me").status_code == 200


def test_lets_people_log_in(server, api, user):
    become_replica(server)
    login = {"email": user.email, "password": PASSWORD}
    assert api.post("/authenticate", login).status_code == 200
    assert api.post("/authenticate", {**login, "password": "wrong"}).status_code == 401


def test_is_named_by_the_readiness_check(server, api):
    assert api.get("/readyz").json()["redis"] == "ok"
    become_replica(server)
    assert api.get("/readyz").json()["redis"] == "down"


def test_does_not_pass_one_copy_off_as_another(server, own_api, stranger, make_meeting, meeting):
    """Whoever can write to it could otherwise show anybody anything."""
    foreign = make_meeting(owner=stranger)
    for api, shown in ((own_api, meeting), (api_of(stranger), foreign)):
        poll(api, shown)
        api.get(f"/meetings/{shown.pk}/sync")
    for name in ("meeting:{}", "document:{}:en"):
        server.rename(name.format(meeting.pk), name.format(foreign.pk))
    server.rename(f"user:{meeting.user_id}", f"user:{stranger.pk}")
    token = str(AccessToken.for_user(stranger))
    own_api.credentials(HTTP_AUTHORIZATION=token)
    assert own_api.get("/me").json()["email"] == stranger.email
    assert own_api.get(f"/meetings/{foreign.pk}/sync_status").status_code == 200
    assert own_api.get(f"/meetings/{foreign.pk}/sync").json()["meeting_id"] == foreign.pk
