"""Disks that are full: of the audit log, of the store."""

import time
import unittest

import load as under
import small_disk
import tap
from p11kms_test import patience, wait_until
from real import RealService

wire = under.wire
MIB = 1 << 20
BOUND_MS = 500


class DiskCase(unittest.TestCase):
    def started(self, folder, size, **options):
        """A service with one of its folders on a small disk of its own."""
        self.service = RealService(**options)
        self.addCleanup(self.service.close)
        place = self.service.dir / folder
        place.mkdir()
        small_disk.mount(place, size)
        self.addCleanup(small_disk.unmount, place)
        self.filler = small_disk.Filler(place)
        return place

    def ask(self, operation, **parameters):
        started = time.monotonic()
        answer = wire.ask_unix(self.service, operation, parameters)
        return answer, time.monotonic() - started


class AuditDisk(DiskCase):
    def setUp(self):
        self.started("audit", 8 * MIB, audit_options=f", bound: {BOUND_MS}ms")
        self.service.start()

    def fill(self):
        """To the last byte, and then what is left of the log's last page."""
        self.filler.fill()
        self.wait_for_refusal()

    def wait_for_refusal(self):
        """A small record may still fit where a larger one did not."""
        def refused():
            answer, seconds = self.ask("ListKeys")
            self.assertLess(seconds, patience(BOUND_MS / 1000 + 2))
            return (answer.status, answer.code) == (500, "KMSInternalException")

        wait_until(refused, 20, "a refusal")

    def test_a_full_disk_refuses_within_the_bound_and_service_comes_back_with_space(self):
        load = under.Load(self.service, self.service.add_key("admin"), ends_with_the_connection=False)
        with load:
            load.wait_for(50)
            self.filler.fill()
            wait_until(lambda: load.refusals, 10, "the first refusal")
            time.sleep(1)
            self.assertEqual(self.service.monitor("/readyz")[0], 503)
            self.assertEqual(self.service.monitor("/healthz")[0], 200)
            self.wait_for_refusal()
            self.filler.remove()
            load.wait_for(50, 10)
        self.assertLess(load.slowest, patience(BOUND_MS / 1000 + 4))
        self.assertEqual(load.breaks, 0)
        self.assertEqual({(status, code) for _, status, code in load.refusals}, {(500, "KMSInternalException")})
        wait_until(lambda: self.service.monitor("/readyz")[0] == 200, 10, "readiness")
        load.check_answers_are_recorded(self)
        load.check_facts(self)
        self.service.restart()
        load.check_answers_are_recorded(self)
        load.check_facts(self)

    def test_nothing_of_a_refused_request_happens(self):
        self.fill()
        before = len(self.service.audit())
        refused, _ = self.ask("CreateKey", Description="refused")
        self.assertEqual(refused.status, 500)
        self.assertNotIn("KeyMetadata", refused.json)
        self.filler.remove()
        wait_until(lambda: self.ask("ListKeys")[0].status == 200, 10, "service")
        self.assertEqual(self.ask("ListKeys")[0].json["Keys"], [])
        self.assertGreaterEqual(len(self.service.audit()), before)

    def test_an_idle_service_finds_out_by_itself_that_the_log_is_back(self):
        self.fill()
        self.assertEqual(self.ask("ListKeys")[0].status, 500)
        self.assertEqual(self.service.monitor("/readyz")[0], 503)
        self.filler.remove()
        wait_until(lambda: self.service.monitor("/readyz")[0] == 200, 10, "readiness, with nobody asking")
        self.assertTrue(self.service.audit("ResumeAudit"))

    def test_it_does_not_start_on_a_full_disk_and_says_so(self):
        self.fill()
        self.service.stop()
        status, said = self.service.start_in_vain()
        self.assertNotEqual(status, 0)
        self.assertRegex(said, "audit")
        self.filler.remove()
        self.service.start()
        self.assertEqual(self.ask("ListKeys")[0].status, 200)

    def test_sigterm_on_a_full_disk_still_ends_it_soon(self):
        self.fill()
        started = time.monotonic()
        self.service.stop()
        self.assertLess(time.monotonic() - started, patience(10))


class AuditReserve(DiskCase):
    def test_strangers_do_not_get_the_last_of_the_room(self):
        self.started("audit", 8 * MIB)
        self.service.start()
        stranger = wire.request_for(self.service, "ListKeys", {})  # not signed

        def refusal():
            answer = wire.send(self.service, stranger)
            return answer.status, answer.code

        self.assertEqual(refusal(), (400, "MissingAuthenticationTokenException"))
        self.filler.leave(8 * MIB // 20 - 65536)
        wait_until(lambda: refusal() == (503, "ServiceUnavailable"), 10, "the reserve to be kept")
        before = len(self.service.audit())
        self.assertEqual({refusal() for _ in range(200)}, {(503, "ServiceUnavailable")})
        self.assertEqual(len(self.service.audit()), before)
        self.assertEqual(self.ask("ListKeys")[0].status, 200)  # acts have their records
        self.assertEqual(self.ask("CreateKey")[0].status, 200)
        self.assertEqual(self.service.monitor("/readyz")[0], 200)
        self.filler.remove()
        wait_until(lambda: self.service.audit("RequestsRefused"), 10, "the summary, as there is room again")
        self.assertGreaterEqual(self.service.audit("RequestsRefused")[0]["serviceEventDetails"]["noRoom"], 200)
        self.assertEqual(refusal(), (400, "MissingAuthenticationTokenException"))


class StoreDisk(DiskCase):
    def test_a_full_disk_refuses_changes_alone_and_loses_none(self):
        place = self.started("small", 2 * MIB)
        self.service.store = "small/store.db"
        self.service.write_conf()
        self.service.start()
        load = under.Load(self.service, self.service.add_key("admin"), ends_with_the_connection=False)
        with load:
            load.wait_for(30)
            self.filler.fill()
            wait_until(lambda: [refusal for refusal in load.refusals if refusal[0] == "CreateKey"], 20, "a refusal")
            self.assertEqual(self.ask("Encrypt", KeyId=load.key, Plaintext="eA==")[0].status, 200)
            self.assertEqual(self.ask("ListKeys")[0].status, 200)
            self.filler.remove()
            load.wait_for(30)
        self.assertEqual({(status, code) for _, status, code in load.refusals}, {(500, "KMSInternalException")})
        self.assertNotIn("GenerateDataKey", {operation for operation, _, _ in load.refusals})
        load.check_answers_are_recorded(self)
        load.check_facts(self)
        self.service.kill()
        self.service.start()
        load.check_facts(self)
        self.assertTrue(place.exists())


if __name__ == "__main__":
    tap.main()
