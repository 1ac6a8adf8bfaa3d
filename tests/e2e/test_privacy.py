"""Nothing secret in the audit log, whatever operation is asked and however; and no client breaks a line of it.

Operations, members and what is secret of them come from the daemon's own tables, so that an operation is under test
as soon as it is in them. One that answers with secrets must succeed here: PREFERRED says how to ask it.
"""

import base64
import json
import pathlib
import re
import secrets
import shutil
import string
import tempfile
import unittest
import urllib.parse
import xml.etree.ElementTree

import botocore.awsrequest

import conformance
import p11kms_test
import tables
import tap
import wire
from issuer import Issuer

SEED = """
accounts:
  - id: "123456789012"
    users:
      - name: admin
        administrator: true
        access-keys: [{{id: FOOBARKEY, secret: FOOBARSECRET}}]
      - name: app
        policies:
          - {{name: sts, document: {{Version: 2012-10-17, Statement: [{{Effect: Allow, Action: "sts:*", Resource: "*"}}]}}}}
        access-keys: [{{id: APPKEY, secret: APPSECRET}}]
    oidc-providers:
      - {{issuer: "https://ci.example", jwks: "file:{folder}/jwks.json", audiences: [p11kms]}}
    roles:
      - name: crypter
        trust:
          Version: 2012-10-17
          Statement:
            - {{Effect: Allow, Principal: {{AWS: "123456789012"}}, Action: ["sts:*"]}}
            - {{Effect: Allow, Action: "sts:AssumeRoleWithWebIdentity",
                Principal: {{Federated: "arn:aws:iam::123456789012:oidc-provider/ci.example"}}}}
"""

# What a member holds where its name says enough; by operation first.
PREFERRED = {
    "CreateKey": {"Description": "made by a test", "KeySpec": "SYMMETRIC_DEFAULT",
                  "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "Origin": "AWS_KMS"},
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
    "SetClock": {"OffsetSeconds": 0},
    "UpdateAccessKey": {"Status": "Active"},
    None: {
        "KeyPairSpec": "ECC_NIST_P256",
        "NumberOfBytes": 32,
        "Operations": ["Decrypt"],
        "GranteePrincipal": "arn:aws:iam::123456789012:user/app",
        "UserName": "app",
        "RoleArn": "arn:aws:iam::123456789012:role/crypter",
        "RoleSessionName": "s1",
        "Name": "n1",
        "AliasName": "alias/a1",
    },
}
ALGORITHMS = {
    "symmetric": {"EncryptionAlgorithm": "SYMMETRIC_DEFAULT"},
    "rsa": {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256", "DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
            "SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256"},
    "sign": {"SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "RAW"},
    "mac": {"MacAlgorithm": "HMAC_SHA_256"},
    "agree": {"KeyAgreementAlgorithm": "ECDH"},
    "external": {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
}
# What a client chooses freely; other bytes are those that an answer held, where there was one.
FREE = {"Plaintext", "Message", "PrivateKeyPlaintext", "AccessKeyId"}
# Changes that would end what the others need: on keys of their own.
ENDS = re.compile(r"(Cancel|Delete|Disable|Put|Replicate|Schedule|Update|Revoke|Retire)")
# They answer with secrets of things that no test of this file makes.
NOT_REACHED = {"DescribeCustomKeyStores"}


# ---- looking for secrets ----

PIECE = 16


def pieces(raw):
    """Its beginning and its end: a record may hold a part."""
    return {raw[:PIECE], raw[-PIECE:]}


def encodings(piece):
    """How a piece may stand in a text: (which of the forms() shows it, the needle)."""
    yield 0, piece
    yield 1, piece.hex().encode()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + piece)
        first = (shift * 8 + 5) // 6  # the first character that is of the piece alone
        yield 2, text[first:first + PIECE]


def forms(text):
    """Percent-decoded as well; hex in lower case; base64 in the common alphabet."""
    return (text + urllib.parse.unquote_to_bytes(text), text.lower(), text.translate(bytes.maketrans(b"-_", b"+/")))


class Needles:
    def __init__(self):
        self.known = {}  # (form, needle): what it is of

    def add(self, what, raw):
        if len(raw) >= PIECE:
            for piece in pieces(raw):
                for needle in encodings(piece):
                    self.known.setdefault(needle, what)

    def found_in(self, text):
        """What of them stands in the text, in whatever encoding."""
        seen = forms(text)
        return sorted({what for (form, needle), what in self.known.items() if needle in seen[form]})


# ---- asking for everything ----

class Wire:
    """Requests over one connection, whose answers no model is held against: test_conformance.py and others do that."""

    def __init__(self, service):
        self.connection = wire.connect(service)

    def send(self, request):
        path = request.url.split("/", 3)[3]
        self.connection.request(request.method, "/" + path, body=request.data, headers=dict(request.headers.items()))
        response = self.connection.getresponse()
        return wire.Answer(response, response.read())

    def ask(self, service, operation, parameters, target="kms"):
        return self.send(wire.sign(wire.request_for(service, operation, parameters, target), scope=target))


def flatten(prefix, value):
    """The query protocol's names of a value's parts."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from flatten(f"{prefix}.{name}" if prefix else name, one)
    elif isinstance(value, list):
        for i, one in enumerate(value, 1):
            yield from flatten(f"{prefix}.member.{i}", one)
    else:
        yield prefix, str(value).lower() if isinstance(value, bool) else str(value)


def from_xml(element):
    children = list(element)
    if not children:
        return element.text or ""
    if all(child.tag.endswith("}member") for child in children):
        return [from_xml(child) for child in children]
    return {child.tag.rsplit("}", 1)[-1]: from_xml(child) for child in children}


class Asker:
    """Asks operations with marked values, and keeps what must not be in the log."""

    def __init__(self, service, issuer):
        self.service = service
        self.wire = Wire(service)
        self.issuer = issuer
        self.needles = Needles()
        self.answered = {}  # (member, kind of key): the value of the last answer
        self.succeeded = set()
        self.asked = 0
        self.keys = {}
        for kind, how in conformance.KINDS.items():
            answer = self.wire.ask(service, "CreateKey", how)
            if answer.status == 200:
                self.keys[kind] = answer.json["KeyMetadata"]["KeyId"]

    def key_for(self, operation, kind):
        if ENDS.match(operation):
            return self.wire.ask(self.service, "CreateKey", conformance.KINDS[kind]).json["KeyMetadata"]["KeyId"]
        return self.keys[kind]

    def marked(self, shape):
        """A value that stands nowhere else."""
        if shape.kind == "BLOB":
            return base64.b64encode(secrets.token_bytes(48)).decode()
        size = min(max(shape.low, 40), shape.high if shape.high > 0 else 40)
        return "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(size))

    def value(self, operation, name, shape, kind, depth=0):
        by_name = {**PREFERRED[None], **ALGORITHMS.get(kind, {}), **PREFERRED.get(operation, {})}
        if name.endswith("KeyId") and "AccessKey" not in name:
            return self.key_for(operation, kind)
        if name in by_name:
            return by_name[name]
        if name == "WebIdentityToken":
            return self.issuer.token()
        if shape.kind == "STRUCTURE":
            return {} if depth > 3 else {inner: self.value(operation, inner, one, kind, depth + 1)
                                         for inner, (one, _) in shape.members.items()}
        if shape.kind == "LIST":
            return [self.value(operation, name.removesuffix("s"), shape.element, kind, depth + 1)]
        if shape.kind == "MAP":
            return {"a": self.value(operation, "value", shape.element, kind, depth + 1)}
        if shape.kind in ("INTEGER", "TIMESTAMP"):
            return max(shape.low, 1)
        if shape.kind == "BOOLEAN":
            return False
        if name == "AccessKeyId" and not shape.secret:
            return self.answered.get((name, None), "AKIANOSUCHKEY")
        if shape.secret:
            known = None if name in FREE else self.answered.get((name, kind)) or self.answered.get((name, None))
            return known or self.marked(shape)
        return shape.enum[0] if shape.enum else "text".ljust(shape.low, "x")

    def least(self, operation, shape, kind):
        """What an answer needs: what is required, the bytes, and what names the key and how it is used."""
        named = {**PREFERRED.get(operation, {}), **ALGORITHMS.get(kind, {}), "KeyId": None}
        if operation == "GenerateRandom":
            named["NumberOfBytes"] = 32
        return {name: self.value(operation, name, member, kind) for name, (member, required) in shape.members.items()
                if required or member.kind == "BLOB" or name in named}

    def everything(self, operation, shape, kind):
        """Every member, as marked as can be, and some that nobody knows."""
        asked = {name: self.value(operation, name, member, kind) for name, (member, _) in shape.members.items()}
        for name, (member, _) in shape.members.items():
            if member.secret:
                asked[name] = self.marked(member)
        for unknown in ("plaintext", "Secret", "CiphertextBlobs"):
            asked[unknown] = self.unknown()
        asked["Unknown"] = {"Plaintext": self.unknown(), "list": [self.unknown()]}
        return asked

    def unknown(self):
        value = base64.b64encode(secrets.token_bytes(30)).decode()
        self.needles.add("a member that nobody knows", value.encode())
        self.needles.add("a member that nobody knows", base64.b64decode(value))
        return value

    def keep(self, what, shape, value, kind=None):
        for one, text in tables.secrets_of(shape, value):
            self.needles.add(f"{what}: {one.name}", text.encode())
            if one.kind == "BLOB":
                self.needles.add(f"{what}: {one.name}", base64.b64decode(text))
        if kind and isinstance(value, dict) and shape is not None:
            flat = {**value, **value.get("AccessKey", {})}
            for name, one in flat.items():
                if isinstance(one, str):
                    self.answered[name, kind] = self.answered[name, None] = one

    def keep_signature(self, request):
        found = re.search(r"Signature=([0-9a-f]{64})", request.headers["Authorization"])
        self.needles.add("the signature of a request", found.group(1).encode())

    def ask(self, service, operation, parameters, kind):
        asked, answered = tables.operations(service)[operation]
        self.asked += 1
        self.keep(operation, asked, parameters)
        if service == "sts":
            status, answer = self.ask_sts(operation, parameters)
        else:
            request = wire.request_for(self.service, operation, parameters, service)
            self.keep_signature(wire.sign(request, scope=service))
            got = self.wire.send(request)
            status, answer = got.status, got.json
        if status == 200:
            self.succeeded.add((service, operation))
            self.keep(f"the answer of {operation}", answered, answer, kind)
        return status, answer

    def ask_sts(self, operation, parameters):
        form = urllib.parse.urlencode([("Action", operation), ("Version", "2011-06-15"), *flatten("", parameters)])
        request = botocore.awsrequest.AWSRequest(
            method="POST", url=self.service.url + "/", data=form.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
        self.keep_signature(wire.sign(request, credentials=p11kms_test.APP, scope="sts"))
        got = self.wire.send(request)
        tree = xml.etree.ElementTree.fromstring(got.body)
        result = tree.find(f"{{*}}{operation}Result")
        answer = from_xml(result) if result is not None and len(result) else {}
        return got.status, answer


class Secrets(unittest.TestCase):
    test_seconds = 300

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="p11kms-privacy-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        issuer = Issuer(cls.folder, "https://ci.example")
        (cls.folder / "jwks.json").write_text(issuer.jwks(), encoding="utf-8")
        cls.service = p11kms_test.Service(SEED.format(folder=cls.folder))
        cls.addClassCleanup(cls.service.close)
        cls.service.start()
        cls.asker = Asker(cls.service, issuer)

    def ask_everything(self, ends):
        for service in ("kms", "p11kms", "sts"):
            for operation, (asked, _) in tables.operations(service).items():
                if bool(ENDS.match(operation)) != ends or asked is None:
                    continue
                for kind in self.kinds(asked, ends):
                    self.asker.ask(service, operation, self.asker.least(operation, asked, kind), kind)
                    self.asker.ask(service, operation, self.asker.everything(operation, asked, kind), kind)

    def kinds(self, asked, ends):
        """Keys of every kind; few where each call takes a key of its own, one where none is asked for."""
        if not any(name.endswith("KeyId") or name == "CiphertextBlob" for name in asked.members):
            return ("symmetric",)
        return [kind for kind in self.asker.keys if not ends or kind in ("symmetric", "external")]

    def test_no_secret_of_any_operation_is_in_the_log(self):
        for ends in (False, False, True):  # what the first round answers is asked with in the second
            self.ask_everything(ends)
        lacking = [operation for service in ("kms", "p11kms", "sts")
                   for operation, (_, answered) in tables.operations(service).items()
                   if tables.has_secrets(answered) and (service, operation) not in self.asker.succeeded
                   and operation not in NOT_REACHED and self.is_served(service, operation)]
        self.assertEqual(lacking, [], "they answer with secrets, and were not brought to: see PREFERRED")
        written = self.service.written()
        self.assertGreater(len(self.service.audit()), self.asker.asked)
        self.assertGreater(len(self.asker.needles.known), 1000)
        self.assertEqual(self.asker.needles.found_in(written), [])

    def is_served(self, service, operation):
        records = self.service.audit(operation)
        self.assertTrue(records, operation)
        return not any("not supported by this version" in record.get("errorMessage", "") for record in records)

    def test_the_search_finds_what_is_there_in_every_encoding(self):
        secret = secrets.token_bytes(48)
        needles = Needles()
        needles.add("it", secret)
        self.assertEqual(needles.found_in(b"nothing"), [])
        for text in (secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret),
                     base64.b64encode(b"x" + secret + b"y"), base64.urlsafe_b64encode(b"xy" + secret),
                     urllib.parse.quote_from_bytes(secret).encode(), secret[:20], base64.b64encode(secret[-20:])):
            with self.subTest(text):
                self.assertEqual(needles.found_in(b'{"a":"' + text + b'"}'), ["it"])


class Lines(p11kms_test.ServiceCase):
    """A line is a record and a record is a line, whatever a client sends."""

    def ask(self, operation, parameters):
        return Wire(self.service).ask(self.service, operation, parameters)

    def records_for(self, answers):
        lines = b"".join(path.read_bytes() for path in sorted((self.service.dir / "audit").glob("audit-*.jsonl")))
        self.assertFalse(re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", lines))
        self.assertNotIn("\u2028".encode(), lines)
        self.assertNotIn("\u2029".encode(), lines)
        records = [json.loads(line) for line in lines.decode("utf-8").splitlines()]
        self.assertEqual(len(records), lines.count(b"\n"))
        by_id = {record["requestID"]: record for record in records}
        return [by_id[answer.request_id] for answer in answers]

    def test_values_with_controls_and_separators(self):
        nasty = '\x00\n\r\x1b]0;x\x07\x7f\x85\u2028\u2029\u202e\ufeff"\\},{"eventName":"Forged"}\n{"eventName":"Forged2"}'
        answers = [self.ask( "DescribeKey", {"KeyId": nasty}),
                   self.ask( "DescribeKey", {"KeyId": "x", nasty: nasty}),
                   self.ask( "CreateKey", {"Description": nasty, "Tags": [{"TagKey": nasty, "TagValue": nasty}]}),
                   self.ask( "Encrypt", {"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": {nasty: nasty}}),
                   self.ask( nasty.encode("unicode_escape").decode(), {}),
                   wire.ask_unix(self.service, "CreateAccessKey", {"UserName": nasty}, "p11kms")]
        records = self.records_for(answers)
        self.assertEqual([record["eventName"] for record in records[:4]], ["DescribeKey"] * 2 + ["CreateKey", "Encrypt"])
        self.assertFalse(self.service.audit("Forged") or self.service.audit("Forged2"))
        self.assertEqual(records[0]["requestParameters"]["keyId"], nasty)

    def test_lone_surrogates_and_bytes_that_are_no_text(self):
        answers = [self.ask( "DescribeKey", body) for body in (
            b'{"KeyId": "\\ud800"}', b'{"KeyId": "\\udfff\\ud800 x"}', b'{"KeyId": "\xed\xa0\x80"}', b'{"KeyId": "\xff\xfe"}',
            b'{"\\ud800": 1}', b"\xff\xfe\x00", b"{", b"[]", b"null", b'{"KeyId": 1}', b'{"KeyId": {"a": [1]}}')]
        self.assertTrue(all(answer.status == 400 for answer in answers))
        self.records_for(answers)

    def test_very_long_values(self):
        long_text = "\u00e9\u2028" * 50_000
        answers = [self.ask( "DescribeKey", {"KeyId": long_text}),
                   self.ask( "TagResource", {"KeyId": "x", "Tags": [{"TagKey": str(i), "TagValue": "v" * 3000}
                                                                                 for i in range(200)]}),
                   self.ask( "Encrypt", {"KeyId": "x", "Plaintext": "eA==",
                                                      "EncryptionContext": {f"k{i}": "v" * 900 for i in range(900)}}),
                   self.ask( "CreateKey", {"Policy": json.dumps({"Id": "p" * 200_000})})]
        self.records_for(answers)
        longest = max(len(json.dumps(record)) for record in self.service.audit())
        self.assertLess(longest, 256 << 10)

    def test_headers_that_stand_in_a_record(self):
        answers = []
        for value in ("a\tb", "\x80\xff\x9b2J", "u" * 8000):
            request = wire.request_for(self.service, "ListKeys", {})
            wire.sign(request)
            request.headers["User-Agent"] = value
            answers.append(Wire(self.service).send(request))
        records = self.records_for(answers)
        self.assertTrue(all(len(record["userAgent"]) <= 1024 for record in records))


if __name__ == "__main__":
    tap.main()
