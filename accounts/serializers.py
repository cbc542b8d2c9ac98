import zoneinfo
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.validators import MaxLengthValidator, MinLengthValidator
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.validators import UniqueValidator
from rest_framework_simplejwt.serializers import TokenObtainSerializer

from accounts import addresses, password_reset
from accounts.models import User
from accounts.strict import KnownFieldsOnly
from accounts.tokens import AccessToken


def issue_token(user: User) -> dict[str, Any]:
    """A new token and its expiry: `{"auth_token", "expires_at"}`."""
    return with_expiry(AccessToken.for_user(user))


def with_expiry(token: AccessToken) -> dict[str, Any]:
    return {"auth_token": str(token), "expires_at": datetime.fromtimestamp(token["exp"], UTC)}


UNKNOWN_TIME_ZONE = _("Name a time zone such as Europe/Berlin.")


@cache
def available_time_zones() -> set[str]:
    return zoneinfo.available_timezones()


class PasswordField(serializers.CharField):
    """Not trimmed: a trailing blank belongs to the password."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, max_length=1024, **kwargs)


class LowercaseEmailField(serializers.EmailField):
    """Normalizes before validating, because some letters get longer."""

    def __init__(self, *, validators: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators += [MaxLengthValidator(254), *validators]

    def to_internal_value(self, data: Any) -> str:
        return addresses.normalize(super().to_internal_value(data))


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email"]


class PersonSerializer(KnownFieldsOnly, serializers.ModelSerializer[User]):
    """The caller. `language` and `time_zone` may be empty: then requests and texts decide."""

    class Meta:
        model = User
        fields = ["id", "email", "time_zone", "language"]
        read_only_fields = ["email"]

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        """Writes these fields alone: another request may have changed the password meanwhile."""
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=[*validated_data])
        return instance

    def validate_time_zone(self, name: str) -> str:
        if name and name not in available_time_zones():
            raise serializers.ValidationError(UNKNOWN_TIME_ZONE)
        return name


class TokenSerializer(serializers.Serializer[Any]):
    auth_token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class SignedUpSerializer(TokenSerializer):
    user = UserSerializer()


class AuthenticateSerializer(KnownFieldsOnly, TokenObtainSerializer):
    token_class = AccessToken

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"] = PasswordField()


MIN_PASSWORD: int = settings.MIN_PASSWORD


class PasswordValidator(MinLengthValidator):
    """For the schema, a minimum. The words are Django's own for passwords."""

    def __call__(self, value: str) -> None:
        validate_password(value)


class NewPasswordSerializer(KnownFieldsOnly, serializers.Serializer[User]):
    password = PasswordField(validators=[PasswordValidator(MIN_PASSWORD)])
    password_confirmation = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password"] != attrs.pop("password_confirmation"):
            raise serializers.ValidationError(
                {"password_confirmation": [_("The two passwords differ.")]}
            )
        return attrs


class PasswordMailSerializer(KnownFieldsOnly, serializers.Serializer[Any]):
    email = LowercaseEmailField()


class ResetPasswordSerializer(NewPasswordSerializer):
    token = serializers.CharField(max_length=200, help_text="From the link in the mail.")

    def validate_token(self, token: str) -> str:
        if password_reset.user_of(token) is None:
            raise serializers.ValidationError(UNKNOWN_TOKEN)
        return token


UNKNOWN_TOKEN = _("This link has ended or was used before. Please ask for a new one.")
WRONG_PASSWORD = _("This is not your current password.")
TAKEN = User._meta.get_field("email").error_messages["unique"]


class SignUpSerializer(NewPasswordSerializer):
    email = LowercaseEmailField(validators=[UniqueValidator(User.objects.all(), TAKEN)])

    def create(self, validated_data: dict[str, Any]) -> User:
        try:
            with transaction.atomic():
                return User.objects.create_user(**validated_data)
        except IntegrityError as error:  # Somebody else has just signed up with it.
            raise serializers.ValidationError({"email": [TAKEN]}, code="unique") from error


class CurrentPasswordSerializer(KnownFieldsOnly, serializers.Serializer[User]):
    current_password = PasswordField()

    def validate_current_password(self, password: str) -> str:
        if self.instance is None or not self.instance.check_password(password):
            raise serializers.ValidationError(WRONG_PASSWORD)
        return password


class ChangePasswordSerializer(NewPasswordSerializer):
    current_password = PasswordField()

    @transaction.atomic
    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        # Locked, so that only one of two concurrent changes knows the current password.
        user = User.objects.select_for_update(no_key=True).get(pk=instance.pk)
        if not user.check_password(validated_data["current_password"]):
            raise serializers.ValidationError({"current_password": [WRONG_PASSWORD]})
        user.set_password(validated_data["password"])
        user.save(update_fields=["password", "token_key"])
        return user
