"""The wire protocol: what is no request, no operation, or none of this version, and how each is told."""

import base64
import email.utils
import json
import re
import time
import uuid

import conformance
import tap
import wire
from kms_case import KmsCase, Refused

# What each operation of this version cannot do without, beside a signature.
REQUIRED = {name: [f"{member[0].lower()}{member[1:]}" for member in operation.input_shape.required_members]
            for name, operation in conformance.operations().items()}


class Operations(KmsCase):
    def test_no_operation_of_aws_is_unknown_or_lacking(self):
        for operation in conformance.operations():
            with self.subTest(operation):
                answer = wire.ask(self.service, operation, minimal(conformance.operations()[operation].input_shape))
                self.assertNotEqual(answer.code, "UnknownOperationException")
                self.assertNotIn("not supported by this version", answer.message or "")

    def test_a_name_aws_does_not_know_is_an_unknown_operation(self):
        for target in ("TrentService.MakeCoffee", "TrentService.", "TrentService", "TrentService.createkey",
                       "TrentService.CreateKey2", "Trent.CreateKey", "CreateKey",
                       "secretsmanager.GetSecretValue", "AmazonSSM.GetParameter", "P11KMS.MakeCoffee", "x" * 4000):
            with self.subTest(target[:40]):
                request = wire.request_for(self.service, "", {})
                request.headers.replace_header("X-Amz-Target", target)
                scope = "p11kms" if target.startswith("P11KMS.") else "kms"
                answer = wire.send(self.service, wire.sign(request, scope=scope))
                self.assertEqual((answer.status, answer.code), (400, "UnknownOperationException"))

    def test_without_a_target_there_is_no_operation(self):
        request = wire.request_for(self.service, "", {})
        del request.headers["X-Amz-Target"]
        answer = wire.send(self.service, wire.sign(request))
        self.assertEqual((answer.status, answer.code), (400, "UnknownOperationException"))

    def test_only_post_is_an_operation(self):
        for method in ("GET", "PUT", "DELETE", "OPTIONS", "PATCH"):
            request = wire.sign(wire.request_for(self.service, "ListKeys", b"", method=method))
            answer = wire.send(self.service, request)
            self.assertEqual((answer.status, answer.code), (400, "UnknownOperationException"), method)

    def test_a_required_member_that_is_missing_is_named(self):
        for operation, members in REQUIRED.items():
            with self.subTest(operation):
                for body in ({}, b"") if members else ():
                    answer = wire.ask(self.service, operation, body)
                    self.assertEqual((answer.status, answer.code), (400, "ValidationException"))
                    count = f"{len(members)} validation error" + ("s" if len(members) > 1 else "")
                    self.assertTrue(answer.message.startswith(count + " detected: "), answer.message)
                    for member in members:
                        self.assertRegex(answer.message, rf"Value( null)? at '{member}' failed to satisfy constraint: "
                                                         "Member must not be null")

    def test_null_is_absent(self):
        answer = wire.ask(self.service, "ListKeys", {"Limit": None, "Marker": None})
        self.assertEqual(answer.status, 200)
        answer = wire.ask(self.service, "DescribeKey", {"KeyId": None})
        self.assertEqual(answer.code, "ValidationException")

    def test_an_unknown_member_is_ignored(self):
        answer = wire.ask(self.service, "ListKeys", {"Colour": "red", "limit": 0})
        self.assertEqual(answer.status, 200)


class Bodies(KmsCase):
    def test_what_is_no_object_of_json_is_refused(self):
        for body in (b"{", b"[]", b"1", b'"x"', b"null", b"true", b"{}{}", b"{} x", b"\xff\xfe{}", b'{"a":"\xff"}',
                     b'{"KeyId":"\\ud800"}', b"{'a':1}", b'{"a":01}', b'{"a":NaN}', b"[" * 100000, b'{"a":' * 5000,
                     b'{"Limit":1,"Limit":2}', b"<xml/>", b"\0", b"{}\0"):
            with self.subTest(body[:20]):
                answer = wire.ask(self.service, "ListKeys", body)
                self.assertEqual((answer.status, answer.code), (400, "SerializationException"))
        answer = wire.ask(self.service, "ListKeys", b" {\n} ")
        self.assertEqual(answer.status, 200)

    def test_a_member_of_another_type_is_refused(self):
        for operation, parameters in (
                ("DescribeKey", {"KeyId": 1}), ("DescribeKey", {"KeyId": ["x"]}), ("DescribeKey", {"KeyId": {}}),
                ("ListKeys", {"Limit": "1"}), ("ListKeys", {"Limit": 1.5}), ("ListKeys", {"Limit": True}),
                ("ListKeys", {"Limit": 10**30}), ("CreateKey", {"MultiRegion": "yes"}),
                ("CreateKey", {"MultiRegion": 1}), ("CreateKey", {"Tags": {}}), ("CreateKey", {"Tags": ["x"]}),
                ("CreateKey", {"Description": 5}), ("GenerateRandom", {"NumberOfBytes": "32"}),
                ("Encrypt", {"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": []})):
            with self.subTest(f"{operation} {parameters}"):
                answer = wire.ask(self.service, operation, parameters)
                self.assertEqual((answer.status, answer.code), (400, "SerializationException"), answer.body)

    def test_what_fails_is_told_as_aws_tells_it(self):
        """Whole messages: count, order of the model, values but of blobs, paths into lists."""
        longest = "k" * 129
        for operation, body, errors in (
                ("Encrypt", {}, ["Value null at 'keyId' {}: Member must not be null",
                                 "Value null at 'plaintext' {}: Member must not be null"]),
                ("GenerateRandom", {"NumberOfBytes": 1025},
                 ["Value '1025' at 'numberOfBytes' {}: Member must have value less than or equal to 1024"]),
                ("ListKeys", {"Limit": 0, "Marker": ""},
                 ["Value '0' at 'limit' {}: Member must have value greater than or equal to 1",
                  "Value '' at 'marker' {}: Member must have length greater than or equal to 1"]),
                ("TagResource", {"KeyId": "x", "Tags": [{"TagKey": longest, "TagValue": "y"}, {"TagKey": "a"}]},
                 [f"Value '{longest}' at 'tags.1.member.tagKey' {{}}: Member must have length less than or equal to 128",
                  "Value null at 'tags.2.member.tagValue' {}: Member must not be null"]),
                ("Decrypt", {"CiphertextBlob": "", "EncryptionAlgorithm": "ROT13"},
                 ["Value at 'ciphertextBlob' {}: Member must have length greater than or equal to 1",
                  "Value 'ROT13' at 'encryptionAlgorithm' {}: Member must satisfy enum value set: "
                  "[SYMMETRIC_DEFAULT, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE]"]),
                ("ImportKeyMaterial", {"KeyId": "x", "ImportToken": "", "EncryptedKeyMaterial": "",
                                       "ExpirationModel": "NEVER"},
                 ["Value at 'encryptedKeyMaterial' {}: Member must have length greater than or equal to 1",
                  "Value 'NEVER' at 'expirationModel' {}: Member must satisfy enum value set: "
                  "[KEY_MATERIAL_EXPIRES, KEY_MATERIAL_DOES_NOT_EXPIRE]",
                  "Value at 'importToken' {}: Member must have length greater than or equal to 1"]),
                ("CreateGrant", {"KeyId": "x", "GranteePrincipal": "g", "Operations": ["Decrypt"], "Name": "?"},
                 ["Value '?' at 'name' {}: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"])):
            with self.subTest(operation):
                answer = wire.ask(self.service, operation, body)
                count = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''} detected: "
                told = count + "; ".join(errors).replace("{}", "failed to satisfy constraint")
                self.assertEqual((answer.status, answer.code, answer.message), (400, "ValidationException", told))

    def test_several_errors_are_told_in_one_message(self):
        answer = wire.ask(self.service, "CreateAlias", {"AliasName": "", "TargetKeyId": "x" * 2049})
        self.assertEqual(answer.code, "ValidationException")
        self.assertRegex(answer.message, r"^\d validation errors detected: .*'aliasName'.*; .*'targetKeyId'")

    def test_bounds_of_every_text_are_kept(self):
        key = self.new_key()["KeyId"]
        for operation, parameters, most in (
                ("DescribeKey", {"KeyId": "{}"}, 2048), ("CreateKey", {"Description": "{}"}, 8192),
                ("UpdateKeyDescription", {"KeyId": key, "Description": "{}"}, 8192),
                ("CreateKey", {"Policy": "{}"}, 131072),
                ("PutKeyPolicy", {"KeyId": key, "Policy": "{}"}, 131072),
                ("GetKeyPolicy", {"KeyId": key, "PolicyName": "{}"}, 128),
                ("CreateAlias", {"AliasName": "{}", "TargetKeyId": key}, 256),
                ("ListKeys", {"Marker": "{}"}, 1024)):
            with self.subTest(f"{operation} {parameters}"):
                too_long = {name: value.replace("{}", "x" * (most + 1)) for name, value in parameters.items()}
                self.refused("ValidationException",
                             re.compile(f"Member must have length less than or equal to {most}(;|$)"), operation,
                             **too_long)
                fits = {name: value.replace("{}", "x" * most) for name, value in parameters.items()}
                try:
                    self.kms(operation, **fits)
                except Refused as refusal:
                    self.assertNotIn("less than or equal", refusal.message)

    def test_lists_have_their_bounds(self):
        key = self.new_key()["KeyId"]
        self.refused("ValidationException", re.compile("'grantTokens' .*less than or equal to 10"), "Encrypt", KeyId=key,
                     Plaintext=b"x", GrantTokens=["t"] * 11)

    def test_a_message_with_a_strange_value_is_still_json(self):
        for text in ('"', "\\", "\u2028", "\x01", "💥", "é" * 3000):
            answer = wire.ask(self.service, "CreateKey", {"KeyUsage": text})
            self.assertEqual(answer.code, "ValidationException")
            json.loads(answer.body)


def violations(shape):
    """Values of a shape that break one of its constraints, and what is said of each."""
    low, high, enum = (shape.metadata.get(name) for name in ("min", "max", "enum"))
    kind = shape.type_name
    size = "value" if kind in ("integer", "long") else "length"
    make = {"string": lambda n: "x" * n, "blob": lambda n: base64.b64encode(b"x" * n).decode(),
            "list": lambda n: [minimal(shape.member)] * n, "integer": lambda n: n}.get(kind)
    if high is not None and make:
        yield make(high + 1), f"Member must have {size} less than or equal to {high}"
    if low and make:
        yield make(low - 1), f"Member must have {size} greater than or equal to {low}"
    if enum:
        yield "NONE_OF_THEM", "Member must satisfy enum value set: ["


def minimal(shape):
    if shape.name == "RegionType":
        return "eu-west-1"
    if shape.type_name == "structure":
        return {name: minimal(member) for name, member in shape.members.items() if name in shape.required_members}
    return {"string": (shape.metadata.get("enum") or ["x"])[0], "blob": "eA==", "integer": shape.metadata.get("min", 1),
            "boolean": False, "list": [], "map": {}, "timestamp": 1}[shape.type_name]


WRONG_TYPES = {"timestamp": "soon", "string": 7, "blob": 7, "integer": "7", "boolean": "true", "list": {}, "map": [], "structure": []}


class Constraints(KmsCase):
    """Every constraint of the model's inputs, and every type."""

    def each_member(self, check):
        for operation in REQUIRED:
            shape = conformance.operations()[operation].input_shape
            for name, member in shape.members.items():
                with self.subTest(f"{operation}.{name}"):
                    check(operation, minimal(shape), name, member)

    def test_every_bound_and_every_enumeration_is_kept_and_told(self):
        connection = wire.connect(self.service)
        self.addCleanup(connection.close)
        checked = []

        def check(operation, parameters, name, member):
            for value, sentence in violations(member):
                request = wire.request_for(self.service, operation, parameters | {name: value})
                answer = wire.send(self.service, wire.sign(request), connection)
                self.assertEqual((answer.status, answer.code), (400, "ValidationException"), answer.body[:300])
                self.assertIn(f"at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: ", answer.message)
                self.assertIn(sentence, answer.message)
                checked.append(name)

        self.each_member(check)
        self.assertGreater(len(checked), 100)

    def test_every_member_of_another_type_is_refused(self):
        connection = wire.connect(self.service)
        self.addCleanup(connection.close)

        def check(operation, parameters, name, member):
            request = wire.request_for(self.service, operation, parameters | {name: WRONG_TYPES[member.type_name]})
            answer = wire.send(self.service, wire.sign(request), connection)
            self.assertEqual((answer.status, answer.code), (400, "SerializationException"), answer.body[:300])

        self.each_member(check)


class Answers(KmsCase):
    def test_every_answer_has_a_request_id_a_date_and_a_type(self):
        ids = set()
        for operation, parameters in (("ListKeys", {}), ("DescribeKey", {"KeyId": "fake"}), ("Nothing", {})):
            answer = wire.ask(self.service, operation, parameters)
            self.assertEqual(str(uuid.UUID(answer.request_id)), answer.request_id)
            ids.add(answer.request_id)
            date = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
            self.assertLess(abs(date - time.time()), 5)
            self.assertEqual(answer.headers["content-type"], "application/x-amz-json-1.1")
            self.assertEqual(int(answer.headers["content-length"]), len(answer.body))
        self.assertEqual(len(ids), 3)

    def test_an_operation_without_output_answers_nothing(self):
        key = self.new_key()["KeyId"]
        for operation, parameters in (("DisableKey", {}), ("EnableKey", {}), ("EnableKeyRotation", {}),
                                      ("DisableKeyRotation", {}), ("UpdateKeyDescription", {"Description": "x"}),
                                      ("TagResource", {"Tags": []}), ("UntagResource", {"TagKeys": []})):
            answer = wire.ask(self.service, operation, {"KeyId": key} | parameters)
            self.assertEqual((answer.status, answer.body), (200, b""), operation)

    def test_one_connection_carries_many_requests_and_refusals(self):
        connection = wire.connect(self.service)
        self.addCleanup(connection.close)
        for i in range(20):
            request = wire.request_for(self.service, "ListKeys" if i % 2 else "MakeCoffee", {})
            answer = wire.send(self.service, wire.sign(request), connection)
            self.assertEqual(answer.status, 200 if i % 2 else 400)

    def test_pipelined_requests_are_answered_in_order(self):
        connection = wire.connect(self.service)
        connection.connect()
        self.addCleanup(connection.close)
        names = ["fake-%d" % i for i in range(10)]
        for name in names:
            request = wire.sign(wire.request_for(self.service, "DescribeKey", {"KeyId": name}))
            prepared = request.prepare()
            head = f"POST / HTTP/1.1\r\nHost: {connection.host}:{connection.port}\r\n"
            head += "".join(f"{field}: {value if isinstance(value, str) else value.decode()}\r\n"
                            for field, value in prepared.headers.items() if field.lower() != "host")
            if "content-length" not in head.lower():
                head += f"Content-Length: {len(prepared.body)}\r\n"
            connection.sock.sendall(head.encode() + b"\r\n" + prepared.body)
        seen = b""
        while seen.count(b"Invalid keyId") < len(names):
            part = connection.sock.recv(65536)
            self.assertTrue(part, seen)
            seen += part
        self.assertEqual(re.findall(rb"Invalid keyId '([^']*)'", seen), [name.encode() for name in names])


if __name__ == "__main__":
    tap.main()
