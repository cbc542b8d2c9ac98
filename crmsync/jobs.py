"""The jobs that RQ runs. Their paths are stored in Redis, so they never change.

A job is only a hint: the row that it names says what there is to do.
"""

from crmsync import dispatcher
from crmsync.engine import heartbeat, steps
from crmsync.operations import connections, support_actions
from crmsync.support import alert_delivery, notice_delivery, password_delivery
from meetings.models import SyncStep


def sync_contacts(run_id: int) -> None:
    _perform(run_id, SyncStep.CONTACTS)


def sync_meeting(run_id: int) -> None:
    _perform(run_id, SyncStep.MEETING)


def sync_notes(run_id: int) -> None:
    _perform(run_id, SyncStep.NOTES)


def deliver_alert(alert_id: int) -> None:
    alert_delivery.deliver(alert_id)


def deliver_notice(notice_id: int) -> None:
    notice_delivery.deliver(notice_id)


def deliver_password_mail(mail_id: int) -> None:
    password_delivery.deliver(mail_id)


def run_support_action(action_id: int) -> None:
    support_actions.run_batch(action_id)


def renew_token(connection_id: int) -> None:
    connections.renew_token(connection_id)


def _perform(run_id: int, step: SyncStep) -> None:
    steps.perform(run_id, step)
    if not heartbeat.is_alive():
        dispatcher.run_periodic_tasks()
