#!/usr/bin/python3
"""botocore as oracle: random requests that it signs are accepted, and refused after one flipped bit.

Speaks TAP. Header and query form; the judge is tests/identity/oracle_check.
P11KMS_ORACLE_SEED and P11KMS_ORACLE_COUNT change what is tried.
"""
import datetime
import hashlib
import os
import random
import subprocess
import sys
import types
import urllib.parse

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("1..0 # SKIP no botocore")
    sys.exit(0)

SEED = os.environ.get("P11KMS_ORACLE_SEED", "1")
COUNT = int(os.environ.get("P11KMS_ORACLE_COUNT", "300"))
JUDGE = os.path.join(os.environ.get("P11KMS_BUILDDIR", "."), "tests/identity/oracle_check")
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SERVICES = ["kms", "secretsmanager", "ssm", "sts"]
REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1", "x"]
BLANKS = "".join(chr(c) for c in range(0x21, 0x7F)) + "  \u00fc\u20ac"

rng = random.Random(SEED)
now = datetime.datetime(2026, 1, 1)


class Clock(datetime.datetime):
    """The time that botocore signs with."""

    @classmethod
    def utcnow(cls):
        return now


if hasattr(botocore.auth, "get_current_datetime"):
    botocore.auth.get_current_datetime = lambda *args, **kwargs: now
else:
    botocore.auth.datetime = types.SimpleNamespace(datetime=Clock)
botocore.auth.formatdate = lambda *args, **kwargs: now.strftime("%a, %d %b %Y %H:%M:%S GMT")


def word(low, high, alphabet=BLANKS):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(low, high)))


def random_path():
    if rng.random() < 0.5:
        return "/"
    segments = [rng.choice([word(1, 8), "..", ".", "", "a%2Fb", "x"]) for _ in range(rng.randint(1, 5))]
    return "/" + "/".join(urllib.parse.quote(s, safe="%~") for s in segments) + rng.choice(["", "/"])


def random_query():
    if rng.random() < 0.5:
        return ""
    names = [word(1, 6) for _ in range(rng.randint(1, 3))]
    pairs = [(rng.choice(names), word(0, 10)) for _ in range(rng.randint(1, 6))]
    return "&".join(urllib.parse.quote(n, safe="~") + "=" + urllib.parse.quote(v, safe="~") for n, v in pairs)


def random_headers(body, form):
    headers = [("Content-Type", "application/x-amz-json-1.1")]
    if form == "unsigned body":
        return headers + [("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")]
    if form == "another body":
        return headers + [("X-Amz-Content-SHA256", hashlib.sha256(body + b"x").hexdigest())]
    if rng.random() < 0.7:
        headers.append(("X-Amz-Target", "TrentService." + word(1, 20, "abcdefXYZ")))
    if rng.random() < 0.3:
        headers.append(("X-Amz-Content-SHA256", hashlib.sha256(body).hexdigest()))
    for number in range(rng.randint(0, 6)):
        text = word(0, 20, BLANKS.replace("\u00fc", "").replace("\u20ac", "") + "    ")
        name = rng.choice(["X-Custom-%d", "x-amz-meta-%d", "Z%d", "a-%d"]) % number
        headers.append((name, text))
    return headers


class Signed:
    """One signed request as it goes over the wire: method, target, headers, body."""

    def __init__(self, form):
        global now
        now = datetime.datetime(2026, 1, 1) + datetime.timedelta(seconds=rng.randint(0, 10**8))
        self.service = rng.choice(SERVICES)
        self.method = rng.choice(["POST", "GET", "PUT"])
        self.body = bytes(rng.randrange(256) for _ in range(rng.choice([0, 0, 1, 20, 300, 5000])))
        if form == "query":
            self.body = b""
            self.method = "GET"
        host = rng.choice(["kms.example", "127.0.0.1:8443", "[::1]:1", "h"])
        query = random_query()
        url = "https://" + host + random_path() + ("?" + query if query else "")
        request = AWSRequest(method=self.method, url=url, data=self.body)
        headers = [] if form == "query" and rng.random() < 0.5 else random_headers(self.body, form)
        for name, value in headers:
            request.headers[name] = value
        if form == "date":
            request.headers["Date"] = "any"
        region = rng.choice(REGIONS)
        if form == "query":
            auth = botocore.auth.SigV4QueryAuth(CREDENTIALS, self.service, region, expires=rng.randint(1, 604800))
        else:
            auth = botocore.auth.SigV4Auth(CREDENTIALS, self.service, region)
        auth.add_auth(request)
        parts = urllib.parse.urlsplit(request.url)
        self.target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        self.headers = [("Host", host)] + list(request.headers.items())
        self.now_ms = int(now.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)

    def wire(self, method=None, target=None, headers=None, body=None):
        head = (method or self.method) + " " + (target or self.target) + "\n"
        for name, value in headers if headers is not None else self.headers:
            head += name + ": " + value + "\n"
        return head.encode("latin-1") + b"\n" + (self.body if body is None else body)

    def line(self, verdict, wire):
        return "%s %d %s %s\n" % (verdict, self.now_ms, self.service, wire.hex())


def flip(text, printable=True):
    """One bit of one character, such that the text can still be sent; None where chance found none."""
    for _ in range(50):
        at = rng.randrange(len(text))
        code = ord(text[at]) ^ 1 << rng.randrange(8 if not printable else 7)
        if not printable or (0x21 <= code < 0x7F and chr(code) not in ": "):
            return text[:at] + chr(code) + text[at + 1 :]
    return None


def meaning(target):
    """What of a target counts: the path without its dots, the query's parameters however they are encoded."""
    parts = target.split("?", 1)
    query = parts[1] if len(parts) > 1 else ""
    pairs = [p.replace("+", " ").partition("=") for p in query.split("&") if p]
    pairs = sorted((urllib.parse.unquote_to_bytes(n), urllib.parse.unquote_to_bytes(v)) for n, _, v in pairs)
    path = botocore.auth.normalize_url_path(parts[0]) if parts[0] else "/"
    return path, pairs


def flipped(signed):
    """The request with one bit of a signed part changed, or None."""
    choice = rng.choice(["method", "target", "target", "header", "header", "body", "authorization"])
    if choice == "method":
        text = flip(signed.method)
        return text and signed.wire(method=text)
    if choice == "target":
        text = flip(signed.target)
        if text is None or text.count("?") > 1 or text[0] != "/" or meaning(text) == meaning(signed.target):
            return None
        return signed.wire(target=text)
    if choice == "body":
        if not signed.body:
            return signed.wire(body=b"\0")
        at = rng.randrange(len(signed.body))
        changed = signed.body[at] ^ 1 << rng.randrange(8)
        return signed.wire(body=signed.body[:at] + bytes([changed]) + signed.body[at + 1 :])
    asked = choice == "authorization"
    wanted = [i for i, (n, v) in enumerate(signed.headers) if (n == "Authorization") == asked and v.strip()]
    if not wanted:
        return None
    at = rng.choice(wanted)
    name, value = signed.headers[at]
    text = flip(value)
    if text is None or " ".join(text.split()) == " ".join(value.split()):
        return None
    if choice == "authorization" and same_authorization(text, value):
        return None
    return signed.wire(headers=signed.headers[:at] + [(name, text)] + signed.headers[at + 1 :])


def same_authorization(a, b):
    """White space around the header's commas does not count."""
    return [part.strip() for part in a.split(",")] == [part.strip() for part in b.split(",")]


def judge(lines):
    done = subprocess.run([JUDGE], input="".join(lines), capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        print("Bail out! %s: status %d %s" % (JUDGE, done.returncode, done.stderr))
        sys.exit(1)
    return [int(number) for number in done.stdout.split()]


def report(number, what, lines):
    wrong = judge(lines)
    print("%sok %d - %d %s" % ("not " if wrong or not lines else "", number, len(lines), what))
    for at in wrong[:3]:
        verdict, now_ms, service, text = lines[at].split()
        print("# seed %s: %s at %s for %s: %r" % (SEED, verdict, now_ms, service, bytes.fromhex(text)))
    return not wrong


def main():
    forms = ["header", "date", "query"]
    print("1..%d" % (2 * len(forms) + 1))
    fine = True
    for number, form in enumerate(forms):
        requests = [Signed(form) for _ in range(COUNT)]
        accepted = [r.line("accept", r.wire()) for r in requests]
        changed = [(r, flipped(r)) for r in requests for _ in range(4)]
        refused = [r.line("refuse", wire) for r, wire in changed if wire]
        fine &= report(2 * number + 1, "requests botocore signed (%s) are accepted" % form, accepted)
        fine &= report(2 * number + 2, "with a bit flipped (%s) are refused" % form, refused)
    others = [Signed(form) for form in ("unsigned body", "another body") for _ in range(20)]
    fine &= report(7, "whose signature does not cover the body are refused", [r.line("refuse", r.wire()) for r in others])
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
