"""A token endpoint: grants with PKCE, rotation and revocation."""

import hashlib
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs


class GrantingTokens:
    token_path = "/oauth/2026-03/token"
    revoke_path = "/oauth/2026-03/token/revoke"

    def __init__(self):
        super().__init__()
        self.grants = {"first-code"}  # Codes and refresh tokens that are worth a token.
        self.granted = 0
        self.challenge = None  # Of the sign-in, if it uses PKCE.
        self.revoked = []

    def respond(self, method, target, body, headers):
        if target not in (self.token_path, self.revoke_path):
            return super().respond(method, target, body, headers)
        if self.first[method, target]:
            return self.first[method, target].pop(0)
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        with self.lock:
            return self.revoke(form) if target == self.revoke_path else self.grant(form)

    def revoke(self, form):
        if form.get("client_secret") != "client-s3cret":
            return 400, {"status": "BAD_CLIENT_SECRET", "message": "no", "correlationId": "c"}
        self.revoked.append(form["token"])
        self.grants.discard(form["token"])
        return 200, b""

    def grant(self, form):
        """Each token ends the one before; each grant works once."""
        used = form.get("code") or form.get("refresh_token")
        is_proven = "code" not in form or challenge_of(form["code_verifier"]) == self.challenge
        if used not in self.grants or not is_proven or form["client_secret"] != "client-s3cret":
            return 400, {"status": "BAD_REFRESH_TOKEN", "message": "no", "correlationId": "c"}
        self.granted += 1
        self.token = f"access-{self.granted}"
        self.grants = {f"refresh-{self.granted}"}
        return 200, {
            "access_token": self.token,
            "refresh_token": f"refresh-{self.granted}",
            "expires_in": 1800,
            "token_type": "bearer",
            **self.granted_with(),
        }

    def granted_with(self):
        return {}


def challenge_of(verifier):
    """Of PKCE with S256, as RFC 7636 has it."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
