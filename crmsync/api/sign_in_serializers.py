from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.strict import KnownFieldsOnly
from crmsync.operations import oauth
from crmsync.providers import OAUTH, PROVIDERS

MAX_REASON = 500  # Characters that a CRM may say about a refused sign-in.


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
