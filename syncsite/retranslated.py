"""Texts of libraries that we translate: Django REST framework's German says "du", and of
SimpleJWT's no catalogue is loaded.
"""

from django.utils.translation import gettext_noop

TEXTS = [
    gettext_noop("No active account found with the given credentials"),
    gettext_noop("Authorization header must contain two space-delimited values"),
    gettext_noop("Given token not valid for any token type"),
    gettext_noop("Ensure this field has at least {min_length} characters."),
    gettext_noop("Ensure this field has no more than {max_length} characters."),
    gettext_noop("Ensure this value is greater than or equal to {min_value}."),
    gettext_noop("Ensure this value is less than or equal to {max_value}."),
    gettext_noop("Enter a valid URL."),
    gettext_noop("Enter a valid email address."),
]
