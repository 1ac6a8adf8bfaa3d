"""An audit log that is tampered with under the daemon, and one that is killed: what it says afterwards is proven."""

import os
import subprocess
import time
import unittest

import load as under
import tap
from p11kms_test import COMMAND, patience, run, wait_until
from real import RealService

wire = under.wire
# The promise is a second; the watch looks five times in one (src/audit/guard.c). The rest is for a busy machine.
NOTICED_SECONDS = 3
SEGMENT = "audit-0000000001.jsonl"


class TamperCase(unittest.TestCase):
    def started(self, **options):
        self.service = RealService(**options)
        self.addCleanup(self.service.close)
        self.service.start()
        self.log = self.service.dir / "audit"
        self.segment = self.log / SEGMENT

    def ask(self, operation="ListKeys", **parameters):
        return wire.ask_unix(self.service, operation, parameters)

    def verify(self, check=True):
        """`p11kms audit verify`, with the key as it was told while all was well."""
        return run(COMMAND, "audit", "verify", self.log, "--key", self.key, env=self.service.environment(), check=check)

    def keep_key(self):
        self.key = self.service.p11kms("audit", "key").stdout.strip()

    def assert_refused(self, began):
        """Soon from then on nothing is answered any more, and readiness says why."""
        while self.ask().status == 200:
            self.assertLess(time.monotonic() - began, patience(NOTICED_SECONDS))
        for operation in ("ListKeys", "GenerateRandom", "CreateKey"):
            answer = self.ask(operation, **({"NumberOfBytes": 8} if operation == "GenerateRandom" else {}))
            self.assertEqual((answer.status, answer.code), (500, "KMSInternalException"), operation)
        status, why = self.service.monitor("/readyz")
        self.assertEqual(status, 503)
        return why

    def resume(self, because, check=True):
        return self.service.p11kms("audit", "resume", "--because", because, check=check)


class Tampering(TamperCase):
    def setUp(self):
        self.started()
        self.keep_key()
        for _ in range(5):
            self.ask()

    def assert_resumes(self):
        before = len(self.service.audit("AuditResumed"))
        self.resume("the disk was being mended")
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(self.service.monitor("/readyz")[0], 200)
        resumed = self.service.audit("AuditResumed")
        self.assertEqual(len(resumed), before + 1)
        details = resumed[-1]["serviceEventDetails"]
        self.assertEqual(details["because"], "the disk was being mended")
        self.assertRegex(details["by"], "user/admin$")
        self.assertEqual(self.service.audit("ResumeAudit")[-1]["requestParameters"],
                         {"because": "the disk was being mended"})
        return details

    def test_a_removed_segment_refuses_service_until_somebody_decides(self):
        self.segment.unlink()
        self.assertRegex(self.assert_refused(time.monotonic()), f"{SEGMENT} was removed")
        self.assertRegex(self.assert_resumes()["found"], f"{SEGMENT} was removed")
        self.service.restart()
        self.assertEqual(self.ask().status, 200)

    def test_a_cut_segment_refuses_service_and_the_verifier_sees_it(self):
        self.ask()
        os.truncate(self.segment, 100)
        self.assertRegex(self.assert_refused(time.monotonic()), f"{SEGMENT} was cut")
        self.assert_resumes()
        self.service.restart()
        self.assertEqual(self.ask().status, 200)
        self.service.stop()
        self.assertNotEqual(self.verify(check=False).returncode, 0)

    def test_a_replaced_segment_refuses_service(self):
        text = self.segment.read_bytes()
        other = self.log / "other"
        other.write_bytes(text.replace(b"ListKeys", b"ListKeyz"))
        began = time.monotonic()
        other.rename(self.segment)
        self.assertRegex(self.assert_refused(began), f"{SEGMENT} was re")
        self.assert_resumes()

    def test_an_edited_record_refuses_service_even_while_it_is_written(self):
        load = under.Load(self.service, self.service.add_key("admin"), writers=1)
        with load:
            load.wait_for(50)
            began = time.monotonic()
            with open(self.segment, "r+b") as file:
                file.seek(100)
                file.write(b"#")
            self.assertRegex(self.assert_refused(began), f"{SEGMENT} was edited")

    def test_a_moved_folder_refuses_service(self):
        began = time.monotonic()
        away = self.log.rename(self.log.with_name("away"))
        self.assertRegex(self.assert_refused(began), "audit was removed")
        away.rename(self.log)
        self.assert_resumes()

    def test_a_stopped_log_refuses_the_next_start_until_somebody_decides_offline(self):
        with open(self.segment, "ab") as file:
            file.write(b'{"eventName":"Forged"}\n')
        self.assert_refused(time.monotonic())
        self.service.stop()
        status, said = self.service.start_in_vain()
        self.assertNotEqual(status, 0)
        self.assertRegex(said, f'{SEGMENT} was written to by somebody else.*p11kms audit resume --because')
        self.resume("looked into it")
        self.assertEqual(self.resume("once more", check=False).returncode, 1)  # there is nothing to decide any more
        self.service.start()
        self.assertEqual(self.ask().status, 200)
        details = self.service.audit("AuditResumed")[-1]["serviceEventDetails"]
        self.assertEqual(details["by"], f"uid {os.getuid()}")

    def test_a_decision_has_a_reason_that_can_be_read(self):
        for blank in ("   ", "\t\n", "\x1b\x07", "\u00a0\u3000\u200b"):
            refused = self.resume(blank, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("--because says why", refused.stderr)
            answer = wire.ask_unix(self.service, "ResumeAudit", {"Because": blank}, "p11kms")  # who comes past the command line
            self.assertEqual((answer.status, answer.code), (400, "ValidationException"), ascii(blank))

    def test_only_who_may_resumes(self):
        app = self.service.add_key("app")
        self.assertEqual(self.resume("there is nothing to do", check=False).returncode, 1)
        self.segment.unlink()
        self.assert_refused(time.monotonic())
        answer = wire.ask(self.service, "ResumeAudit", {"Because": "I say so"}, "p11kms", credentials=app)
        self.assertEqual(answer.status, 500)  # the refusal cannot be recorded
        self.assertEqual(self.ask().status, 500)
        self.assert_resumes()


class Killed(TamperCase):
    def test_kill_9_at_any_moment_leaves_a_log_that_is_proven(self):
        self.started(audit_options=", segment-size: 1MiB, checkpoint-records: 20")
        self.keep_key()
        credentials = self.service.add_key("admin")
        for _ in range(5):
            load = under.Load(self.service, credentials, writers=1)
            with load:
                load.wait_for(300, 60)
                self.service.kill()
            self.service.start()
            load.check_answers_are_recorded(self)
        self.service.stop()
        self.assertRegex(self.verify().stdout, "as they were logged")

    def test_checkpoints_follow_records_and_metrics_tell_of_them(self):
        self.started(audit_options=", checkpoint-interval: 1s")
        self.ask()
        wait_until(lambda: "p11kms_audit_records_since_checkpoint 0" in self.service.monitor("/metrics")[1], 5,
                   "a checkpoint")
        metrics = dict(line.rsplit(" ", 1) for line in self.service.monitor("/metrics")[1].splitlines()
                       if line.startswith("p11kms_audit_"))
        self.assertGreater(int(metrics["p11kms_audit_tree_size"]), 1)
        self.assertGreaterEqual(float(metrics["p11kms_audit_checkpoint_age_seconds"]), 0)
        self.assertEqual(int(metrics["p11kms_audit_checkpoint_failures_total"]), 0)


def append_only_works(folder):
    probe = folder / "probe"
    probe.touch()
    works = subprocess.run(["chattr", "+a", probe], capture_output=True, check=False).returncode == 0
    subprocess.run(["chattr", "-a", probe], capture_output=True, check=False)
    probe.unlink()
    return works


class AppendOnly(TamperCase):
    def setUp(self):
        self.service = RealService()
        self.addCleanup(self.service.close)
        if not append_only_works(self.service.root):
            self.skipTest("neither these privileges nor this file system have chattr +a")
        self.service.append_flag = "true"
        self.service.write_conf()
        self.log = self.service.dir / "audit"
        self.addCleanup(lambda: subprocess.run(["chattr", "-R", "-a", self.log], check=False))
        self.service.start()

    def test_the_kernel_refuses_all_but_appending(self):
        segment = self.log / SEGMENT
        wait_until(lambda: (self.log / "checkpoint").exists(), 10, "the first checkpoint")
        for file in (segment, self.log / "audit-0000000001.notes"):
            self.assertRaises(OSError, file.unlink)
            self.assertRaises(OSError, file.rename, self.log / "moved")
            self.assertRaises(OSError, os.truncate, file, 0)
            self.assertRaises(OSError, open, file, "r+b")
        self.assertEqual(self.ask().status, 200)
        self.service.kill()
        with open(segment, "ab") as file:
            file.write(b'{"half')  # as a crash leaves it: a start cuts it all the same
        self.service.start()
        self.assertEqual(self.ask().status, 200)
        self.assertEqual((self.log / "torn-0001").read_bytes(), b'{"half')
        self.assertRaises(OSError, os.truncate, segment, 0)


if __name__ == "__main__":
    tap.main()
