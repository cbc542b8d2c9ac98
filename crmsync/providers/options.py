"""What the owner of a connection can choose; the first of the choices is what needs no thought."""

from collections.abc import Mapping, Sequence
from typing import Any

from crmsync.providers.roles import own_domains

LISTS = ("internal_domains", "skip_addresses")
CREATE_PEOPLE = {"create_people": ("contacts", "nobody")}
OWNER_AND_COMPANY = {"owner": ("by_email", "none"), "company": ("by_contact", "none")}
Choices = Mapping[str, Sequence[str]]
EVERY_CHOICE = {"create_people": ("contacts", "leads", "nobody"), **OWNER_AND_COMPANY}


def with_defaults(chosen: Mapping[str, Any], choices: Choices, owner: str) -> dict[str, Any]:
    defaults = {name: values[0] for name, values in choices.items()}
    lists = {"internal_domains": own_domains(owner), "skip_addresses": []}
    known = {name: value for name, value in chosen.items() if name in {*choices, *LISTS}}
    return {**lists, **defaults, **known}
