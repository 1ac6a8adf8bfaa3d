"""Who is asking: Unix peers, client certificates, access keys; and that secrets stay where they belong."""

import base64
import json
import os
import pathlib
import ssl
import subprocess
import sys
import unittest

import tap
import wire
from p11kms_test import ServiceCase, clean_environment, wait_until
from real import IDENTITIES, Authority, RealService, children_of

USERS = IDENTITIES + """
  - unix: {uid: 65534}
    principal: arn:aws:iam::123456789012:user/app
  - unix: {gid: 54321}
    principal: arn:aws:iam::123456789012:user/app
  - certificate: {san: "DNS:app.example"}
    principal: arn:aws:iam::123456789012:user/app
  - certificate: {subject: "CN=boss,O=Example"}
    principal: arn:aws:iam::123456789012:user/admin
"""

# What another user of this machine runs: one unsigned request over the socket.
AS_ANOTHER = """
import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
connection.request("POST", "/", b"{}", {"X-Amz-Target": "TrentService." + sys.argv[2],
                                         "Content-Type": "application/x-amz-json-1.1"})
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""


class RealCase(unittest.TestCase):
    """One real service a class."""

    options = {}

    @classmethod
    def setUpClass(cls):
        cls.service = RealService(identities=USERS, **cls.options)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()


class UnixPeers(RealCase):
    def ask_as(self, uid, gid, operation="ListKeys"):
        if os.getuid() != 0:
            self.skipTest("only root can be another user")
        self.service.root.chmod(0o755)
        done = subprocess.run([sys.executable, "-c", AS_ANOTHER, self.service.socket, operation], user=uid, group=gid,
                              extra_groups=[], env=clean_environment(), capture_output=True, text=True, timeout=30,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        status, body = done.stdout.split(" ", 1)
        return int(status), json.loads(body)

    def test_a_mapped_uid_needs_no_signature(self):
        answer = wire.ask_unix(self.service, "ListKeys")
        self.assertEqual(answer.status, 200)
        record = self.service.audit("ListKeys")[-1]
        self.assertEqual(record["userIdentity"]["arn"], "arn:aws:iam::123456789012:user/admin")
        self.assertEqual((record["additionalEventData"]["authentication"], record["additionalEventData"]["peerUid"]),
                         ("UnixPeer", os.getuid()))

    def test_another_uid_is_another_principal(self):
        status, body = self.ask_as(65534, 65534)
        self.assertEqual((status, body["__type"]), (400, "AccessDeniedException"))
        self.assertIn("arn:aws:iam::123456789012:user/app", body["message"])

    def test_a_group_may_be_mapped_as_well(self):
        status, body = self.ask_as(12345, 54321)
        self.assertEqual((status, body["__type"]), (400, "AccessDeniedException"))

    def test_a_uid_that_maps_to_nobody_is_nobody(self):
        status, body = self.ask_as(12345, 12345)
        self.assertEqual((status, body["__type"]), (400, "MissingAuthenticationTokenException"))
        record = self.service.audit("ListKeys")[-1]
        self.assertEqual((record["userIdentity"]["type"], record["additionalEventData"]["peerUid"]),
                         ("Unknown", 12345))

    def test_a_signature_counts_more_than_the_peer(self):
        request = wire.sign(wire.request_for(self.service, "ListKeys", {}), credentials=("NOBODY", "x"))
        answer = wire.send(self.service, request, unix=True)
        self.assertEqual(answer.code, "UnrecognizedClientException")

    def test_a_header_cannot_claim_to_be_a_peer(self):
        request = wire.request_for(self.service, "ListKeys", {})
        request.headers["X-Amzn-Principal"] = "arn:aws:iam::123456789012:user/admin"
        request.headers["X-Forwarded-For"] = "unix"
        answer = wire.send(self.service, request)
        self.assertEqual(answer.code, "MissingAuthenticationTokenException")


class ClientCertificates(RealCase):
    options = {"client_ca": True}

    def ask(self, certificate, request=None):
        return wire.send(self.service, request or wire.request_for(self.service, "ListKeys", {}),
                         certificate=certificate)

    def test_a_certificate_of_the_authority_is_its_principal(self):
        boss = self.service.authority.issue("boss", "DNS:boss.example")
        self.assertEqual(self.ask(boss).status, 200)
        record = self.service.audit("ListKeys")[-1]
        self.assertEqual(record["userIdentity"]["arn"], "arn:aws:iam::123456789012:user/admin")
        self.assertEqual(record["additionalEventData"]["authentication"], "Certificate")
        self.assertIn("boss", record["additionalEventData"]["certificateSubject"])
        app = self.service.authority.issue("anything", "DNS:other.example,DNS:app.example")
        answer = self.ask(app)
        self.assertEqual(answer.code, "AccessDeniedException")
        self.assertIn("user/app", answer.message)

    def test_a_certificate_that_maps_to_nobody_is_nobody(self):
        stranger = self.service.authority.issue("stranger", "DNS:app.example.org")
        self.assertEqual(self.ask(stranger).code, "MissingAuthenticationTokenException")

    def assert_no_service(self, certificate):
        before = len(self.service.audit("ListKeys"))
        with self.assertRaises((ssl.SSLError, ConnectionError, OSError)):
            self.ask(certificate)
        self.assertEqual(len(self.service.audit("ListKeys")), before)

    def test_a_certificate_of_another_authority_gets_no_connection(self):
        for name in ("ca", "other"):  # the same name does not make it the same authority
            false = Authority(self.service.root / f"false-{name}", name)
            self.assert_no_service(false.issue("boss", "DNS:boss.example"))

    def test_an_expired_certificate_gets_no_connection(self):
        self.assert_no_service(self.service.authority.issue("late", "DNS:app.example", days=-1))

    def test_without_a_certificate_a_signature_is_needed_and_enough(self):
        self.assertEqual(self.ask(None).code, "MissingAuthenticationTokenException")
        signed = wire.sign(wire.request_for(self.service, "ListKeys", {}), credentials=self.service.add_key("admin"))
        self.assertEqual(self.ask(None, signed).status, 200)

    def test_a_signature_counts_more_than_the_certificate(self):
        boss = self.service.authority.issue("boss", "DNS:boss.example")
        signed = wire.sign(wire.request_for(self.service, "ListKeys", {}), credentials=self.service.add_key("app"))
        answer = self.ask(boss, signed)
        self.assertEqual(answer.code, "AccessDeniedException")
        self.assertIn("user/app", answer.message)


class AccessKeys(RealCase):
    def ours(self, operation, **parameters):
        return wire.ask_unix(self.service, operation, parameters, "p11kms")

    def may(self, credentials):
        answer = wire.ask(self.service, "ListKeys", credentials=credentials)
        if answer.status == 200:
            return True
        self.assertEqual(answer.code, "UnrecognizedClientException")
        return False

    def test_a_key_counts_at_once_and_until_it_is_deleted(self):
        credentials = self.service.add_key("admin")
        self.assertTrue(self.may(credentials))
        self.assertEqual(self.ours("UpdateAccessKey", AccessKeyId=credentials[0], Status="Inactive").status, 200)
        self.assertFalse(self.may(credentials))
        self.ours("UpdateAccessKey", AccessKeyId=credentials[0], Status="Active")
        self.assertTrue(self.may(credentials))
        self.assertEqual(self.ours("DeleteAccessKey", AccessKeyId=credentials[0]).status, 200)
        self.assertFalse(self.may(credentials))
        self.assertEqual(self.ours("DeleteAccessKey", AccessKeyId=credentials[0]).status, 400)

    def test_keys_last_over_a_restart_and_a_crash(self):
        live, off = self.service.add_key("admin"), self.service.add_key("admin")
        self.ours("UpdateAccessKey", AccessKeyId=off[0], Status="Inactive")
        for end in (self.service.stop, self.service.kill):
            end()
            self.service.start()
            self.assertTrue(self.may(live))
            self.assertFalse(self.may(off))
        for key in (live, off):
            self.ours("DeleteAccessKey", AccessKeyId=key[0])

    def test_keys_are_listed_without_their_secrets(self):
        credentials = self.service.add_key("app")
        answer = self.ours("ListAccessKeys", UserName="app")
        [listed] = answer.json["AccessKeyMetadata"]
        self.assertEqual((listed["AccessKeyId"], listed["Status"], listed["UserName"]),
                         (credentials[0], "Active", "app"))
        self.assertNotIn(credentials[1].encode(), answer.body)
        self.ours("DeleteAccessKey", AccessKeyId=credentials[0])

    def test_ids_and_secrets_look_like_those_of_aws_and_differ(self):
        made = [self.service.add_key("app") for _ in range(5)]
        for key_id, secret in made:
            self.assertRegex(key_id, "^AKIA[A-Z0-9]{16}$")
            self.assertRegex(secret, "^[A-Za-z0-9/+]{40}$")
            self.ours("DeleteAccessKey", AccessKeyId=key_id)
        self.assertEqual(len({secret for _, secret in made}), 5)

    def test_a_user_has_a_handful_of_keys(self):
        made = []
        while (answer := self.ours("CreateAccessKey", UserName="app")).status == 200 and len(made) < 20:
            made.append(answer.json["AccessKey"]["AccessKeyId"])
        self.assertEqual((answer.code, len(made)), ("LimitExceededException", 8))
        for key_id in made:
            self.ours("DeleteAccessKey", AccessKeyId=key_id)

    def test_only_a_declared_user_gets_a_key(self):
        self.assertEqual(self.ours("CreateAccessKey", UserName="nobody").status, 400)
        self.assertEqual(self.ours("CreateAccessKey", UserName="app\0").code, "ValidationException")

    def test_who_does_not_administer_makes_no_keys(self):
        app = self.service.add_key("app")
        for operation, parameters in (("CreateAccessKey", {"UserName": "admin"}),
                                      ("ListAccessKeys", {"UserName": "admin"}), ("Reload", {}),
                                      ("UpdateAccessKey", {"AccessKeyId": app[0], "Status": "Inactive"}),
                                      ("DeleteAccessKey", {"AccessKeyId": app[0]})):
            answer = wire.ask(self.service, operation, parameters, "p11kms", credentials=app)
            self.assertEqual(answer.code, "AccessDeniedException", operation)
        self.ours("DeleteAccessKey", AccessKeyId=app[0])

    def test_the_clock_cannot_be_set_in_the_real_thing(self):
        answer = self.ours("SetClock", OffsetSeconds=1)
        self.assertEqual((answer.status, answer.code), (400, "UnsupportedOperationException"))


def forms_of(secret):
    """A secret as it could lie about: as it is, in hex, in base64."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return [raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw).rstrip(b"=")]


class SecretsStay(unittest.TestCase):
    def assert_nowhere(self, secrets, places):
        for place in places:
            content = place.read_bytes()
            for what, secret in secrets.items():
                for form in forms_of(secret):
                    self.assertNotIn(form, content, f"{what} in {place}")

    def places(self, service, but=()):
        return [path for path in service.root.rglob("*") if path.is_file() and path.name not in but]

    def test_no_secret_is_in_store_log_audit_or_anywhere_else(self):
        service = RealService(identities=USERS)
        self.addCleanup(service.close)
        service.start()
        credentials = service.add_key("admin")
        key = wire.ask(service, "CreateKey", credentials=credentials).json["KeyMetadata"]["KeyId"]
        plaintext = b"a plaintext nobody shall find on this disk"
        wire.ask(service, "Encrypt", {"KeyId": key, "Plaintext": base64.b64encode(plaintext).decode()},
                 credentials=credentials)
        data_key = wire.ask(service, "GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"},
                            credentials=credentials).json["Plaintext"]
        random = wire.ask(service, "GenerateRandom", {"NumberOfBytes": 32}, credentials=credentials).json["Plaintext"]
        secrets = {"the secret access key": credentials[1], "the plaintext": plaintext,
                   "the data key": base64.b64decode(data_key), "the random bytes": base64.b64decode(random),
                   "the PIN": service.pins["prod"]}
        self.assert_nowhere(secrets, self.places(service, but=("pin-prod",)))
        service.stop()
        self.assert_nowhere(secrets, self.places(service, but=("pin-prod",)))

    def test_no_process_carries_the_pin_or_a_secret_where_others_look(self):
        service = RealService(identities=USERS)
        self.addCleanup(service.close)
        service.start()
        secret = service.add_key("admin")[1]
        wait_until(lambda: len(children_of(service.process.pid)) == 1, what="the token host")
        for pid in [service.process.pid, *children_of(service.process.pid)]:
            for name in ("cmdline", "environ"):
                try:
                    content = pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
                except PermissionError:
                    continue  # so much the better
                self.assertNotIn(service.pins["prod"].encode(), content)
                self.assertNotIn(secret.encode(), content)

    def test_fixed_secrets_of_a_seed_are_in_the_seed_and_the_environment_file_alone(self):
        class Case(ServiceCase):
            runTest = None

        Case.setUpClass()
        self.addCleanup(Case.doClassCleanups)
        service = Case.service
        wire.ask(service, "ListKeys")
        wire.ask(service, "ListKeys", credentials=("FOOBARKEY", "WRONGSECRET"))
        self.assert_nowhere({"the fixed secret": "FOOBARSECRET", "the wrong one": "WRONGSECRET"},
                            self.places(service, but=("seed.yaml", "env")))

    def test_files_are_for_their_owner_alone(self):
        service = RealService(identities=USERS)
        self.addCleanup(service.close)
        service.start()
        for path in [service.dir / "store.db", *(service.dir / "audit").iterdir()]:
            self.assertEqual(path.stat().st_mode & 0o007, 0, path)
        self.assertEqual((service.dir / "store.db").stat().st_mode & 0o077, 0)


if __name__ == "__main__":
    tap.main()
