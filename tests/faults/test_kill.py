"""p11kmsd killed under load: every acknowledged change is there, and every answered request is in the log."""

import random
import time
import unittest

import load as under
import tap
from p11kms_test import ADMIN, Service, patience, wait_until
from real import RealService, alive, children_of, mock_service, objects_on

ROUNDS = 6


class Killed(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.service.start()

    def load(self, **options):
        return under.Load(self.service, ADMIN, **options)

    def test_kill_9_loses_nothing_that_was_acknowledged(self):
        chance = random.Random(20240)
        for turn in range(ROUNDS):
            load = self.load()
            with load:
                load.wait_for(20)
                time.sleep(chance.uniform(0, 0.4))
                hosts = children_of(self.service.process.pid)
                self.service.kill()
            wait_until(lambda: not any(map(alive, hosts)), what="the token host's end")
            self.service.start()
            load.check_answers_are_recorded(self)
            load.check_facts(self)
            self.assertEqual(load.refusals, [])
            self.assertEqual(objects_on(self.service, "p11kms-dev"), load.materials() + 2, f"in round {turn}")

    def test_kill_9_at_any_moment_of_a_start_leaves_token_store_and_log_whole(self):
        """SoftHSM rewrites the token's own file at login: whoever cuts that short loses every key."""
        load = self.load(readers=1)
        with load:
            load.wait_for(20)
            self.service.kill()
        for i in range(40):
            self.service.begin()
            time.sleep(0.0015 * i)
            self.service.kill()
        self.service.start()
        load.check_answers_are_recorded(self)
        load.check_facts(self)

    def test_a_host_that_hangs_in_its_module_does_not_outlive_a_killed_daemon_for_long(self):
        service = mock_service({"MOCK_FAULTS": "hang-login"})
        self.addCleanup(service.close)
        service.begin()
        wait_until(lambda: (service.mock / "attempts").exists(), what="the login that hangs")
        [host] = children_of(service.process.pid)
        service.kill()
        self.assertTrue(alive(host))
        wait_until(lambda: not alive(host), 10, "the host's end")

    def test_a_start_after_kill_9_is_quick_and_tells_of_no_damage(self):
        load = self.load()
        with load:
            load.wait_for(100)
            self.service.kill()
        started = time.monotonic()
        self.service.start()
        self.assertLess(time.monotonic() - started, patience(5))
        self.assertNotRegex(self.service.log_text(), r"damage|corrupt|malformed")


class Segments(unittest.TestCase):
    """The log's files change while it is written; small ones, so that they change often."""

    def test_no_record_is_lost_where_one_segment_ends_and_the_next_begins(self):
        service = RealService(audit_options=", segment-size: 1MiB")
        self.addCleanup(service.close)
        service.start()
        load = under.Load(service, service.add_key("admin"), writers=1)
        for _ in range(3):
            with load:
                load.wait_for(700, 60)
                service.kill()
            service.start()
            load.check_answers_are_recorded(self)
            load = under.Load(service, load.credentials, writers=1)
        self.assertGreaterEqual(len(list((service.dir / "audit").glob("audit-*.jsonl"))), 3)


class Stopped(unittest.TestCase):
    def test_sigterm_under_load_loses_no_answered_request_and_ends_soon_with_0(self):
        for _ in range(3):
            service = Service()
            self.addCleanup(service.close)
            service.start()
            load = under.Load(service, ADMIN)
            with load:
                load.wait_for(50)
                hosts = children_of(service.process.pid)
                started = time.monotonic()
                self.assertEqual(service.stop(), 0)
                self.assertLess(time.monotonic() - started, patience(5))
            self.assertFalse(any(map(alive, hosts)))
            self.assertNotIn("error", service.log_text())
            service.start()
            load.check_answers_are_recorded(self)
            load.check_facts(self)
            self.assertEqual([refusal for refusal in load.refusals if refusal[1] != 503], [])
            events = [record["eventName"] for record in service.audit() if record["eventType"] == "AwsServiceEvent"]
            self.assertEqual(events[:3], ["StartService", "StopService", "StartService"])

    def test_sigterm_while_nothing_happens_is_immediate(self):
        service = Service()
        self.addCleanup(service.close)
        service.start()
        idle = under.wire.connect(service)
        idle.connect()
        self.addCleanup(idle.close)
        started = time.monotonic()
        self.assertEqual(service.stop(), 0)
        self.assertLess(time.monotonic() - started, patience(2))


if __name__ == "__main__":
    tap.main()
