from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from rest_framework import serializers
from rest_framework.validators import UniqueValidator
from rest_framework_simplejwt.serializers import TokenObtainSerializer
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User


def issue_token(user: User) -> dict[str, Any]:
    """A new token and when it ends: `{"auth_token", "expires_at"}`."""
    token = AccessToken.for_user(user)
    return {"auth_token": str(token), "expires_at": datetime.fromtimestamp(token["exp"], UTC)}


class PasswordField(serializers.CharField):
    """Taken as typed: a blank at its end belongs to a password."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, max_length=1024, **kwargs)


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email"]


class TokenSerializer(serializers.Serializer[Any]):
    auth_token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class SignedUpSerializer(TokenSerializer):
    user = UserSerializer()


class AuthenticateSerializer(TokenObtainSerializer):
    token_class = AccessToken

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"] = PasswordField()


class NewPasswordSerializer(serializers.Serializer[User]):
    password = PasswordField(validators=[validate_password])
    password_confirmation = PasswordField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password"] != attrs.pop("password_confirmation"):
            raise serializers.ValidationError(
                {"password_confirmation": ["The two passwords differ."]}
            )
        return attrs


TAKEN = "A user with this e-mail address already exists."


class SignUpSerializer(NewPasswordSerializer):
    email = serializers.EmailField(
        max_length=254, validators=[UniqueValidator(User.objects.all(), TAKEN)]
    )

    def create(self, validated_data: dict[str, Any]) -> User:
        try:
            with transaction.atomic():
                return User.objects.create_user(**validated_data)
        except IntegrityError as error:  # Somebody else signed up with it since we looked.
            raise serializers.ValidationError({"email": [TAKEN]}, code="unique") from error


class ChangePasswordSerializer(NewPasswordSerializer):
    current_password = PasswordField()

    def validate_current_password(self, password: str) -> str:
        if not self.context["request"].user.check_password(password):
            raise serializers.ValidationError(["This is not your current password."])
        return password

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        instance.set_password(validated_data["password"])
        instance.save(update_fields=["password"])
        return instance
