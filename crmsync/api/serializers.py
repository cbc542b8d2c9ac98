from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers

from accounts import addresses
from accounts.serializers import LowercaseEmailField
from accounts.strict import KnownFieldsOnly
from crmsync.connections import store
from crmsync.connections.tokens import OAUTH_ONLY_KEYS
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.operations import oauth
from crmsync.providers import OAUTH, PROVIDERS
from crmsync.providers.options import EVERY_CHOICE
from crmsync.status import latest_runs
from crmsync.status.connecting import DEGRADED, describe_degraded, describe_standing
from crmsync.status.error_messages import attempt_result, describe_error, error_texts, run_result
from crmsync.status.serializers import (
    CONNECTION_STATES,
    ERROR_CODES,
    PROVIDER_NAMES,
    STATES,
    ErrorSerializer,
    SyncSerializer,
)
from meetings.models import Meeting
from meetings.serializers import MeetingSerializer

NOT_CONNECTED = "not_connected"
MAX_REASON = 500  # Characters that a CRM may say about a refused sign-in.


class DomainField(serializers.CharField):
    """The part of an address behind the @, in lower case."""

    default_error_messages = {"invalid": _("Name a domain such as acme.example.")}

    def to_internal_value(self, data: Any) -> str:
        address = addresses.normalize(f"somebody@{super().to_internal_value(data)}")
        try:
            validate_email(address)
        except DjangoValidationError:
            self.fail("invalid")
        return address.partition("@")[2]


class SyncedMeetingSerializer(MeetingSerializer):
    ignored = frozenset({"sync"})  # Of a row of a list.
    sync_state = serializers.SerializerMethodField()

    class Meta(MeetingSerializer.Meta):
        fields = [*MeetingSerializer.Meta.fields, "sync_state"]

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_sync_state(self, meeting: Meeting) -> str:
        return latest_runs.state_of_meeting(meeting)


class MeetingRowSerializer(SyncedMeetingSerializer):
    """A meeting in a list: without `notes`, which may be long; `sync` with `expand=sync`."""

    sync = SyncSerializer(required=False)

    class Meta(SyncedMeetingSerializer.Meta):
        fields = [
            *(name for name in SyncedMeetingSerializer.Meta.fields if name != "notes"),
            "sync",
        ]


@extend_schema_serializer(many=False)
class MeetingPageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Of all pages.")
    next = serializers.CharField(allow_null=True, help_text="The address of the next page.")
    previous = serializers.CharField(allow_null=True)
    results = MeetingRowSerializer(many=True)
    counts = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="By state, with `counts=1`."
    )


class ListSerializer(serializers.Serializer[Any]):
    expand = serializers.ChoiceField(
        choices=["sync"], required=False, help_text="Adds the document of its sync to each row."
    )
    counts = serializers.ChoiceField(
        choices=["1"],
        required=False,
        help_text="Counts the meetings that `search` finds, by state.",
    )


class DeletionSerializer(serializers.Serializer[Any]):
    in_crm = serializers.ChoiceField(
        choices=["delete"], required=False, help_text="Removes it from the CRM first."
    )


class SyncsSerializer(serializers.Serializer[Any]):
    """`syncs` are the documents that differ, `gone` the meetings that are no more."""

    syncs = SyncSerializer(many=True)
    gone = serializers.ListField(child=serializers.IntegerField())
    poll_after = serializers.IntegerField(help_text="In seconds.")


class BulkSyncSerializer(KnownFieldsOnly, serializers.Serializer[Any]):
    meetings = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18),
        allow_empty=False,
        max_length=100,
    )


class NotStartedSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()
    code = serializers.ChoiceField(choices=["not_found", "not_connected", "not_before"])


class StartedOneSerializer(serializers.Serializer[Any]):
    """202 comes with `sync`, 404 and 409 with `error`."""

    meeting_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=[202, 404, 409])
    sync = SyncSerializer(required=False)
    error = NotStartedSerializer(required=False)


class StartedSerializer(serializers.Serializer[Any]):
    results = StartedOneSerializer(many=True)


class AttemptErrorSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=ERROR_CODES)
    title = serializers.CharField()


class AttemptSerializer(serializers.ModelSerializer[SyncAttempt]):
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
    outcome = serializers.ChoiceField(choices=SyncAttempt.Outcome.values, allow_blank=True)
    result = serializers.SerializerMethodField(help_text="In words.")
    error = serializers.SerializerMethodField()

    class Meta:
        model = SyncAttempt
        fields = [
            "step",
            "label",
            "number",
            "started_at",
            "finished_at",
            "outcome",
            "result",
            "error",
        ]

    def get_label(self, attempt: SyncAttempt) -> str:
        label = _("Removing the meeting") if attempt.run.removes else attempt.get_step_display()
        return str(label)

    def get_result(self, attempt: SyncAttempt) -> str:
        return attempt_result(attempt)

    @extend_schema_field(AttemptErrorSerializer(allow_null=True))
    def get_error(self, attempt: SyncAttempt) -> dict[str, str] | None:
        if not attempt.error_code:
            return None
        texts = error_texts(attempt.error_code, attempt.run.crm)
        return {"code": attempt.error_code, "title": texts["title"]}


class RunSerializer(serializers.ModelSerializer[SyncRun]):
    """One sync of the meeting, with all its attempts."""

    result = serializers.SerializerMethodField(help_text="In words.")
    error = serializers.SerializerMethodField()
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = SyncRun
        fields = [
            "id",
            "reference",
            "status",
            "step",
            "created_at",
            "started_at",
            "finished_at",
            "result",
            "error",
            "attempts",
        ]

    def get_result(self, run: SyncRun) -> str:
        return run_result(run)

    @extend_schema_field(ErrorSerializer(allow_null=True))
    def get_error(self, run: SyncRun) -> dict[str, Any] | None:
        says_why = run.status in (SyncRun.Status.FAILED, SyncRun.Status.RETRYING)
        return describe_error(run, run.error_code) if says_why and run.error_code else None


class OptionsSerializer(KnownFieldsOnly, serializers.Serializer[Any]):
    """What the owner of a connection can choose. Not every CRM has all of it."""

    internal_domains = serializers.ListField(
        child=DomainField(),
        required=False,
        max_length=100,
        help_text="Whose people are colleagues; by default those of your own e-mail address.",
    )
    skip_addresses = serializers.ListField(
        child=LowercaseEmailField(),
        required=False,
        max_length=1000,
        help_text="People and things that are never saved. Rooms and note-takers are known.",
    )
    create_people = serializers.ChoiceField(
        choices=EVERY_CHOICE["create_people"],
        required=False,
        help_text="What becomes of attendees who are not in the CRM.",
    )
    owner = serializers.ChoiceField(
        choices=EVERY_CHOICE["owner"],
        required=False,
        help_text="Whether the meeting belongs to the CRM's user with your e-mail address.",
    )
    company = serializers.ChoiceField(
        choices=EVERY_CHOICE["company"],
        required=False,
        help_text="Whether the meeting is linked to the companies of its people.",
    )

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        known = PROVIDERS[self.context["provider"]].choices
        problems = {
            name: [
                _("{crm} does not have this.").format(crm=PROVIDERS[self.context["provider"]].name)
            ]
            for name, choice in value.items()
            if name in EVERY_CHOICE and choice not in known.get(name, ())
        }
        if problems:
            raise serializers.ValidationError(problems)
        return value


class DegradedSerializer(serializers.Serializer[Any]):
    """What the CRM does not let this person do; their meetings are saved without it."""

    code = serializers.ChoiceField(choices=list(DEGRADED))
    text = serializers.CharField()


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    provider = serializers.ChoiceField(choices=PROVIDER_NAMES)
    account = serializers.CharField(source="account_name")
    state = serializers.ChoiceField(choices=CONNECTION_STATES)
    last_error = serializers.ChoiceField(choices=ERROR_CODES, allow_blank=True)
    error = serializers.SerializerMethodField(help_text="`last_error` in words.")
    options = serializers.SerializerMethodField()
    degraded = serializers.SerializerMethodField()

    class Meta:
        model = Connection
        fields = [
            "provider",
            "account",
            "state",
            "connected_at",
            "last_error",
            "error",
            "options",
            "degraded",
        ]

    @extend_schema_field(OptionsSerializer)
    def get_options(self, connection: Connection) -> dict[str, Any]:
        return store.options_of(connection)

    @extend_schema_field(DegradedSerializer(many=True))
    def get_degraded(self, connection: Connection) -> list[dict[str, str]]:
        return describe_degraded(connection)

    @extend_schema_field(ErrorSerializer(allow_null=True))
    def get_error(self, connection: Connection) -> dict[str, Any] | None:
        return describe_standing(connection)


class NotConnectedSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=[NOT_CONNECTED])


CONNECTION_OR_NONE = PolymorphicProxySerializer(
    component_name="ConnectionOrNone",
    serializers=[ConnectionSerializer, NotConnectedSerializer],
    resource_type_field_name=None,
)


OF_THE_SERVICE = frozenset({*ConnectionSerializer.Meta.fields} - {"provider", "options"})


class ChangeConnectionSerializer(KnownFieldsOnly, serializers.Serializer[Any]):
    ignored = OF_THE_SERVICE | {"provider"}
    options = OptionsSerializer()


class FormFieldSerializer(serializers.Serializer[Any]):
    """A credential or an option. `choices`: null for a text, or for a list of texts."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    help = serializers.CharField()
    secret = serializers.BooleanField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    choices = serializers.ListField(child=serializers.CharField(), allow_null=True)


class ProviderSerializer(serializers.Serializer[Any]):
    """`sign_in`: whether people may sign in there instead of entering the fields."""

    name = serializers.ChoiceField(choices=PROVIDER_NAMES)
    label = serializers.CharField()  # type: ignore[assignment]
    sign_in = serializers.BooleanField()
    # A field named `fields` has to be declared otherwise.
    locals()["fields"] = FormFieldSerializer(many=True)
    options = FormFieldSerializer(many=True)
    help_url = serializers.CharField()


class ConnectSerializer(KnownFieldsOnly, serializers.Serializer[Any]):
    ignored = OF_THE_SERVICE
    provider = serializers.ChoiceField(choices=PROVIDER_NAMES)
    credentials = serializers.DictField(child=serializers.CharField(max_length=4096))
    options = OptionsSerializer(required=False)

    def to_internal_value(self, data: Any) -> Any:
        provider = data.get("provider") if isinstance(data, Mapping) else None
        self.fields["options"].context["provider"] = (
            provider if isinstance(provider, str) and provider in PROVIDERS else "sandbox"
        )
        return super().to_internal_value(data)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        given = data["credentials"]
        missing = [name for name in PROVIDERS[data["provider"]].needs if name not in given]
        if missing:
            text = _("Missing: {names}.").format(names=", ".join(missing))
            raise serializers.ValidationError({"credentials": [text]})
        kept = {name: value for name, value in given.items() if name not in OAUTH_ONLY_KEYS}
        return {**data, "credentials": kept}


class AuthorizeSerializer(serializers.Serializer[Any]):
    provider = serializers.ChoiceField(choices=list(OAUTH))
    return_to = serializers.CharField(
        max_length=2000,
        default="",
        help_text="The page to return to, on one of the FRONTEND_ORIGINS.",
    )
    instance_url = serializers.CharField(
        max_length=255,
        default="",
        help_text="For Salesforce: My Domain, as in https://acme.my.salesforce.com, or that of a"
        " sandbox. Without it people sign in at the usual address.",
    )

    def validate_return_to(self, address: str) -> str:
        """Its origin decides, as the browser reads it."""
        page, own = urlsplit(address), urlsplit(settings.PUBLIC_URL)
        origins = {*settings.FRONTEND_ORIGINS, f"{own.scheme}://{own.netloc}"}
        if address and f"{page.scheme}://{page.netloc}" not in origins:
            raise serializers.ValidationError(_("This address is not one of the frontend's."))
        return page.geturl()

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        address = data["instance_url"].rstrip("/")
        if address and not oauth.is_address_of(data["provider"], address):
            text = _("{crm} has no sign-in at this address.")
            reason = text.format(crm=PROVIDERS[data["provider"]].name)
            raise serializers.ValidationError({"instance_url": [reason]})
        return {**data, "instance_url": address}

    def validate_provider(self, provider: str) -> str:
        if not oauth.is_available(provider):
            raise serializers.ValidationError(_("This service is not set up for that sign-in."))
        return provider


class AuthorizeUrlSerializer(serializers.Serializer[Any]):
    authorize_url = serializers.CharField()


class CallbackSerializer(serializers.Serializer[Any]):
    """The query that a CRM adds to our address: a code, or an error and why."""

    state = serializers.CharField(max_length=512)
    code = serializers.CharField(max_length=1024, default="")
    # Whatever their length: a refusal that is refused would not be told.
    error = serializers.CharField(default="")
    error_description = serializers.CharField(default="")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        reason = data["error_description"] or data["error"]
        return {**data, "reason": " ".join(reason.split())[:MAX_REASON]}


class ConnectionCodeSerializer(serializers.Serializer[Any]):
    connection_code = serializers.CharField()
    crm = serializers.CharField()
    email = serializers.EmailField(help_text="Whose sign-in it is.")


class CompleteSerializer(KnownFieldsOnly, serializers.Serializer[Any]):
    code = serializers.CharField(max_length=64, help_text="The `connection_code`.")
