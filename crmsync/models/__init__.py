from crmsync.models.attempt import SyncAttempt
from crmsync.models.connection import Connection, SignIn, nothing_sealed
from crmsync.models.idempotent_request import IdempotentRequest
from crmsync.models.incident import Alert, Incident
from crmsync.models.intervention import Intervention
from crmsync.models.remote_record import RemoteRecord
from crmsync.models.run import SyncRun, SyncRunQuerySet, new_reference
from crmsync.models.sandbox import SandboxFault, SandboxRecord
from crmsync.models.step_duration import StepPace
from crmsync.models.totals import RunTally, StepTally

__all__ = [
    "Alert",
    "Connection",
    "IdempotentRequest",
    "Incident",
    "Intervention",
    "RemoteRecord",
    "RunTally",
    "SandboxFault",
    "SandboxRecord",
    "SignIn",
    "StepPace",
    "StepTally",
    "SyncAttempt",
    "SyncRun",
    "SyncRunQuerySet",
    "new_reference",
    "nothing_sealed",
]
