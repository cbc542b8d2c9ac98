"""Who sends a request: an address that limits and logs can use."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.throttling import BaseThrottle

from accounts import addresses

IPV6_PREFIX = 64  # What one customer of a provider gets, at least.


def client_of(request: Any) -> str:
    """The client's address, of IPv6 its network. NUM_PROXIES says whom to believe."""
    # Behind a unix socket there is no address.
    claimed = BaseThrottle().get_ident(request) or "unknown"
    try:
        address = ip_address(claimed)
    except ValueError:
        return claimed
    if not isinstance(address, IPv6Address):
        return claimed
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))


def pseudonym(account: str) -> str:
    """Stands for an e-mail address in logs: the same for the same address, and nothing else."""
    return salted_hmac("accounts.clients", addresses.normalize(account)).hexdigest()[:16]
