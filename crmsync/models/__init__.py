from crmsync.models.connection import Connection, SignIn, nothing_sealed
from crmsync.models.record import RemoteRecord
from crmsync.models.request import IdempotentRequest
from crmsync.models.run import StepPace, SyncAttempt, SyncRun, SyncRunQuerySet, new_reference
from crmsync.models.sandbox import SandboxFault, SandboxRecord

__all__ = [
    "Connection",
    "IdempotentRequest",
    "RemoteRecord",
    "SandboxFault",
    "SandboxRecord",
    "SignIn",
    "StepPace",
    "SyncAttempt",
    "SyncRun",
    "SyncRunQuerySet",
    "new_reference",
    "nothing_sealed",
]
