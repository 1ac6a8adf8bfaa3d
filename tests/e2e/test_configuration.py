"""p11kmsd -c: checking, reloading, declared keys, several tokens, and starts that must fail with a word to act on."""

import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import ssl
import threading
import time
import unittest
import unittest.mock
import warnings

import p11kms_test
import tap
import wire
from p11kms_test import ACCOUNT, patience, wait_until
from real import IDENTITIES, RealService, mock_service, objects_on

EX_CONFIG = 78


def key_for(principal):
    return f"""keys:
  - alias: alias/a
    account: "{ACCOUNT}"
    policy:
      Version: 2012-10-17
      Statement:
        - {{Effect: Allow, Principal: {{AWS: "arn:aws:iam::{ACCOUNT}:root"}}, Action: "kms:*", Resource: "*"}}
        - Effect: Allow
          Principal: {{AWS: "arn:aws:iam::{ACCOUNT}:{principal}"}}
          Action: kms:Sign
          Resource: "*"
"""


class RealCase(unittest.TestCase):
    def real(self, **options):
        service = RealService(**options)
        self.addCleanup(service.close)
        return service

    def ask(self, service, operation, _target="kms", **parameters):
        answer = wire.ask_unix(service, operation, parameters, _target)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json


class Checking(RealCase):
    def setUp(self):
        self.service = self.real()

    def test_a_good_configuration_passes_in_silence(self):
        done = self.service.check()
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_a_check_starts_nothing(self):
        self.service.check()
        self.assertFalse((self.service.dir / "store.db").exists())
        self.assertFalse((self.service.dir / "audit").exists())

    def assert_told(self, file, text, *messages):
        """With this text in the file, --check and a start both say just where and what."""
        before = file.read_text(encoding="utf-8")
        file.write_text(text, encoding="utf-8")
        done = self.service.check()
        status, said = self.service.start_in_vain()
        file.write_text(before, encoding="utf-8")
        self.assertEqual((done.returncode, status), (EX_CONFIG, EX_CONFIG))
        for message in messages:
            self.assertRegex(done.stderr, message)
            self.assertRegex(said, message)

    def with_line(self, line, file=None):
        """The configuration with one more line at its end, and that line's number."""
        text = (file or self.service.conf).read_text(encoding="utf-8").rstrip("\n") + "\n" + line + "\n"
        return text, text.count("\n")

    def test_an_unknown_name_is_told_with_the_nearest_known(self):
        text, number = self.with_line("defualt-token: prod")
        self.assert_told(self.service.conf, text, rf"p11kmsd\.yaml:{number}:1: .*'?defualt-token'?.*default-token")

    def test_values_are_told_where_they_stand(self):
        for line, column, what in (("log-level: loud", 12, "log-level"), ("region: us east", 9, "region"),
                                   ("default-token: other", 16, "other"),
                                   ("limits: {clock-skew: 6m}", 22, "clock-skew"),
                                   ("limits: {connections: many}", 23, "connections")):
            text, number = self.with_line(line)
            self.assert_told(self.service.conf, text, rf"p11kmsd\.yaml:{number}:{column}: .*{what}")

    def test_what_is_no_yaml_is_told_where_it_breaks(self):
        self.assert_told(self.service.conf, "listen: [", r"p11kmsd\.yaml:\d+:\d+: ")
        self.assert_told(self.service.conf, "", r"p11kmsd\.yaml")
        self.assert_told(self.service.conf, "listen:\n\t- x\n", r"p11kmsd\.yaml:2:\d+: ")

    def test_all_problems_are_told_in_one_go_over_all_files(self):
        text, number = self.with_line("colour: red\nregion: 7 7")
        self.service.conf.write_text(text, encoding="utf-8")
        done = self.service.check()
        self.assertEqual(len(re.findall(r"^\S*p11kmsd\.yaml:", done.stderr, re.MULTILINE)), 2)
        self.assertEqual(number, text.count("\n"))

    def test_requests_in_clear_are_for_dev_alone(self):
        text = self.service.conf.read_text(encoding="utf-8").replace(
            f'"unix:{self.service.dir}/p11kms.sock"', "http://127.0.0.1:0")
        self.assert_told(self.service.conf, text, r"p11kmsd\.yaml:\d+:\d+: .*http:// is for --dev alone")

    def test_fixed_secrets_are_for_dev_alone(self):
        text = IDENTITIES.replace("- name: app\n", "- name: app\n        access-keys: [{id: X123, secret: Y}]\n")
        self.assertNotEqual(text, IDENTITIES)
        self.assert_told(self.service.identities, text, r"users\.yaml:\d+:\d+: .*secret")

    def test_a_policy_s_mistake_is_told_where_it_stands_in_its_file(self):
        text = IDENTITIES.replace("- name: app\n", """- name: app
        policies:
          - name: wrong
            document:
              Version: 2012-10-17
              Statement:
                - Effect: Perhaps
                  Action: "kms:*"
                  Resource: "*"
""")
        line = text[:text.index("Perhaps")].count("\n") + 1
        self.assert_told(self.service.identities, text, rf"users\.yaml:{line}:\d+: .*Effect")

    def test_references_are_checked_across_files(self):
        self.assert_told(self.service.keys, 'keys:\n  - alias: alias/a\n    account: "111122223333"\n',
                         r"keys\.yaml:\d+:\d+: .*111122223333")
        self.assert_told(self.service.keys, f'keys:\n  - alias: alias/a\n    account: "{ACCOUNT}"\n    token: other\n',
                         r"keys\.yaml:\d+:\d+: .*other")
        self.assert_told(self.service.keys, f'keys:\n  - alias: a\n    account: "{ACCOUNT}"\n',
                         r"keys\.yaml:2:\d+: .*alias")
        twice = f'  - alias: alias/a\n    account: "{ACCOUNT}"\n'
        self.assert_told(self.service.keys, "keys:\n" + twice * 2, r"keys\.yaml:4:\d+: .*alias/a")
        self.assert_told(self.service.identities, IDENTITIES.replace("user/admin", "user/nobody"),
                         r"users\.yaml:\d+:\d+: .*user/nobody")

    def test_a_declared_key_s_policy_is_checked_where_it_stands(self):
        self.assert_told(self.service.keys, key_for("user/nobody"), r"keys\.yaml:9:\d+: .*user/nobody is not declared")
        self.assert_told(self.service.keys, key_for("user/app").replace("Allow", "Perhaps"), r"keys\.yaml:7:\d+: .*Effect")


class FailingStarts(RealCase):
    def assert_fails(self, service, message, status=None):
        code, said = service.start_in_vain()
        self.assertRegex(said, message)
        self.assertNotRegex(said, p11kms_test.ALARM)
        self.assertNotEqual(code, 0)
        if status:
            self.assertEqual(code, status)

    def test_a_pin_file_others_may_read_is_refused(self):
        service = self.real()
        service.pin_file("prod").chmod(0o644)
        self.assert_fails(service, r"pin-prod.*chmod")

    def test_a_missing_pin_file_is_named(self):
        service = self.real()
        service.pin_file("prod").unlink()
        self.assert_fails(service, r"pin-prod'?: No such file")

    def test_a_token_that_is_not_there_is_named(self):
        service = self.real()
        service.conf.write_text(service.conf.read_text(encoding="utf-8").replace("pkcs11:token=prod",
                                                                                 "pkcs11:token=lost"),
                                encoding="utf-8")
        self.assert_fails(service, "lost|prod")

    def test_a_module_that_cannot_be_loaded_is_named(self):
        service = self.real()
        service.conf.write_text(re.sub("module: .*", "module: /nowhere/module.so",
                                       service.conf.read_text(encoding="utf-8")), encoding="utf-8")
        self.assert_fails(service, "/nowhere/module.so")

    def test_a_certificate_that_does_not_fit_its_key_is_refused(self):
        service = self.real()
        pathlib.Path(service.authority.folder / "server.key").write_bytes(
            (service.authority.folder / "ca.key").read_bytes())
        self.assert_fails(service, r"server\.(pem|key)")

    def test_a_port_in_use_is_named(self):
        service = self.real()
        with socket.create_server(("127.0.0.1", service.port)):
            self.assert_fails(service, rf"{service.port}.*[Aa]ddress already in use")

    def test_what_a_token_still_works_on_when_the_start_fails_is_given_up(self):
        service = mock_service({"MOCK_FAULTS": "hang-random"})
        self.addCleanup(service.close)
        with socket.create_server(("127.0.0.1", service.port)):
            self.assert_fails(service, f"{service.port}.*Address already in use")

    def test_a_store_of_a_newer_version_is_refused_and_left_alone(self):
        service = self.real()
        service.start()
        service.stop()
        with sqlite3.connect(service.dir / "store.db") as database:
            [version] = database.execute("PRAGMA user_version").fetchone()
            database.execute(f"PRAGMA user_version = {version + 1}")
        database.close()
        before = (service.dir / "store.db").read_bytes()
        self.assert_fails(service, rf"version {version + 1}.*start the newer program|newer")
        self.assertEqual((service.dir / "store.db").read_bytes(), before)

    def test_what_is_no_store_is_refused_and_left_alone(self):
        service = self.real()
        (service.dir / "store.db").write_bytes(b"not a database, but somebody's text" * 200)
        self.assert_fails(service, r"store\.db")
        self.assertTrue((service.dir / "store.db").read_bytes().startswith(b"not a database"))

    def test_a_second_daemon_on_the_same_folder_is_refused_and_the_first_goes_on(self):
        service = self.real()
        service.start()
        text = service.conf.read_text(encoding="utf-8")
        second = service.dir / "second.yaml"
        second.write_text(text.replace(str(service.port), "0").replace("p11kms.sock", "second.sock"),
                          encoding="utf-8")
        first, service.conf = service.conf, second
        self.assert_fails(service, "another p11kmsd|in use|locked|another process")
        service.conf = first
        self.ask(service, "ListKeys")
        self.assertEqual(len(service.audit("StartService")), 1)

    def test_a_store_without_its_token_s_key_says_so(self):
        service = self.real()
        service.start()
        service.add_key("admin")
        service.stop()
        service.make_token("spare")
        service.write_pin("prod", service.pins["spare"])
        service.conf.write_text(service.conf.read_text(encoding="utf-8").replace("pkcs11:token=prod",
                                                                                 "pkcs11:token=spare"),
                                encoding="utf-8")
        self.assert_fails(service, "access key|unsealed|does not hold|token")

    def test_it_does_not_stay_root(self):
        if os.getuid() != 0:
            self.skipTest("only root can become another user")
        service = self.real(top="user: nobody")
        for program in (p11kms_test.DAEMON, p11kms_test.DAEMON.with_name("p11kms-token")):
            shutil.copy(program, service.root)  # the build may lie where nobody else can go, as in /root
        self.enterContext(unittest.mock.patch("p11kms_test.DAEMON", service.root / "p11kmsd"))
        for path in [service.root, *service.root.rglob("*")]:
            os.chown(path, 65534, 65534)
        service.start()
        status = pathlib.Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii")
        self.assertRegex(status, r"Uid:\t65534\t65534\t65534\t65534")
        self.assertRegex(status, r"Groups:\t(65534)? *\n")
        self.ask(service, "CreateKey")


NEW_USER = IDENTITIES.replace("- name: app\n", "- name: app\n      - name: late\n        administrator: true\n")


class Reloading(RealCase):
    def setUp(self):
        self.service = self.real()
        self.service.start()

    def create_access_key(self, user):
        return wire.ask_unix(self.service, "CreateAccessKey", {"UserName": user}, "p11kms")

    def test_a_new_user_works_at_once(self):
        self.assertEqual(self.create_access_key("late").status, 400)
        self.service.identities.write_text(NEW_USER, encoding="utf-8")
        self.assertNotIn("errorCode", self.service.reload())
        answer = wire.ask(self.service, "ListKeys", credentials=self.service.add_key("late"))
        self.assertEqual(answer.status, 200)

    def test_a_removed_user_is_gone_at_once_and_its_keys_with_it(self):
        self.service.identities.write_text(NEW_USER, encoding="utf-8")
        self.service.reload()
        credentials = self.service.add_key("late")
        self.service.identities.write_text(IDENTITIES, encoding="utf-8")
        self.service.reload()
        self.assertEqual(wire.ask(self.service, "ListKeys", credentials=credentials).code,
                         "UnrecognizedClientException")

    def test_a_user_declared_again_has_what_it_had(self):
        self.service.identities.write_text(NEW_USER.replace("name: late\n        administrator: true", "name: late"),
                                           encoding="utf-8")
        self.service.reload()
        credentials = self.service.add_key("late")
        key = self.ask(self.service, "CreateKey")["KeyMetadata"]["KeyId"]
        self.ask(self.service, "CreateGrant", KeyId=key, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/late",
                 Operations=["DescribeKey"])
        with_user = self.service.identities.read_text(encoding="utf-8")
        for text, status in ((with_user, 200), (IDENTITIES, 400), (with_user, 200)):
            self.service.identities.write_text(text, encoding="utf-8")
            self.service.reload()
            self.assertEqual(wire.ask(self.service, "DescribeKey", {"KeyId": key}, credentials=credentials).status, status)

    def test_a_policy_outlives_those_it_names(self):
        """AWS, too, keeps a policy whose principal was deleted, and refuses to be given it again."""
        self.service.identities.write_text(NEW_USER, encoding="utf-8")
        self.service.reload()
        statements = [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:{name}"}, "Action": "kms:*",
                       "Resource": "*"} for name in ("root", "user/late")]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        key = self.ask(self.service, "CreateKey", Policy=policy)["KeyMetadata"]["KeyId"]
        self.service.identities.write_text(IDENTITIES, encoding="utf-8")
        self.service.reload()
        self.assertEqual(self.ask(self.service, "GetKeyPolicy", KeyId=key)["Policy"], policy)
        self.ask(self.service, "Encrypt", KeyId=key, Plaintext="eA==")
        again = wire.ask_unix(self.service, "PutKeyPolicy", {"KeyId": key, "Policy": policy})
        self.assertEqual(again.code, "MalformedPolicyDocumentException")
        self.service.stop()
        self.service.start()
        self.ask(self.service, "Encrypt", KeyId=key, Plaintext="eA==")

    def test_a_reload_that_takes_away_whom_a_declared_key_names_changes_nothing(self):
        self.service.identities.write_text(NEW_USER, encoding="utf-8")
        self.service.keys.write_text(key_for("user/late"), encoding="utf-8")
        self.assertNotIn("errorCode", self.service.reload())
        self.service.identities.write_text(IDENTITIES, encoding="utf-8")
        self.assertRegex(self.service.reload()["errorMessage"], r"keys\.yaml:9:\d+: .*user/late is not declared")
        self.assertEqual(self.create_access_key("late").status, 200)

    def test_a_key_named_inactive_in_a_file_is_off_after_a_reload(self):
        credentials = self.service.add_key("admin")
        off = IDENTITIES.replace("administrator: true\n", "administrator: true\n        access-keys: "
                                 f"[{{id: {credentials[0]}, active: false}}]\n", 1)
        for text, status in ((off, 400), (IDENTITIES, 200)):
            self.service.identities.write_text(text, encoding="utf-8")
            self.service.reload()
            self.assertEqual(wire.ask(self.service, "ListKeys", credentials=credentials).status, status)

    def test_a_reload_while_declared_keys_are_made_waits_and_is_carried_out(self):
        self.service.keys.write_text("keys:\n" + "".join(
            f'  - alias: alias/declared-{i}\n    account: "{ACCOUNT}"\n' for i in range(60)), encoding="utf-8")
        self.assertNotIn("errorCode", self.service.reload())
        self.service.identities.write_text(NEW_USER, encoding="utf-8")
        self.assertNotIn("errorCode", self.service.reload())
        self.assertEqual(self.create_access_key("late").status, 200)
        self.assertEqual(len(self.ask(self.service, "ListKeys")["Keys"]), 60)

    def test_a_bad_file_changes_nothing_and_says_why(self):
        certificate = self.server_certificate()
        self.service.identities.write_text(NEW_USER.replace("name: late", "nam: late"), encoding="utf-8")
        self.service.keys.write_text(f'keys:\n  - alias: alias/new\n    account: "{ACCOUNT}"\n', encoding="utf-8")
        self.service.make_certificate()
        record = self.service.reload()
        self.assertIn("errorCode", record)
        self.assertRegex(record["errorMessage"], r"users\.yaml:\d+:\d+: .*nam")
        self.assertRegex(self.service.log_text(), r"nothing was changed by the reload: .*users\.yaml:\d+:\d+: ")
        self.assertEqual(self.create_access_key("late").status, 400)
        self.assertEqual(self.ask(self.service, "ListKeys")["Keys"], [])
        self.assertEqual(self.server_certificate(), certificate)
        self.service.identities.write_text(NEW_USER, encoding="utf-8")
        self.assertNotIn("errorCode", self.service.reload())
        self.assertEqual(self.create_access_key("late").status, 200)
        wait_until(lambda: self.ask(self.service, "ListKeys")["Keys"], what="the declared key")
        self.assertNotEqual(self.server_certificate(), certificate)

    def server_certificate(self):
        with socket.create_connection(("127.0.0.1", self.service.port)) as plain:
            with wire.trusting(self.service).wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.getpeercert(binary_form=True)

    def test_a_replaced_certificate_is_shown_to_new_connections_and_old_ones_go_on(self):
        before = self.server_certificate()
        connection = wire.connect(self.service)
        self.addCleanup(connection.close)
        credentials = self.service.add_key("admin")

        def ask():
            request = wire.sign(wire.request_for(self.service, "ListKeys", {}), credentials=credentials)
            return wire.send(self.service, request, connection).status

        self.assertEqual(ask(), 200)
        self.service.make_certificate()
        self.service.reload()
        self.assertNotEqual(self.server_certificate(), before)
        self.assertEqual(ask(), 200)

    def test_a_certificate_that_does_not_fit_its_key_changes_nothing(self):
        before = self.server_certificate()
        (self.service.authority.folder / "server.key").write_bytes(
            (self.service.authority.folder / "ca.key").read_bytes())
        self.service.identities.write_text(NEW_USER, encoding="utf-8")
        self.assertIn("errorCode", self.service.reload())
        self.assertEqual(self.server_certificate(), before)
        self.assertEqual(self.create_access_key("late").status, 400)

    def test_an_administrator_may_reload_over_the_wire_and_hears_of_mistakes(self):
        self.service.identities.write_text(NEW_USER, encoding="utf-8")
        self.ask(self.service, "Reload", "p11kms")
        self.assertEqual(self.create_access_key("late").status, 200)
        self.service.identities.write_text("accounts: 7", encoding="utf-8")
        answer = wire.ask_unix(self.service, "Reload", {}, "p11kms")
        self.assertNotEqual(answer.status, 200)

    def test_no_request_fails_while_reloads_go_on(self):
        credentials = self.service.add_key("admin")
        key = self.ask(self.service, "CreateKey")["KeyMetadata"]["KeyId"]
        failures, asked, stop = [], [0], threading.Event()

        def load():
            connection = wire.connect(self.service)
            while not stop.is_set():
                request = wire.request_for(self.service, "GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"})
                answer = wire.send(self.service, wire.sign(request, credentials=credentials), connection)
                asked[0] += 1
                if answer.status != 200:
                    failures.append(answer.body)
            connection.close()

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for i in range(20):
            self.service.identities.write_text(NEW_USER if i % 2 else IDENTITIES, encoding="utf-8")
            self.service.reload()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(asked[0], 20)

    def test_the_daemon_s_own_acts_are_on_record(self):
        self.service.reload()
        self.service.stop()
        self.assertEqual([record["eventName"] for record in self.service.audit()
                          if record["eventType"] == "AwsServiceEvent"], ["StartService", "Reload", "StopService"])


KEYS = f"""
keys:
  - alias: alias/one
    account: "{ACCOUNT}"
    description: The first
    rotation: true
    tags: {{team: payments, stage: test}}
    policy:
      Version: 2012-10-17
      Statement:
        - {{Effect: Allow, Principal: {{AWS: "arn:aws:iam::{ACCOUNT}:root"}}, Action: "kms:*", Resource: "*"}}
  - alias: alias/two
    account: "{ACCOUNT}"
    region: eu-central-1
    enabled: false
"""


class DeclaredKeys(RealCase):
    def describe(self, service, name, region="us-east-1"):
        credentials = self.credentials
        answer = wire.ask(service, "DescribeKey", {"KeyId": name}, credentials=credentials, region=region)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json["KeyMetadata"]

    def started(self, keys, **options):
        service = self.real(keys=keys, **options)
        service.start()
        self.credentials = service.add_key("admin")
        return service

    def tags(self, service, key):
        listed = wire.ask(service, "ListResourceTags", {"KeyId": key}, credentials=self.credentials).json["Tags"]
        return {tag["TagKey"]: tag["TagValue"] for tag in listed}

    def test_they_are_there_when_the_service_is_ready(self):
        service = self.started(KEYS)
        one = self.describe(service, "alias/one")
        self.assertEqual((one["Description"], one["KeyState"]), ("The first", "Enabled"))
        self.assertEqual(self.tags(service, one["KeyId"]), {"team": "payments", "stage": "test"})
        status = wire.ask(service, "GetKeyRotationStatus", {"KeyId": one["KeyId"]}, credentials=self.credentials)
        self.assertEqual(status.json["RotationPeriodInDays"], 365)
        self.assertEqual(self.describe(service, "alias/two", "eu-central-1")["KeyState"], "Disabled")
        names = [record["eventName"] for record in service.audit() if "alias/one" in str(record)
                 or one["KeyId"] in str(record)]
        self.assertTrue(names)

    def test_a_restart_and_a_reload_make_nothing_twice(self):
        service = self.started(KEYS)
        before = self.describe(service, "alias/one")
        service.reload()
        service.restart()
        service.reload()
        self.assertEqual(self.describe(service, "alias/one"), before)
        keys = wire.ask(service, "ListKeys", credentials=self.credentials).json["Keys"]
        self.assertEqual(len(keys), 1)

    def test_a_reload_brings_them_to_what_is_declared(self):
        service = self.started(KEYS)
        before = self.describe(service, "alias/one")
        changed = KEYS.replace("The first", "Changed").replace("rotation: true", "rotation: {period-days: 100}")
        changed = changed.replace("stage: test", "stage: live").replace("enabled: false", "enabled: true")
        changed = changed.replace('"kms:*"', '["kms:*"]')
        service.keys.write_text(changed + f'  - alias: alias/three\n    account: "{ACCOUNT}"\n', encoding="utf-8")
        service.reload()
        wait_until(lambda: wire.ask(service, "DescribeKey", {"KeyId": "alias/three"},
                                    credentials=self.credentials).status == 200, what="the third key")
        one = self.describe(service, "alias/one")
        self.assertEqual((one["KeyId"], one["Description"]), (before["KeyId"], "Changed"))
        self.assertEqual(self.tags(service, one["KeyId"]), {"team": "payments", "stage": "live"})
        status = wire.ask(service, "GetKeyRotationStatus", {"KeyId": one["KeyId"]}, credentials=self.credentials)
        self.assertEqual(status.json["RotationPeriodInDays"], 100)
        policy = wire.ask(service, "GetKeyPolicy", {"KeyId": one["KeyId"]}, credentials=self.credentials)
        self.assertIn('["kms:*"]', policy.json["Policy"].replace(" ", ""))
        self.assertEqual(self.describe(service, "alias/two", "eu-central-1")["KeyState"], "Enabled")

    def test_nothing_is_ever_deleted(self):
        service = self.started(KEYS)
        one = self.describe(service, "alias/one")
        blob = wire.ask(service, "Encrypt", {"KeyId": "alias/one", "Plaintext": "eA=="},
                        credentials=self.credentials).json["CiphertextBlob"]
        service.keys.write_text("keys: []\n", encoding="utf-8")
        service.reload()
        service.restart()
        self.assertEqual(self.describe(service, "alias/one"), one)
        answer = wire.ask(service, "Decrypt", {"CiphertextBlob": blob}, credentials=self.credentials)
        self.assertEqual(answer.json["Plaintext"], "eA==")

    def test_a_declared_key_pending_deletion_is_left_and_told(self):
        service = self.started(KEYS)
        one = self.describe(service, "alias/one")["KeyId"]
        wire.ask(service, "ScheduleKeyDeletion", {"KeyId": one}, credentials=self.credentials)
        service.reload()
        wait_until(lambda: "pending deletion" in service.log_text(), what="a word about it")
        self.assertEqual(self.describe(service, "alias/one")["KeyState"], "PendingDeletion")

    def test_many_declared_keys_are_made_at_start(self):
        many = "keys:\n" + "".join(f'  - {{alias: "alias/k{i}", account: "{ACCOUNT}"}}\n' for i in range(60))
        service = self.started(many)
        keys = wire.ask(service, "ListKeys", {"Limit": 1000}, credentials=self.credentials).json["Keys"]
        self.assertEqual(len(keys), 60)


TWO_KEYS = f"""
keys:
  - {{alias: alias/on-a, account: "{ACCOUNT}", token: a}}
  - {{alias: alias/on-b, account: "{ACCOUNT}", token: b}}
  - {{alias: alias/unsaid, account: "{ACCOUNT}"}}
"""


class TwoTokens(RealCase):
    def test_each_key_lives_on_its_token_and_both_serve(self):
        service = self.real(tokens=("a", "b"), keys=TWO_KEYS, top="default-token: b")
        service.start()
        self.assertEqual((objects_on(service, "a"), objects_on(service, "b")), (1, 4))  # and the service's own two
        blobs = {name: self.ask(service, "Encrypt", KeyId=name, Plaintext="eA==")["CiphertextBlob"]
                 for name in ("alias/on-a", "alias/on-b", "alias/unsaid")}
        self.ask(service, "RotateKeyOnDemand",
                 KeyId=self.ask(service, "DescribeKey", KeyId="alias/on-a")["KeyMetadata"]["KeyId"])
        self.assertEqual((objects_on(service, "a"), objects_on(service, "b")), (2, 4))
        service.restart()
        for blob in blobs.values():
            self.assertEqual(self.ask(service, "Decrypt", CiphertextBlob=blob)["Plaintext"], "eA==")

    def test_a_key_of_one_token_needs_not_the_other(self):
        service = self.real(tokens=("a", "b"), keys=TWO_KEYS, top="default-token: b")
        service.start()
        blob = self.ask(service, "Encrypt", KeyId="alias/on-a", Plaintext="eA==")["CiphertextBlob"]
        service.stop()
        service.pin_file("a").write_text("wrong\n", encoding="ascii")
        service.start()
        answer = wire.ask_unix(service, "Decrypt", {"CiphertextBlob": blob})
        self.assertIn(answer.code, ("KeyUnavailableException", "KMSInvalidStateException"))
        self.ask(service, "Encrypt", KeyId="alias/on-b", Plaintext="eA==")
        service.write_pin("a", service.pins["a"])
        service.reload()
        wait_until(lambda: wire.ask_unix(service, "Decrypt", {"CiphertextBlob": blob}).status == 200, 20,
                   "the token with its PIN mended")

    def test_a_token_nobody_is_logged_in_to_is_not_the_default_by_chance(self):
        service = self.real(tokens=("a", "b"), top="default-token: a")
        service.pin_file("a").write_text("wrong\n", encoding="ascii")
        status, said = service.start_in_vain()
        self.assertNotEqual(status, 0)
        self.assertRegex(said, "PIN")


class Stopping(RealCase):
    def test_it_tells_systemd_and_leaves_no_process_and_no_socket(self):
        service = self.real()
        service.start()
        pid = service.process.pid
        started = time.monotonic()
        self.assertEqual(service.stop(), 0)
        self.assertLess(time.monotonic() - started, patience(5))
        self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())
        with self.assertRaises(OSError):
            wire.ask_unix(service, "ListKeys")

    def test_a_socket_a_crash_left_behind_is_taken_over(self):
        service = self.real()
        service.start()
        service.kill()
        self.assertTrue(pathlib.Path(service.socket).exists())
        service.start()
        self.ask(service, "ListKeys")

    def test_tls_older_than_1_2_is_not_spoken(self):
        service = self.real()
        service.start()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = wire.trusting(service)
            context.minimum_version = context.maximum_version = version
            with socket.create_connection(("127.0.0.1", service.port)) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as secure:
                    self.assertEqual(secure.version(), version.name.replace("_", "."))
        context = wire.trusting(service)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", service.port)) as plain:
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain, server_hostname="localhost")


if __name__ == "__main__":
    tap.main()
