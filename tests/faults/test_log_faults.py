"""The disk of the audit log fails in every way it can: no answer without its record, none that hangs past its bound,
and a start that mends or says what to do. Full disks are in test_disks.py, kills in test_kill.py."""

import datetime
import errno
import json
import os
import time
import unittest

import load as under
import p11kms_test
import small_disk
import tap
from p11kms_test import patience, wait_until
from real import RealService

wire = under.wire
MIB = 1 << 20
BOUND_MS = 500
PATIENCE = BOUND_MS / 1000 + 2  # a watchdog on a busy machine
BAD_MACHINE = p11kms_test.BUILD / "tests" / "faults" / ".libs" / "bad_machine.so"


class LogCase(unittest.TestCase):
    options = ""

    def setUp(self):
        self.answered = []
        self.service = RealService(audit_options=f", bound: {BOUND_MS}ms{self.options}")
        self.addCleanup(self.service.close)
        self.folder = self.service.dir / "audit"
        self.folder.mkdir()
        self.prepare()
        self.service.start()

    def prepare(self):
        """Before the start."""

    def ask(self, operation="ListKeys", **parameters):
        """One request over the Unix socket, answered within the bound."""
        begun = time.monotonic()
        answer = wire.ask_unix(self.service, operation, parameters)
        self.assertLess(time.monotonic() - begun, patience(PATIENCE))
        if answer.status != 500:
            self.answered.append(answer.request_id)
        return answer

    def refuses(self):
        answer = self.ask()
        return (answer.status, answer.code) == (500, "KMSInternalException")

    def serves(self):
        return self.ask().status == 200

    def is_ready(self):
        return self.service.monitor("/readyz")[0] == 200

    def wait_for_refusal(self):
        wait_until(self.refuses, 20, "a refusal")
        self.assertFalse(self.is_ready())
        self.assertEqual(self.service.monitor("/healthz")[0], 200)

    def wait_for_service(self):
        wait_until(self.is_ready, 20, "readiness, with nobody asking")
        self.assertTrue(self.serves())

    def check_records(self):
        """Every answer that left has its record, and every line is one."""
        recorded = {record["requestID"] for record in self.service.audit()}
        self.assertEqual([one for one in self.answered if one not in recorded], [])


class FullOfFiles(LogCase):
    options = ", segment-size: 1MiB"
    inodes = 96

    def prepare(self):
        small_disk.mount(self.folder, 64 * MIB, self.inodes)
        self.addCleanup(small_disk.unmount, self.folder)

    def take_all_inodes(self):
        for i in range(self.inodes):
            try:
                (self.folder / f"filler-{i}").touch()
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
                return
        self.fail("there is no end of inodes")

    def test_the_next_segment_cannot_be_begun_until_a_file_goes(self):
        self.assertTrue(self.serves())
        self.take_all_inodes()
        text = "x" * 7000  # so that a segment is soon full
        for _ in range(400):
            if self.ask("DescribeKey", KeyId="a" * 2000, GrantTokens=[text]).status == 500:
                break
            self.ask("Encrypt", KeyId="none", Plaintext="eA==", EncryptionContext={str(i): "v" * 1000 for i in range(7)})
        self.wait_for_refusal()
        self.assertIn("No space left on device", self.service.monitor("/readyz")[1])
        for filler in self.folder.glob("filler-*"):
            filler.unlink()
        self.wait_for_service()
        self.assertGreater(len(list(self.folder.glob("audit-*.jsonl"))), 1)
        self.check_records()


class FailingDisk(LogCase):
    def prepare(self):
        self.disk = small_disk.Image(self.service.root / "image", self.folder, 32 * MIB)
        self.addCleanup(self.disk.unmount)

    def mended(self):
        """The service is started again on the disk as it is after a check."""
        self.service.stop()
        self.disk.unmount()
        self.disk.mount()
        self.service.start()
        self.assertTrue(self.serves())
        self.check_records()

    def test_a_file_system_that_turns_read_only_refuses_and_says_so(self):
        for _ in range(20):
            self.assertTrue(self.serves())
        self.disk.turn_read_only()
        self.wait_for_refusal()
        self.assertIn("Read-only file system", self.service.monitor("/readyz")[1])
        self.service.stop()
        status, said = self.service.start_in_vain()
        self.assertNotEqual(status, 0)
        self.assertRegex(said, "audit.*Read-only file system")
        self.mended()

    def test_a_file_system_that_breaks_down_refuses_and_says_so(self):
        for _ in range(20):
            self.assertTrue(self.serves())
        self.disk.break_down()
        self.wait_for_refusal()
        self.assertIn("Input/output error", self.service.monitor("/readyz")[1])
        self.service.stop()
        status, said = self.service.start_in_vain()
        self.assertNotEqual(status, 0)
        self.assertRegex(said, "audit.*Input/output error")
        self.mended()


@unittest.skipUnless(BAD_MACHINE.exists(), f"{BAD_MACHINE} is not built: make check builds it")
class BadMachine(LogCase):
    def prepare(self):
        self.machine = self.service.root / "machine"
        self.set()
        self.service.extra_environment |= {"LD_PRELOAD": str(BAD_MACHINE), "BAD_MACHINE": str(self.machine),
                                           "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def set(self, sync_ms=0, sync_errno=0, clock_seconds=0):
        beside = self.machine.with_suffix(".new")
        beside.write_text(f"{sync_ms} {sync_errno} {clock_seconds}", encoding="ascii")
        os.replace(beside, self.machine)

    def test_a_disk_that_takes_seconds_refuses_at_the_bound_and_service_comes_back(self):
        self.assertTrue(self.serves())
        self.set(sync_ms=3000)
        begun = time.monotonic()
        self.assertTrue(self.refuses())
        self.assertGreater(time.monotonic() - begun, BOUND_MS / 1000 * 0.9)
        self.assertTrue(self.refuses())
        self.assertRegex(self.service.monitor("/readyz")[1], f"not answered for {BOUND_MS} ms")
        self.set()
        self.wait_for_service()
        self.check_records()

    def test_a_disk_slower_than_usual_but_in_time_serves(self):
        self.set(sync_ms=150)
        begun = time.monotonic()
        self.assertTrue(all(self.serves() for _ in range(5)))
        self.assertGreater(time.monotonic() - begun, 5 * 0.15)
        self.assertTrue(self.is_ready())
        self.check_records()

    def test_it_stops_soon_though_the_disk_does_not_answer(self):
        self.set(sync_ms=60000)
        self.assertTrue(self.refuses())
        begun = time.monotonic()
        self.service.stop()
        self.assertLess(time.monotonic() - begun, patience(10))
        self.set()
        self.service.start()
        self.assertTrue(self.serves())
        self.check_records()

    def test_syncs_that_fail_refuse_and_leave_what_was_acknowledged(self):
        self.assertTrue(self.serves())
        self.set(sync_errno=errno.EIO)
        self.wait_for_refusal()
        self.assertIn("Input/output error", self.service.monitor("/readyz")[1])
        self.set()
        self.wait_for_service()
        self.check_records()
        self.service.restart()
        self.check_records()

    def test_a_clock_set_back_changes_dates_alone(self):
        key = self.ask("CreateKey").json["KeyMetadata"]["KeyId"]
        hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        self.set(clock_seconds=-3600)
        self.assertEqual(self.ask("DescribeKey", KeyId=key).status, 200)
        self.assertEqual(self.ask("CreateKey").status, 200)
        events = [(record["eventName"], record["eventTime"]) for record in self.service.audit()]
        self.assertEqual([name for name, _ in events[-3:]], ["CreateKey", "DescribeKey", "CreateKey"])  # in order
        self.assertGreater(events[-3][1], events[-2][1])  # as the clock said
        self.assertLess(abs(datetime.datetime.fromisoformat(events[-1][1]) - hour_ago).total_seconds(), 60)
        self.assertTrue(self.is_ready())
        self.service.restart()
        self.assertTrue(self.serves())
        self.set()
        self.service.restart()
        self.assertTrue(self.serves())
        self.check_records()


class OtherWriters(LogCase):
    def test_a_second_service_on_the_folder_is_refused_and_the_first_goes_on(self):
        second = RealService(audit_options="", top="")
        self.addCleanup(second.close)
        second.conf.write_text(second.conf.read_text().replace("{dir: audit", f"{{dir: {self.folder}"))
        self.assertIn(str(self.folder), second.conf.read_text())
        status, said = second.start_in_vain()
        self.assertNotEqual(status, 0)
        self.assertRegex(said, f"another process writes the log in {self.folder}: stop it, or give")
        self.assertTrue(self.serves())
        self.service.kill()
        self.service.start()  # a lock that outlived its holder would be in the way
        self.assertTrue(self.serves())
        self.check_records()

    def test_a_line_that_a_crash_tore_is_cut_off_and_kept(self):
        self.assertTrue(self.serves())
        self.service.kill()
        newest = sorted(self.folder.glob("audit-*.jsonl"))[-1]
        before = newest.read_bytes()
        with open(newest, "ab") as segment:
            segment.write(b'{"eventVersion":"1.11","torn":"\xc3')
        self.service.start()
        self.assertTrue(newest.read_bytes().startswith(before + b"{"))
        self.assertEqual([path.read_bytes() for path in self.folder.glob("torn-*")],
                         [b'{"eventVersion":"1.11","torn":"\xc3'])
        self.assertTrue(self.serves())
        self.check_records()
        for line in newest.read_bytes().splitlines():
            json.loads(line)


if __name__ == "__main__":
    tap.main()
