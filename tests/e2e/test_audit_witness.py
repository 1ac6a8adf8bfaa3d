"""Checkpoints of the daemon's audit log under witnesses that really check: cosigned, kept, demanded; forks refused."""

import contextlib
import json
import pathlib
import shutil
import tempfile
import time
import unittest
import urllib.request

import p11kms_test
import real
import tap
import tlog
import wire
import witness

ORIGIN = "p11kms/witnessed.example"
WAIT = 20


def settings(witnesses, quorum=1):
    told = ", ".join(f"{{url: '{w.url}', key: {w.vkey}}}" for w in witnesses)
    return (f", checkpoint-records: 20, checkpoint-interval: 1s, origin: {ORIGIN}, witness-quorum: {quorum}, "
            f"witnesses: [{told}]")


class Witnessed(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.logs = {}
        self.witnesses = [self.stack.enter_context(witness.Witness(f"witness.example/w{i}", self.logs)) for i in range(3)]
        self.service = real.RealService(audit_options=settings(self.witnesses, 2))
        self.addCleanup(self.service.close)
        self.log = self.service.dir / "audit"

    def start(self):
        """The witnesses learn the log's key when it is there; until then they know no such log."""
        self.service.start()
        self.vkey = (self.log / "key").read_text(encoding="ascii").strip()
        self.logs[ORIGIN] = self.vkey

    def write(self, count):
        connection = wire.connect(self.service, unix=True)
        for _ in range(count):
            wire.send(self.service, wire.request_for(self.service, "ListKeys", {}), connection)
        connection.close()

    def newest(self):
        """The newest checkpoint, once there is one."""
        p11kms_test.wait_until((self.log / "checkpoint").exists, WAIT, "a checkpoint")
        return (self.log / "checkpoint").read_text(encoding="utf-8")

    def cosigners(self, note):
        """Names of the witnesses whose signatures on it are good."""
        names = set()
        for w in self.witnesses:
            with contextlib.suppress(AssertionError):
                tlog.open_note(note, w.vkey)
                names.add(w.name)
        return names

    def wait_for(self, count):
        """The newest checkpoint covers everything and has that many cosignatures."""
        def holds():
            note = self.newest()
            return len(self.cosigners(note)) == count and int(note.split("\n")[1]) == len(self.service.audit())
        p11kms_test.wait_until(holds, WAIT, f"{count} cosignatures")

    def verify(self, count, *words, witnesses=None):
        keys = [word for w in witnesses or self.witnesses for word in ("--witness", w.vkey)]
        done = p11kms_test.run(p11kms_test.COMMAND, "audit", "verify", self.log, "--key", self.vkey, "--json", *keys,
                               "--witnesses", count, *words, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, json.loads(done.stdout)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.service.monitor_port}/metrics", timeout=10) as answer:
            return dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))

    def test_checkpoints_are_cosigned_and_k_of_n_can_be_demanded(self):
        self.start()
        self.write(50)
        self.wait_for(3)
        status, report = self.verify(3, "--unwitnessed", "0")
        self.assertEqual(status, 0, report)
        self.assertEqual(report["witnessed"], report["covered"])
        self.assertAlmostEqual(report["witnessedTime"], time.time(), delta=60)
        self.assertEqual(int(self.metrics()["p11kms_audit_witnessed_records"]), report["witnessed"])
        stranger = witness.Witness("witness.example/w0", {})
        self.assertEqual(self.verify(1, witnesses=[stranger])[0], 6)
        self.assertEqual(self.verify(2, witnesses=[self.witnesses[0], stranger])[0], 6)
        tlog.verify(self.log, self.vkey)

    def test_a_proof_carries_the_cosignatures(self):
        self.start()
        self.write(30)
        self.wait_for(3)
        event = self.service.audit()[5]["eventID"]
        text = p11kms_test.run(p11kms_test.COMMAND, "audit", "prove", event, self.log).stdout
        words = [p11kms_test.COMMAND, "audit", "check-proof", "-", "--key", self.vkey]
        for w in self.witnesses[:2]:
            words += ["--witness", w.vkey]
        p11kms_test.run(*words, "--witnesses", "2", stdin=text)
        lines = [line for line in text.split("\n") if "witness.example/w0" not in line]
        self.assertEqual(p11kms_test.run(*words, "--witnesses", "2", stdin="\n".join(lines), check=False).returncode, 6)

    def test_failing_and_slow_witnesses_delay_nobody_and_come_back(self):
        self.witnesses[1].status = 500
        self.witnesses[2].delay = 3
        self.start()
        began = time.monotonic()
        self.write(200)
        self.assertLess(time.monotonic() - began, p11kms_test.patience(60))
        p11kms_test.wait_until(lambda: self.witnesses[0].name in self.cosigners(self.newest()), WAIT, "one cosignature")
        self.assertEqual(self.verify(1)[0], 0)
        self.assertNotIn(self.witnesses[1].name, self.cosigners(self.newest()))
        self.assertIn("witness.example/w1 does not cosign", self.service.log_text())
        failures = self.metrics()['p11kms_audit_cosignature_failures_total{witness="witness.example/w1"}']
        self.assertGreater(int(failures), 0)
        self.witnesses[1].status, self.witnesses[2].delay = None, 0
        self.write(30)
        self.wait_for(3)
        self.assertIn("witness.example/w1 cosigns again", self.service.log_text())

    def test_both_sides_may_forget_and_a_stop_leaves_a_cosigned_log(self):
        self.start()
        self.write(30)
        self.wait_for(3)
        self.witnesses[0].forget()
        self.service.restart()  # it has to be told by the others what they have
        self.write(30)
        self.wait_for(3)
        self.assertIn(409, self.witnesses[1].requests)
        self.write(7)
        self.service.stop()
        status, report = self.verify(3, "--unwitnessed", "0")
        self.assertEqual(status, 0, report)
        self.assertEqual(report["covered"], report["records"])

    def test_a_log_put_back_to_an_older_copy_is_not_cosigned_and_told(self):
        self.start()
        self.write(30)
        self.wait_for(3)
        self.service.stop()
        older = pathlib.Path(tempfile.mkdtemp(prefix="p11kms-older-"))
        self.addCleanup(shutil.rmtree, older)
        shutil.copytree(self.log, older / "log")
        self.service.start()
        self.write(60)
        self.wait_for(3)
        self.service.stop()
        shutil.rmtree(self.log)
        shutil.copytree(older / "log", self.log)
        status, said = self.service.start_in_vain()  # the log by itself is whole, but it is not what was signed last
        self.assertEqual(status, 1, said)
        self.assertIn("does not go on from the", said)
        self.service.p11kms("audit", "resume", "--because", "the disk was lost, this is the backup")
        self.service.start()
        told = "has cosigned"
        p11kms_test.wait_until(lambda: told in self.service.log_text(), WAIT, "the witnesses to be told of")
        self.assertIn("or this one was put back to an older copy", self.service.log_text())
        self.write(100)  # past what they know: another history
        p11kms_test.wait_until(lambda: 422 in self.witnesses[0].requests, WAIT, "the fork to be refused")
        self.service.stop()
        status, report = self.verify(2, "--unwitnessed", "50")
        self.assertEqual(status, 3, report)  # what was signed is gone, and the start after the decision has recorded so
        resumed = report["resumptions"][0]
        self.assertEqual((resumed["because"], resumed["atStart"], resumed["lost"]),
                         ("the disk was lost, this is the backup", True, True))
        status, report = self.verify(2, "--unwitnessed", "50", "--from", resumed["segment"])
        self.assertEqual(status, 6, report)


class Misconfigured(unittest.TestCase):
    def test_a_key_that_is_none_of_a_witness_is_refused_at_the_start(self):
        options = (", witnesses: [{url: 'http://127.0.0.1:1/w', "
                   "key: sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8}]")
        service = real.RealService(audit_options=options)
        self.addCleanup(service.close)
        status, said = service.start_in_vain()
        self.assertNotEqual(status, 0)
        self.assertIn("the key of witness http://127.0.0.1:1/w is none of a cosigner", said)


if __name__ == "__main__":
    tap.main()
