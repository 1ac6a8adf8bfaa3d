"""An OIDC issuer for tests: an RSA key, its key set, and tokens signed with it, by the openssl command."""

import base64
import json
import pathlib
import subprocess
import time


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    def __init__(self, folder, url, kid="k1"):
        self.url = url
        self.kid = kid
        self.key = pathlib.Path(folder) / f"{kid}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                        "-out", str(self.key)], check=True, capture_output=True)

    def jwk(self):
        said = subprocess.run(["openssl", "rsa", "-in", str(self.key), "-noout", "-modulus"], check=True,
                              capture_output=True, text=True).stdout
        modulus = bytes.fromhex(said.strip().split("=")[1])
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": url64(modulus), "e": "AQAB"}

    def jwks(self):
        return json.dumps({"keys": [self.jwk()]})

    def token(self, header=None, **claims):
        """A good token, but for what is said otherwise; a claim of None is left out."""
        now = int(time.time())
        body = {"iss": self.url, "aud": "p11kms", "sub": "repo:acme/app", "iat": now, "exp": now + 600} | claims
        body = {name: value for name, value in body.items() if value is not None}
        head = {"alg": "RS256", "typ": "JWT", "kid": self.kid} | (header or {})
        signed = url64(json.dumps(head).encode()) + "." + url64(json.dumps(body).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(self.key)], check=True,
                                   input=signed.encode(), capture_output=True).stdout
        return signed + "." + url64(signature)
