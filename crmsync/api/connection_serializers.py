from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema_field,
)
from rest_framework import serializers

from accounts import addresses
from accounts.serializers import LowercaseEmailField
from accounts.strict import KnownFieldsOnly
from crmsync.connections import store
from crmsync.connections.tokens import OAUTH_ONLY_KEYS
from crmsync.models import Connection
from crmsync.providers import PROVIDERS
from crmsync.providers.options import EVERY_CHOICE
from crmsync.status.connecting import DEGRADED, describe_degraded, describe_standing
from crmsync.status.serializers import (
    CONNECTION_STATES,
    ERROR_CODES,
    PROVIDER_NAMES,
    ErrorSerializer,
)

NOT_CONNECTED = "not_connected"


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
