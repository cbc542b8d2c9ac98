import json
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from redis.exceptions import RedisError

from crmsync import dispatcher
from crmsync.incidents import alerts, incidents
from crmsync.models import Alert, Connection, Incident
from crmsync.support.alert_delivery import deliver
from crmsync.tests.stand_ins.server import Server
from syncsite.tests.processes import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(connection):
    return Incident.objects.create(
        connection=connection, provider="sandbox", cause="crm_unavailable", syncs=7
    )


@pytest.fixture
def alert(incident, settings):
    settings.SUPPORT_EMAILS = ["desk@example.com"]
    settings.PUBLIC_URL = "https://api.example.com"
    alerts.request(incident, Alert.Kind.OPENED)
    return Alert.objects.get()


@pytest.fixture
def chat():
    class Chat(Server):
        status = 200

        def respond(self, method, path, body, headers):
            self.said = json.loads(body)
            return self.status, {}

    with Chat() as chat:
        yield chat


def test_tells_by_mail_what_is_the_case_and_where_to_look(alert):
    deliver(alert.pk)
    (message,) = mail.outbox
    assert message.to == ["desk@example.com"]
    assert "Sandbox is not answering (ann@example.com" in message.subject
    assert "Syncs affected: 7" in message.body
    assert f"https://api.example.com/admin/crmsync/incident/{alert.incident_id}/" in message.body


def test_tells_when_it_is_over(alert, incident):
    Incident.objects.filter(pk=incident.pk).update(resolved_at=timezone.now())
    Alert.objects.update(kind=Alert.Kind.RESOLVED)
    deliver(alert.pk)
    assert mail.outbox[0].subject.startswith("[syncsite] Resolved: ")


def test_quotes_what_a_customer_wrote_on_one_line(alert, connection):
    name = "Acme”\r\nWho acts: you\u2028Call \u202e+1 555 0100 <b>now</b> " + "x" * 200
    Connection.objects.update(account_name=name)
    deliver(alert.pk)
    (message,) = mail.outbox
    concerns = next(line for line in message.body.splitlines() if line.startswith("Concerns"))
    quoted = "“Acme Who acts: you Call +1 555 0100 <b>now</b> xxxxx"
    assert f"Sandbox account named {quoted}" in concerns
    assert concerns.endswith("…” by the customer")
    assert quoted in message.subject


@pytest.mark.parametrize("kind", ["console", "dummy"])
def test_is_none_without_a_mail_server(alert, settings, kind):
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{kind}.EmailBackend"
    deliver(alert.pk)
    alert.refresh_from_db()
    assert alert.delivered_at is None
    assert "EMAIL_URL is not set" in alert.last_error


def test_happens_once_however_often_it_is_asked_for(alert):
    deliver(alert.pk)
    deliver(alert.pk)
    assert len(mail.outbox) == 1


def test_is_tried_again_until_the_mail_server_lives(alert, settings):
    outbox = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = free_port()
    deliver(alert.pk)
    alert.refresh_from_db()
    assert alert.delivered_at is None
    assert "refused" in alert.last_error
    assert alert.due_at > timezone.now() + timedelta(seconds=10)
    settings.EMAIL_BACKEND = outbox
    Alert.objects.update(due_at=timezone.now())
    deliver(alert.pk)
    alert.refresh_from_db()
    assert alert.delivered_at
    assert len(mail.outbox) == 1


def test_reaches_a_chat(incident, settings, chat):
    settings.ALERT_URLS = [chat.url.replace("http:", "json:")]
    alerts.request(incident, Alert.Kind.OPENED)
    deliver(Alert.objects.get().pk)
    assert "Sandbox is not answering" in chat.said["title"]
    assert Alert.objects.get().delivered_at


def test_is_tried_again_where_a_chat_refuses(incident, settings, chat):
    chat.status = 500
    settings.ALERT_URLS = [chat.url.replace("http:", "json:")]
    alerts.request(incident, Alert.Kind.OPENED)
    deliver(Alert.objects.get().pk)
    assert Alert.objects.get().last_error == "Apprise could not deliver it."


def test_keeps_what_an_address_holds_to_itself(incident, settings):
    settings.ALERT_URLS = ["nonsense://user:s3cret@host"]
    alerts.request(incident, Alert.Kind.OPENED)
    deliver(Alert.objects.get().pk)
    assert "s3cret" not in str(Alert.objects.values().get())


def test_is_given_up_after_days(alert, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = free_port()
    Alert.objects.update(created_at=timezone.now() - timedelta(days=4))
    deliver(alert.pk)
    assert Alert.objects.get().given_up_at


def test_is_a_workers_job(alert, settle):
    settle()
    dispatcher.send_background_hints(timezone.now())
    settle()
    assert len(mail.outbox) == 1


def test_is_done_without_workers_where_none_takes_it(alert):
    Alert.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    dispatcher.deliver_overdue_alerts(timezone.now())
    assert len(mail.outbox) == 1


def test_hints_once_in_a_while(alert):
    now = timezone.now()
    assert alerts.select_due(now) == [alert.pk]
    assert alerts.select_due(now) == []
    assert alerts.select_due(now + timedelta(seconds=11)) == [alert.pk]


def test_survives_a_redis_that_is_away(alert, unreachable_redis):
    with pytest.raises(RedisError):
        dispatcher.send_background_hints(timezone.now())
    incidents.review(timezone.now())
    assert Alert.objects.get().delivered_at is None
