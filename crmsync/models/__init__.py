from crmsync.models.attempt import SyncAttempt
from crmsync.models.connection import Connection, OAuthState, nothing_sealed
from crmsync.models.crm_host import CrmHost
from crmsync.models.customer import Customer
from crmsync.models.idempotent_request import IdempotentRequest
from crmsync.models.incident import Alert, Incident
from crmsync.models.notice import Notice
from crmsync.models.password_mail import PasswordMail
from crmsync.models.remote_record import RemoteRecord
from crmsync.models.run import SyncRun, SyncRunQuerySet, new_reference
from crmsync.models.sandbox import SandboxFault, SandboxRecord
from crmsync.models.step_duration import StepDuration
from crmsync.models.support_action import ActionResult, SupportAction
from crmsync.models.totals import RecentRuns, RecentSteps, RunTotals, StepTotals

__all__ = [
    "ActionResult",
    "Alert",
    "Connection",
    "CrmHost",
    "Customer",
    "IdempotentRequest",
    "Incident",
    "Notice",
    "OAuthState",
    "PasswordMail",
    "RecentRuns",
    "RecentSteps",
    "RemoteRecord",
    "RunTotals",
    "SandboxFault",
    "SandboxRecord",
    "StepDuration",
    "StepTotals",
    "SupportAction",
    "SyncAttempt",
    "SyncRun",
    "SyncRunQuerySet",
    "new_reference",
    "nothing_sealed",
]
