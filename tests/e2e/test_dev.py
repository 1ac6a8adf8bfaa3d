"""p11kmsd --dev: what somebody tries first, and what test suites start by the hundred."""

import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest

import p11kms_test
import tap
import wire
from p11kms_test import ADMIN, Service, clean_environment, patience, run, wait_until

READY_SECONDS = 1  # promised; a sanitizer's build and a busy machine have their time, too


class Folder(unittest.TestCase):
    def start(self, **options):
        service = Service(**options)
        self.addCleanup(service.close)
        return service.start()

    def test_it_is_ready_within_a_second(self):
        service = Service()
        self.addCleanup(service.close)
        times = []
        for _ in range(3):
            started = time.monotonic()
            service.restart()
            times.append(time.monotonic() - started)
        self.assertLess(min(times), patience(READY_SECONDS))

    def test_it_says_ready_with_its_url_and_names_the_environment_file(self):
        service = Service(seed=None)
        self.addCleanup(service.close)
        service.begin()
        lines = [service.process.stdout.readline().decode() for _ in range(2)]
        self.assertRegex(lines[0], r"^ready: https://127\.0\.0\.1:\d+\n$")
        self.assertEqual(lines[1], f"environment: . {service.dir}/env\n")
        self.assertIn(lines[0].split()[1], (service.dir / "env").read_text(encoding="utf-8"))

    def test_started_again_on_its_folder_it_serves_the_same_keys(self):
        service = self.start()
        key = service.kms().create_key()["KeyMetadata"]
        blob = service.kms().encrypt(KeyId=key["KeyId"], Plaintext=b"kept")["CiphertextBlob"]
        for end in (service.stop, service.kill):
            end()
            service.start()
            self.assertEqual(service.kms().decrypt(CiphertextBlob=blob)["Plaintext"], b"kept")
        self.assertEqual(service.kms().describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Arn"], key["Arn"])

    def test_its_files_are_for_their_owner_alone(self):
        service = self.start()
        self.assertEqual(service.dir.stat().st_mode & 0o077, 0)
        for name in ("env", "pin", "tls.key", "store.db", "p11kms.sock", "softhsm2.conf"):
            self.assertEqual((service.dir / name).stat().st_mode & 0o077, 0, name)

    def test_a_temporary_folder_goes_with_the_daemon(self):
        process = subprocess.Popen([p11kms_test.DAEMON, "--dev", "--listen", "https://127.0.0.1:0"],
                                   env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertRegex(process.stdout.readline(), "^ready: ")
        folder = pathlib.Path(re.match(r"environment: \. (.*)/env\n", process.stdout.readline()).group(1))
        self.assertTrue(folder.is_dir())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertFalse(folder.exists())

    def test_a_second_daemon_on_the_folder_is_refused_and_the_first_goes_on(self):
        service = self.start()
        before = (service.dir / "env").read_text(encoding="utf-8")
        done = run(p11kms_test.DAEMON, "--dev", "--dir", service.dir, "--listen", "https://127.0.0.1:0", check=False,
                   timeout=20)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual((service.dir / "env").read_text(encoding="utf-8"), before)
        service.kms().create_key()
        self.assertEqual(wire.ask_unix(service, "ListKeys").status, 200)

    def test_sighup_reads_the_seed_again(self):
        service = self.start()
        service.seed.write_text(p11kms_test.SEED.replace("APPKEY", "NEWKEY"), encoding="utf-8")
        service.reload()
        wait_until(lambda: wire.ask(service, "GenerateRandom", {"NumberOfBytes": 1},
                                    credentials=("NEWKEY", "APPSECRET")).code == "AccessDeniedException",
                   what="the new key")
        answer = wire.ask(service, "ListKeys", credentials=("APPKEY", "APPSECRET"))
        self.assertEqual(answer.code, "UnrecognizedClientException")


SEED = """
accounts:
  - id: "123456789012"
    users:
      - name: admin
        administrator: true
        access-keys: [{id: FOOBARKEY, secret: FOOBARSECRET}]
  - id: "111122223333"
    users:
      - {name: other, administrator: true, access-keys: [{id: OTHERKEY, secret: OTHERSECRET}]}
keys:
  - alias: alias/seeded
    account: "123456789012"
    description: From the seed
    tags: {from: seed}
  - {alias: alias/seeded, account: "111122223333", region: eu-west-1, rotation: {period-days: 90}}
"""


class Seed(unittest.TestCase):
    def test_accounts_identities_keys_and_aliases_are_there_from_the_start(self):
        service = Service(seed=SEED)
        self.addCleanup(service.close)
        service.start()
        found = service.kms().describe_key(KeyId="alias/seeded")["KeyMetadata"]
        self.assertEqual(found["Description"], "From the seed")
        other = service.kms(("OTHERKEY", "OTHERSECRET"), "eu-west-1")
        found = other.describe_key(KeyId="alias/seeded")["KeyMetadata"]
        self.assertTrue(found["Arn"].startswith("arn:aws:kms:eu-west-1:111122223333:key/"))
        self.assertTrue(other.get_key_rotation_status(KeyId=found["KeyId"])["KeyRotationEnabled"])
        self.assertEqual(service.env["AWS_ACCESS_KEY_ID"], ADMIN[0])

    def test_a_seed_with_a_mistake_is_told_with_its_place(self):
        service = Service(seed=SEED.replace("administrator: true\n", "administrator: perhaps\n", 1))
        self.addCleanup(service.close)
        with self.assertRaises(AssertionError) as caught:
            service.start()
        self.assertRegex(str(caught.exception), r"seed\.yaml:6:24: .*administrator")

    def test_a_seed_without_an_administrator_is_refused(self):
        service = Service(seed=SEED.replace("        administrator: true\n", "", 1).replace("administrator: true, ", ""))
        self.addCleanup(service.close)
        with self.assertRaises(AssertionError) as caught:
            service.start()
        self.assertIn("declares no administrator", str(caught.exception))


class Listeners(unittest.TestCase):
    def test_several_are_served_and_the_first_network_one_is_told(self):
        folder = Service()
        self.addCleanup(folder.close)
        extra = folder.root / "extra.sock"
        folder.listen = (f"unix:{extra}", "https://[::1]:0", "http://127.0.0.1:0")
        folder.start()
        self.assertRegex(folder.url, r"^https://\[::1\]:\d+$")
        self.assertEqual(folder.kms().list_keys()["Keys"], [])
        connection = wire.UnixConnection(extra, 10)
        self.addCleanup(connection.close)
        answer = wire.send(folder, wire.request_for(folder, "ListKeys", {}), connection)
        self.assertEqual(answer.status, 200)

    def test_names_of_this_machine_fit_its_certificate(self):
        service = Service()
        self.addCleanup(service.close)
        service.start()
        port = int(service.url.rsplit(":", 1)[1])
        for name in ("localhost", "127.0.0.1"):
            with socket.create_connection(("127.0.0.1", port)) as plain:
                with wire.trusting(service).wrap_socket(plain, server_hostname=name) as secure:
                    self.assertEqual(secure.version(), "TLSv1.3")


class Systemd(unittest.TestCase):
    """sd_notify: what a service manager is told."""

    def test_ready_reloading_and_stopping_are_told(self):
        service = Service()
        self.addCleanup(service.close)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = service.root / "notify"
            notify.bind(str(path))
            notify.settimeout(10)
            service.extra_environment["NOTIFY_SOCKET"] = str(path)
            service.start()
            self.assertIn(b"READY=1", notify.recv(4096))
            service.reload()
            self.assertRegex(notify.recv(4096), rb"RELOADING=1\nMONOTONIC_USEC=\d+")
            self.assertIn(b"READY=1", notify.recv(4096))
            service.stop()
            self.assertIn(b"STOPPING=1", notify.recv(4096))


class Arguments(unittest.TestCase):
    def test_wrong_ones_are_refused_with_the_usage(self):
        for words in (("--dev", "-c", "x"), ("--dir", "x"), ("--seed", "x"), ("--listen", "https://127.0.0.1:0"),
                      ("--dev", "--check"), ("--dev", "extra"), ("--nonsense",)):
            done = run(p11kms_test.DAEMON, *words, check=False, timeout=10)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn("p11kmsd --dev [--dir DIR]", done.stderr)
            self.assertEqual(done.stdout, "")

    def test_help_and_version_are_told_on_stdout(self):
        self.assertIn("--seed FILE", run(p11kms_test.DAEMON, "--help").stdout)
        self.assertRegex(run(p11kms_test.DAEMON, "--version").stdout, r"^p11kmsd \d+\.\d+")

    def test_a_listen_url_that_is_none_is_told(self):
        for url in ("ftp://x", "https://", "https://127.0.0.1:99999", "http://192.0.2.1:80", "unix:"):
            with self.subTest(url):
                service = Service(listen=(url,))
                self.addCleanup(service.close)
                with self.assertRaises(AssertionError) as caught:
                    service.start()
                self.assertIn("listen[0]", str(caught.exception))


if __name__ == "__main__":
    tap.main()
