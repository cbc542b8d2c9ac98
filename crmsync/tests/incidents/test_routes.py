import pytest

from crmsync.incidents import alerts
from crmsync.incidents.routes import route_of, severity_of
from crmsync.models import Alert, Connection, Incident

PAGER = "json://pager.example"
ONE = Connection(pk=1)


@pytest.mark.parametrize(
    ("incident", "route", "severity"),
    [
        (Incident(cause="overdue"), "on-call", "high"),
        (Incident(provider="hubspot", cause="unexpected_error"), "on-call", "high"),
        (Incident(provider="hubspot", cause="unexpected_error", connection=ONE), "on-call", "high"),
        (Incident(provider="hubspot", cause="crm_timeout"), "support", "high"),
        (Incident(provider="hubspot", cause="crm_timeout", connection=ONE), "support", "low"),
        (Incident(provider="hubspot", cause="record_rejected"), "support", "high"),
        (Incident(provider="hubspot", cause="record_rejected", connection=ONE), "nobody", "low"),
        (Incident(provider="hubspot", cause="crm_outage", host_name="x"), "support", "high"),
    ],
)
def test_lead_to_who_can_act(incident, route, severity):
    assert (route_of(incident), severity_of(incident)) == (route, severity)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cause", "mails", "told"),
    [
        ("unexpected_error", ["desk@example.com"], 2),
        ("crm_timeout", ["desk@example.com"], 1),
        ("crm_timeout", [], 1),
    ],
)
def test_wake_nobody_for_what_support_can_mend(settings, cause, mails, told):
    settings.SUPPORT_EMAILS, settings.ALERT_URLS = mails, [PAGER]
    incident = Incident.objects.create(provider="hubspot", cause=cause)
    alerts.request(incident, Alert.Kind.OPENED)
    targets = list(Alert.objects.values_list("target", flat=True))
    assert len(targets) == told
    assert (alerts.E_MAIL in targets) == bool(mails)


@pytest.mark.django_db
def test_tell_whoever_was_told_that_it_is_over(settings):
    settings.SUPPORT_EMAILS, settings.ALERT_URLS = [], [PAGER]
    incident = Incident.objects.create(provider="hubspot", cause="crm_timeout")
    alerts.request(incident, Alert.Kind.OPENED)
    settings.SUPPORT_EMAILS = ["desk@example.com"]
    alerts.request(incident, Alert.Kind.RESOLVED)
    opened, over = (Alert.objects.filter(kind=kind).get().target for kind in Alert.Kind)
    assert opened == over
