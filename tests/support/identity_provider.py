"""Which identity provider do tests ask? A small one of our own, in a process of its own, with real keys.

It serves discovery, keys, the authorization and the token address of OpenID Connect. A test tells it over
/control whom it lets in, and asks it for tokens of any claims. Run as a program it prints its address.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "sancho-tests", "s/cret+of tests"


class IdentityProvider:
    """The provider as a test holds it."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def token(self, *, kind: str = "RS256", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token signed by the present key; claims of None are left out."""
        asked = {"kind": kind, "header": header or {}, "claims": claims}
        return str(self.call("token", asked)["token"])

    def call(self, name: str, asked: dict[str, Any] | None = None) -> dict[str, Any]:
        """What it answers to a test: token, rotate, user, counts, answer_with."""
        request = urllib.request.Request(f"{self.issuer}/control/{name}", json.dumps(asked or {}).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """A running provider; it ends with the block."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield IdentityProvider(process.stdout.readline().strip())
        finally:
            process.terminate()


# What runs in the process


class _Keys:
    """The key pair that signs, and those that are published."""

    def __init__(self) -> None:
        self.number = 0
        self.rotate()

    def rotate(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        self.number += 1
        self.private = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
        }

    def kid(self, kind: str) -> str:
        return f"{kind}-{self.number}"

    def public(self) -> list[dict[str, Any]]:
        from jwt.algorithms import ECAlgorithm, RSAAlgorithm

        makers = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm}
        return [
            {**json.loads(makers[kind].to_jwk(key.public_key())), "kid": self.kid(kind), "use": "sig"}  # type: ignore[attr-defined]
            for kind, key in self.private.items()
        ]

    def pem(self) -> bytes:
        from cryptography.hazmat.primitives import serialization

        return (
            self.private["RS256"]
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )


class _Handler(BaseHTTPRequestHandler):
    keys: ClassVar[_Keys]
    user: ClassVar[dict[str, Any]] = {}
    codes: ClassVar[dict[str, dict[str, str]]] = {}
    counts: ClassVar[dict[str, int]] = {}
    broken: ClassVar[dict[str, int]] = {}

    def log_message(self, *_: Any) -> None:
        pass

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.counts[parts.path] = self.counts.get(parts.path, 0) + 1
        if parts.path in self.broken:
            self._answer({"error": "broken"}, self.broken[parts.path])
        elif parts.path == "/.well-known/openid-configuration":
            self._answer(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                }
            )
        elif parts.path == "/keys":
            self._answer({"keys": self.keys.public()})
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            code = f"code-{len(self.codes)}"
            self.codes[code] = asked
            self.send_response(302)
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        else:
            self._answer({}, 404)

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.counts[parts.path] = self.counts.get(parts.path, 0) + 1
        if parts.path in self.broken:
            self._answer({"error": "broken"}, self.broken[parts.path])
        elif parts.path == "/token":
            self._exchange({name: values[0] for name, values in parse_qs(body.decode()).items()})
        else:
            self._control(parts.path.removeprefix("/control/"), json.loads(body))

    def _exchange(self, form: dict[str, str]) -> None:
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        pair = base64.b64encode(f"{CLIENT}:{'s%2Fcret%2Bof%20tests'}".encode()).decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge.rstrip(b"=").decode()
            or asked["redirect_uri"] != form["redirect_uri"]
            or self.headers.get("Authorization") != f"Basic {pair}"
        ):
            self._answer({"error": "invalid_grant"}, 400)
            return
        claims = {"aud": asked["client_id"], "nonce": asked["nonce"], **self.user}
        self._answer({"id_token": self._token("RS256", {}, claims), "token_type": "Bearer"})

    def _control(self, name: str, asked: dict[str, Any]) -> None:
        if name == "token":
            self._answer({"token": self._token(asked["kind"], asked["header"], asked["claims"])})
        elif name == "counts":
            self._answer(dict(self.counts))
        else:
            if name == "rotate":
                self.keys.rotate()
            elif name == "user":
                type(self).user = asked
            elif name == "broken":
                type(self).broken = asked
            self._answer({})

    def _token(self, kind: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
        import jwt

        now = int(time.time())
        filled = {
            "iss": self.issuer, "aud": CLIENT, "sub": "u1", "iat": now, "exp": now + 300,
            "email_verified": True, **claims,
        }  # fmt: skip
        kept = {name: value for name, value in filled.items() if value is not None}
        if kind == "none":
            return jwt.encode(kept, "", "none", headers={"kid": self.keys.kid("RS256"), **header})
        if kind == "HS256":  # the public key, which everybody knows, as a secret
            return _signed_with_text(kept, self.keys.pem(), {"kid": self.keys.kid("RS256"), **header})
        return jwt.encode(kept, self.keys.private[kind], kind, headers={"kid": self.keys.kid(kind), **header})

    def _answer(self, found: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _signed_with_text(claims: dict[str, Any], secret: bytes, header: dict[str, Any]) -> str:
    """HS256 by hand: PyJWT refuses to use a public key as a secret."""
    import hmac

    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT", **header}, claims)
    ]
    signature = hmac.new(secret, b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def _serve() -> None:
    _Handler.keys = _Keys()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201 - for whoever began it
    server.serve_forever()


if __name__ == "__main__":
    _serve()
