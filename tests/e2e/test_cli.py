"""p11kms, the command line: a first configuration, the doctor, declared keys, access keys, copies, calls."""

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import tap
from p11kms_test import ADMIN, COMMAND, REGION, ServiceCase, clean_environment, run, wait_until
from real import MODULE, RealService, free_port

USAGE = 64
DIFFERENT = 2


class Made(RealService):
    """A service whose configuration p11kms init makes, in DIR/etc and DIR/state."""

    def __init__(self):
        super().__init__()
        self.etc = self.dir / "etc"
        self.state = self.dir / "state"
        self.monitor = free_port()

    def init(self, *more, check=True, **changed):
        wishes = {"token": "pkcs11:token=prod", "module": MODULE, "pin-source": f"file:{self.pin_file('prod')}",
                  "dir": self.etc, "state": self.state, "user": pwd.getpwuid(os.getuid()).pw_name,
                  "monitor": f"http://127.0.0.1:{self.monitor}"}
        wishes |= {name.replace("_", "-"): value for name, value in changed.items()}
        words = [word for name, value in wishes.items() for word in (f"--{name}", value)]
        return run(COMMAND, "init", *words, "--listen", f"https://127.0.0.1:{self.port}", "--listen",
                   f"unix:{self.dir}/p11kms.sock", *more, env=self.tool_environment(), check=check)

    def tool_environment(self):
        return clean_environment() | {"SOFTHSM2_CONF": self.env["SOFTHSM2_CONF"]}

    def made(self):
        """As init leaves it."""
        self.init()
        self.conf = self.etc / "p11kmsd.yaml"
        text = self.conf.read_text(encoding="utf-8")  # without chattr +a, its folder can be removed again
        self.conf.write_text(text.replace("audit:\n", "audit:\n  append-flag: false\n"), encoding="utf-8")
        return self

    def run_as(self, name):
        text = self.conf.read_text(encoding="utf-8")
        self.conf.write_text(re.sub(r"(?m)^user: .*$", f"user: {name}", text), encoding="utf-8")

    def start(self):
        super().start()
        self.env["AWS_CA_BUNDLE"] = str(self.etc / "tls" / "server.pem")
        return self

    def audit(self, name=None):
        self.dir, folder = self.state, self.dir
        try:
            return super().audit(name)
        finally:
            self.dir = folder

    def tool(self, *words, check=True, stdin=None):
        """p11kms beside the service's configuration, with nothing but that to go by."""
        return run(COMMAND, *words, "-c", self.conf, env=self.tool_environment(), check=check, stdin=stdin)

    def doctor(self):
        """(exit status, {what: [(verdict, detail)]})"""
        done = self.tool("doctor", "--json", check=False)
        found = {}
        for finding in json.loads(done.stdout)["findings"]:
            found.setdefault(finding["what"], []).append((finding["verdict"], finding["detail"]))
        return done.returncode, found


class MadeCase(unittest.TestCase):
    def setUp(self):
        self.service = Made()
        self.addCleanup(self.service.close)

    def names(self, folder):
        return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*"))


class Init(MadeCase):
    def test_what_it_makes_serves_at_once(self):
        self.service.made().start()
        self.assertEqual(self.service.tool("status").stdout, "ready\n")
        lines = self.service.tool("identity", "add-key", "admin").stdout.splitlines()
        key = dict(line.split("=", 1) for line in lines)
        kms = self.service.kms((key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"]))
        self.assertEqual(kms.list_keys()["Keys"], [])

    def test_files_are_closed_to_others_where_they_must_be(self):
        os.umask(0o077)
        self.addCleanup(os.umask, 0o022)
        self.service.made()
        modes = {name: (self.service.etc / name).stat().st_mode & 0o777 for name in self.names(self.service.etc)}
        self.assertEqual(modes, {"p11kmsd.yaml": 0o644, "identities.d": 0o750, "identities.d/admin.yaml": 0o640,
                                 "keys.d": 0o750, "tls": 0o755, "tls/server.pem": 0o644,
                                 "tls/server.key": modes["tls/server.key"]})
        self.assertEqual(modes["tls/server.key"] & 0o037, 0)
        self.assertEqual(self.service.etc.stat().st_mode & 0o777, 0o755)
        self.assertEqual(self.service.state.stat().st_mode & 0o777, 0o750)

    def test_the_certificate_is_for_the_names_given(self):
        self.service.init("--host", "kms.example", "--host", "192.0.2.7")
        text = run("/usr/bin/openssl", "x509", "-in", self.service.etc / "tls" / "server.pem", "-noout", "-ext",
                   "subjectAltName").stdout
        for name in ("DNS:kms.example", "IP Address:192.0.2.7", "DNS:localhost", "IP Address:127.0.0.1"):
            self.assertIn(name, text)

    def test_nothing_is_overwritten(self):
        self.service.made()
        before = {name: (self.service.etc / name).read_bytes() for name in ("p11kmsd.yaml", "tls/server.key")}
        done = self.service.init(check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is there already", done.stderr)
        self.assertEqual(before, {name: (self.service.etc / name).read_bytes() for name in before})

    def assert_leaves_nothing(self, says, **changed):
        done = self.service.init(check=False, **changed)
        self.assertEqual(done.returncode, 1)
        self.assertIn(says, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse(self.service.etc.exists())
        self.assertFalse(self.service.state.exists())

    def test_a_token_that_is_not_there_leaves_nothing(self):
        self.assert_leaves_nothing("pkcs11:token=other", token="pkcs11:token=other")

    def test_a_wrong_pin_leaves_nothing(self):
        self.service.write_pin("prod", "wrong")
        self.assert_leaves_nothing("PIN")

    def test_a_pin_file_that_is_open_leaves_nothing(self):
        self.service.pin_file("prod").chmod(0o644)
        self.assert_leaves_nothing("0644")

    def test_a_user_that_is_not_there_leaves_nothing(self):
        self.assert_leaves_nothing("there is no user 'nobody-at-all'", user="nobody-at-all")

    def test_a_module_that_is_not_there_leaves_nothing(self):
        self.assert_leaves_nothing("/nonexistent.so", module="/nonexistent.so")

    def test_what_makes_no_configuration_leaves_nothing(self):
        self.assert_leaves_nothing("account", account="12345")
        self.assert_leaves_nothing("pin-source", pin_source="pin-in-clear")

    def test_a_folder_that_is_there_keeps_what_is_in_it(self):
        self.service.etc.mkdir()
        (self.service.etc / "pin").write_text("kept", encoding="ascii")
        self.service.write_pin("prod", "wrong")
        self.service.init(check=False)
        self.assertEqual(self.names(self.service.etc), ["pin"])

    def test_what_is_missing_is_asked_for(self):
        done = run(COMMAND, "init", "--token", "pkcs11:token=prod", check=False)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("--module", done.stderr)

    def test_an_interruption_leaves_nothing(self):
        fifo = self.service.dir / "fifo"
        os.mkfifo(fifo, 0o600)  # nobody writes the PIN, so init waits
        words = ["init", "--token", "pkcs11:token=prod", "--module", MODULE, "--pin-source", f"file:{fifo}", "--dir",
                 self.service.etc, "--user", pwd.getpwuid(os.getuid()).pw_name, "--state", self.service.state]
        process = subprocess.Popen([str(COMMAND), *map(str, words)], env=self.service.tool_environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                   # a shell's background job has SIGINT ignored, and hands that on
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        wait_until(lambda: self.service.etc.exists() and len(self.names(self.service.etc)) > 6, what="files beside")
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(20)
        self.assertFalse(self.service.etc.exists())
        self.assertFalse(self.service.state.exists())

    def test_a_credential_is_not_looked_for(self):
        self.service.init("--no-login", pin_source="credential:prod.pin")
        self.assertIn("credential:prod.pin", (self.service.etc / "p11kmsd.yaml").read_text(encoding="utf-8"))


class Doctor(MadeCase):
    def setUp(self):
        super().setUp()
        self.service.made()

    def assert_finds(self, what, verdict, says):
        """Something of this kind; returns the exit status."""
        status, found = self.service.doctor()
        self.assertIn(what, found)
        self.assertTrue(any(v == verdict and says in detail for v, detail in found[what]), found[what])
        self.assertEqual(status, 1 if any(v == "fail" for told in found.values() for v, _ in told) else 0)
        return status

    def assert_well(self):
        status, found = self.service.doctor()
        self.assertEqual(status, 0, found)
        self.assertEqual([what for what, told in found.items() for verdict, _ in told
                          if verdict != "ok" and what != "clock"], [])
        return found

    def used(self):
        """A service that has made a key, stopped again."""
        self.service.start()
        self.service.tool("call", "kms", "CreateKey")
        self.service.stop()

    def test_before_the_first_start_all_is_well(self):
        found = self.assert_well()
        self.assertIn("first start", found["store"][0][1])

    def test_beside_the_running_service_all_is_well(self):
        self.service.start()
        self.service.tool("call", "kms", "CreateKey")
        found = self.assert_well()
        self.assertIn("the service is running", found["audit log"][0][1])
        self.assertIn("1 keys", found["store"][0][1])
        self.assertIn("agree on 3 objects", found["objects on main"][0][1])
        self.assertEqual(self.service.tool("status").stdout, "ready\n")

    def test_as_root_it_sees_what_the_service_s_user_sees(self):
        if os.getuid() != 0:
            self.skipTest("only root can become another user")
        self.service.run_as("nobody")
        self.service.root.chmod(0o755)
        self.service.dir.chmod(0o755)
        self.assertEqual(self.assert_finds("PIN of main", "fail", "Permission denied"), 1)
        self.assert_finds("private key", "fail", "Permission denied")
        self.assert_finds("declarations", "fail", "Permission denied")

    def test_as_anybody_else_it_says_that_it_cannot_see(self):
        if os.getuid() != 0:
            self.skipTest("only root can become another user")
        self.service.run_as("daemon")
        for folder in (self.service.root, self.service.dir):
            folder.chmod(0o755)
        program = shutil.copy(COMMAND, self.service.root)  # the build may lie where nobody else can go
        done = subprocess.run([program, "doctor", "-c", str(self.service.conf)], user="nobody", text=True,
                              env=self.service.tool_environment(), capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"FAIL  user: the service runs as daemon.*\n      mend: run doctor as root\n\Z")

    def test_a_line_tells_each_finding_and_what_to_do(self):
        self.service.pin_file("prod").chmod(0o644)
        done = self.service.tool("doctor", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^ok    configuration: ")
        self.assertRegex(done.stdout, r"(?m)^FAIL  PIN of main: .*mode 0644\)\n      mend: chmod 0400")

    def test_an_open_pin_file_fails(self):
        self.service.pin_file("prod").chmod(0o640)
        self.assertEqual(self.assert_finds("PIN of main", "fail", "0640"), 1)

    def test_a_refused_pin_fails_and_is_not_repeated(self):
        self.service.write_pin("prod", "wrong")
        self.assertEqual(self.assert_finds("token main", "fail", "PIN"), 1)
        done = self.service.tool("doctor", "--no-login", check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("token main", done.stdout)

    def test_a_missing_module_fails(self):
        text = self.service.conf.read_text(encoding="utf-8")
        self.service.conf.write_text(text.replace(MODULE, "/nonexistent.so"), encoding="utf-8")
        self.assertEqual(self.assert_finds("token main", "fail", "/nonexistent.so"), 1)

    def test_a_wrong_configuration_fails_with_its_place(self):
        with self.service.conf.open("a", encoding="utf-8") as conf:
            conf.write("colour: blue\n")
        self.assertEqual(self.assert_finds("configuration", "fail", "unknown name 'colour'"), 1)

    def test_a_wrong_declaration_fails_with_its_place(self):
        (self.service.etc / "keys.d" / "keys.yaml").write_text("keys:\n  - alias: nothing\n", encoding="utf-8")
        self.assertEqual(self.assert_finds("declarations", "fail", "keys.yaml:2:"), 1)

    def test_a_certificate_near_its_end_is_a_warning_and_one_that_is_none_fails(self):
        certificate, _ = self.service.authority.issue("short", "DNS:localhost", days=3)
        shutil.copy(certificate, self.service.etc / "tls" / "server.pem")
        self.assertEqual(self.assert_finds("certificate", "warn", "expires"), 0)
        (self.service.etc / "tls" / "server.pem").write_text("nothing\n", encoding="ascii")
        self.assertEqual(self.assert_finds("certificate", "fail", "server.pem"), 1)

    def test_a_private_key_that_anyone_may_read_fails(self):
        (self.service.etc / "tls" / "server.key").chmod(0o644)
        self.assertEqual(self.assert_finds("private key", "fail", "0644"), 1)

    def test_a_damaged_store_fails(self):
        self.used()
        with (self.service.state / "p11kms.db").open("r+b") as store:
            store.write(b"not a database at all")
        self.assertEqual(self.assert_finds("store", "fail", "p11kms.db"), 1)

    def test_a_store_of_a_newer_version_fails(self):
        self.used()
        with sqlite3.connect(self.service.state / "p11kms.db") as store:
            store.execute("PRAGMA user_version = 999")
        store.close()
        self.assertEqual(self.assert_finds("store", "fail", "999"), 1)

    def test_a_missing_audit_segment_fails_and_a_torn_line_is_a_warning(self):
        self.used()
        audit = self.service.state / "audit"
        with (audit / "audit-0000000001.jsonl").open("ab") as segment:
            segment.write(b'{"half')
        self.assertEqual(self.assert_finds("audit log", "warn", "ends within a line"), 0)
        (audit / "audit-0000000003.jsonl").write_text("{}\n", encoding="ascii")
        self.assertEqual(self.assert_finds("audit log", "fail", "segment 2 is missing"), 1)

    def test_keys_that_the_token_has_lost_fail(self):
        self.used()
        shutil.rmtree(self.service.dir / "tokens")
        (self.service.dir / "tokens").mkdir()
        self.service.make_token("prod")
        status = self.assert_finds("objects on main", "fail", "3 key materials of the store are not on the token")
        self.assertEqual(status, 1)

    def test_objects_that_the_store_does_not_know_are_a_warning(self):
        self.used()
        for file in self.service.state.glob("p11kms.db*"):
            file.unlink()
        self.assertEqual(self.assert_finds("objects on main", "warn", "3 objects of p11kms"), 0)


class Plan(MadeCase):
    def setUp(self):
        super().setUp()
        self.service.made()
        self.keys = self.service.etc / "keys.d" / "keys.yaml"

    def plan(self):
        done = self.service.tool("plan", "--json", check=False)
        return done.returncode, [(d["action"], d["text"]) for d in json.loads(done.stdout)["differences"]]

    def test_a_plan_tells_what_a_reload_then_does(self):
        self.assertEqual(self.plan(), (0, []))
        self.keys.write_text("keys:\n  - alias: alias/app\n    description: one\n", encoding="utf-8")
        status, differences = self.plan()
        self.assertEqual((status, differences[0][0]), (DIFFERENT, "create"))
        self.service.start()
        wait_until(lambda: self.plan() == (0, []), what="the declared key")
        self.keys.write_text("keys:\n  - alias: alias/app\n    description: two\n    rotation: true\n",
                             encoding="utf-8")
        status, differences = self.plan()
        self.assertEqual((status, len(differences), differences[0][0]), (DIFFERENT, 1, "update"))
        self.assertIn("'one' -> 'two'", differences[0][1])
        self.assertIn("alias/app", self.service.tool("plan", check=False).stdout)
        self.service.tool("reload")
        wait_until(lambda: self.plan() == (0, []), what="the update")

    def test_a_key_that_is_going_blocks(self):
        self.keys.write_text("keys:\n  - alias: alias/app\n", encoding="utf-8")
        self.service.start()
        wait_until(lambda: self.plan() == (0, []), what="the declared key")
        key = json.loads(self.service.tool("call", "kms", "ListAliases").stdout)["Aliases"][0]["TargetKeyId"]
        self.service.tool("call", "kms", "ScheduleKeyDeletion", json.dumps({"KeyId": key}))
        status, differences = self.plan()
        self.assertEqual((status, differences[0][0]), (DIFFERENT, "blocked"))

    def test_a_plan_that_cannot_be_made_is_neither(self):
        self.keys.write_text("keys: nothing\n", encoding="utf-8")
        done = self.service.tool("plan", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("keys.yaml:1:", done.stderr)


class Copies(MadeCase):
    def test_a_copy_taken_while_running_is_good_again(self):
        self.service.made().start()
        copy = self.service.dir / "copy.db"
        key = json.loads(self.service.tool("call", "kms", "CreateKey").stdout)["KeyMetadata"]["KeyId"]
        sealed = json.loads(self.service.tool("call", "kms", "Encrypt", json.dumps(
            {"KeyId": key, "Plaintext": "aGVsbG8="})).stdout)["CiphertextBlob"]
        self.service.tool("backup", copy)
        self.assertEqual(copy.stat().st_mode & 0o077, 0)
        self.service.stop()
        for file in self.service.state.glob("p11kms.db*"):
            file.unlink()
        shutil.copy(copy, self.service.state / "p11kms.db")
        self.service.start()
        opened = self.service.tool("call", "kms", "Decrypt", json.dumps({"CiphertextBlob": sealed})).stdout
        self.assertEqual(json.loads(opened)["Plaintext"], "aGVsbG8=")

    def test_a_copy_never_replaces_a_file(self):
        self.service.made().start()
        copy = self.service.dir / "copy.db"
        copy.write_text("mine", encoding="ascii")
        done = self.service.tool("backup", copy, check=False)
        self.assertEqual((done.returncode, copy.read_text(encoding="ascii")), (1, "mine"))
        self.assertIn("exists", done.stderr)


class Beside(ServiceCase):
    """What is asked of a running service; --dev's is good enough."""

    def add_key(self, user="admin"):
        lines = self.service.p11kms("identity", "add-key", user).stdout.splitlines()
        return tuple(line.split("=", 1)[1] for line in lines)

    def listed(self, user="admin"):
        lines = self.service.p11kms("identity", "list-keys", user).stdout.splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def test_an_access_key_lives_as_it_is_told(self):
        key = self.add_key()
        self.service.kms(key).list_keys()
        self.assertEqual(self.listed()[key[0]], "Active")
        self.service.p11kms("identity", "deactivate-key", key[0])
        self.assertEqual(self.listed()[key[0]], "Inactive")
        self.assert_fault("UnrecognizedClientException", self.service.kms(key).list_keys)
        self.service.p11kms("identity", "activate-key", key[0])
        self.service.kms(key).list_keys()
        self.service.p11kms("identity", "delete-key", key[0])
        self.assertNotIn(key[0], self.listed())
        self.assert_fault("UnrecognizedClientException", self.service.kms(key).list_keys)

    def test_a_secret_is_shown_once_and_written_nowhere(self):
        key_id, secret = self.add_key()
        self.assertRegex(key_id, r"^AKIA[A-Z2-7]{16}$")
        self.assertEqual(len(secret), 40)
        self.assertNotIn(secret, self.service.p11kms("identity", "list-keys", "admin").stdout)
        self.assertNotIn(secret, json.dumps(self.service.audit()) + self.service.log_text())
        self.service.p11kms("identity", "delete-key", key_id)

    def test_users_and_keys_that_are_not_there_are_told(self):
        for words in (("add-key", "nobody"), ("list-keys", "nobody"), ("delete-key", "AKIANOBODYNOBODYNOBO")):
            done = self.service.p11kms("identity", *words, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("cannot be found", done.stderr)

    def test_a_signed_call_reaches_operations_that_aws_does_not_know(self):
        key = self.service.kms().create_key()["KeyMetadata"]["KeyId"]
        self.service.p11kms("call", "kms", "RotateKeyOnDemand", json.dumps({"KeyId": key}))
        answer = json.loads(self.service.p11kms("call", "kms", "ListKeyRotations", json.dumps({"KeyId": key})).stdout)
        self.assertEqual([rotation["RotationType"] for rotation in answer["Rotations"]], ["ON_DEMAND"])
        record = self.service.audit("RotateKeyOnDemand")[-1]
        self.assertEqual(record["userIdentity"]["accessKeyId"], ADMIN[0])

    def test_a_call_signs_for_the_region_asked_for(self):
        arn = json.loads(self.service.p11kms("call", "kms", "CreateKey", "--region",
                                             "eu-west-3").stdout)["KeyMetadata"]["Arn"]
        self.assertIn(":eu-west-3:", arn)
        self.assertNotEqual(REGION, "eu-west-3")

    def test_a_call_over_the_socket_needs_no_credentials(self):
        done = run(COMMAND, "call", "kms", "ListKeys", "--socket", self.service.socket)
        self.assertIn("Keys", json.loads(done.stdout))
        self.assertEqual(self.service.audit("ListKeys")[-1]["sourceIPAddress"], "unix")

    def test_a_request_may_come_from_standard_input(self):
        done = self.service.p11kms("call", "kms", "GenerateRandom", "-", stdin='{"NumberOfBytes": 9}')
        self.assertEqual(len(json.loads(done.stdout)["Plaintext"]), 12)

    def assert_call_fails(self, says, *words, status=1, credentials=None):
        done = self.service.p11kms("call", *words, check=False, credentials=credentials)
        self.assertEqual((done.returncode, done.stdout), (status, ""))
        self.assertIn(says, done.stderr)

    def test_a_call_that_is_refused_tells_why(self):
        self.assert_call_fails("NotFoundException: ", "kms", "DescribeKey", '{"KeyId": "alias/none"}')
        self.assert_call_fails("InvalidSignatureException", "kms", "ListKeys", credentials=("FOOBARKEY", "wrong"))
        self.assert_call_fails("'s3' is none of", "s3", "ListBuckets")
        self.assert_call_fails("not the name of an operation", "kms", "List\r\nKeys")
        self.assert_call_fails("127.0.0.1:1", "kms", "ListKeys", "--url", "https://127.0.0.1:1")
        self.assert_call_fails("needs SERVICE", "kms", status=USAGE)

    def test_a_service_with_another_certificate_is_not_talked_to(self):
        other = self.service.root / "other.pem"
        run("/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", os.devnull, "-out", other, "-subj", "/CN=other", "-days", "2")
        env = self.service.environment() | {"AWS_CA_BUNDLE": str(other)}
        done = run(COMMAND, "call", "kms", "ListKeys", env=env, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("certificate", done.stderr)

    def test_the_clock_moves_as_told(self):
        self.addCleanup(self.service.p11kms, "clock", "0")
        key = self.service.kms().create_key()["KeyMetadata"]
        self.service.p11kms("clock", "+366d")
        later = self.service.kms().create_key()["KeyMetadata"]
        self.assertAlmostEqual((later["CreationDate"] - key["CreationDate"]).total_seconds(), 366 * 86400, delta=60)
        self.service.p11kms("clock", "-2h")
        earlier = self.service.kms().create_key()["KeyMetadata"]
        self.assertAlmostEqual((key["CreationDate"] - earlier["CreationDate"]).total_seconds(), 7200, delta=60)

    def test_an_offset_that_is_none_is_told(self):
        for text in ("", "tomorrow", "5", "5w", "99999999999d"):
            done = self.service.p11kms("clock", text, check=False)
            self.assertEqual(done.returncode, 1, text)
            self.assertIn("not an offset", done.stderr)

    def test_a_reload_tells_its_verdict(self):
        self.service.p11kms("reload")
        before = self.service.seed.read_text(encoding="utf-8")
        self.addCleanup(self.service.seed.write_text, before, encoding="utf-8")
        self.service.seed.write_text(before + "colour: blue\n", encoding="utf-8")
        done = self.service.p11kms("reload", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("colour", done.stderr)

    def test_nobody_at_the_socket_is_told(self):
        for words in (("reload",), ("identity", "add-key", "admin")):
            done = run(COMMAND, *words, "--socket", "/nonexistent.sock", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nonexistent.sock", done.stderr)
        done = run(COMMAND, "status", env=clean_environment() | {"P11KMS_MONITOR_URL": "http://127.0.0.1:1"},
                   check=False)
        self.assertEqual(done.returncode, 1)


class Help(unittest.TestCase):
    def test_help_and_version_go_to_standard_output(self):
        self.assertIn("identity add-key USER", run(COMMAND, "--help").stdout)
        self.assertIn("--pin-source SOURCE", run(COMMAND, "init", "--help").stdout)
        self.assertRegex(run(COMMAND, "--version").stdout, r"^p11kms \d+\.\d+\.\d+\n$")

    def test_a_line_that_makes_no_sense_is_told(self):
        for words in ((), ("nothing",), ("identity",), ("plan", "--colour"), ("backup",), ("completion", "fish")):
            done = run(COMMAND, *words, check=False)
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""), words)
            self.assertNotEqual(done.stderr, "")


if __name__ == "__main__":
    tap.main()
