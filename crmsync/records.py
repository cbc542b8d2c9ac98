"""The only writer of RemoteRecord: what we know to be in a CRM account."""

from collections.abc import Iterable
from dataclasses import asdict

from crmsync.models import Connection, RemoteRecord, SyncRun
from crmsync.providers.base import Ref
from meetings.models import SyncStep

KINDS = {
    SyncStep.CONTACTS: [RemoteRecord.Kind.CONTACT],
    SyncStep.MEETING: [RemoteRecord.Kind.MEETING],
    SyncStep.NOTES: [RemoteRecord.Kind.NOTE, RemoteRecord.Kind.LINK],
}


def remember(run: SyncRun, refs: Iterable[Ref]) -> None:
    for ref in refs:
        written = asdict(ref)
        RemoteRecord.objects.update_or_create(
            connection_id=run.connection_id,
            kind=written.pop("kind"),
            local_key=written.pop("local_key"),
            defaults={**written, "meeting_id": run.meeting_id},
        )


def find(connection: Connection, kind: str, local_keys: Iterable[str]) -> list[Ref]:
    found = RemoteRecord.objects.filter(
        connection=connection, kind=kind, local_key__in=list(local_keys)
    ).order_by("local_key")
    return [Ref(kind, r.local_key, r.remote_id, r.action, r.url, r.payload_hash) for r in found]


def forget_step(run: SyncRun) -> None:
    """The CRM no longer has what this step wrote."""
    RemoteRecord.objects.filter(
        meeting_id=run.meeting_id, kind__in=KINDS[SyncStep(run.step)]
    ).delete()


def forget_account(connection: Connection) -> None:
    RemoteRecord.objects.filter(connection=connection).delete()
