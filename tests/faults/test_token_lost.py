"""The token fails: its host is killed, hangs, the hardware goes away, the PIN is wrong."""

import contextlib
import os
import pathlib
import signal
import sqlite3
import time
import unittest

import load as under
import tap
from p11kms_test import ADMIN, Service, patience, wait_until
from real import RealService, alive, children_of, mock_service, objects_on

wire = under.wire
BACK_SECONDS = 10


class HostCase(unittest.TestCase):
    def host(self):
        found = []

        def one():
            found[:] = children_of(self.service.process.pid)
            return len(found) == 1

        wait_until(one, BACK_SECONDS, "one token host")
        return found[0]

    def check(self, load):
        load.check_refusals_may_be_repeated(self)
        load.check_answers_are_recorded(self)
        self.assertEqual(load.breaks, 0, "connections broke")
        load.check_facts(self)


class HostKilled(HostCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.service.start()

    def test_service_comes_back_by_itself_within_seconds(self):
        load = under.Load(self.service, ADMIN, ends_with_the_connection=False)
        with load:
            for _ in range(4):
                load.wait_for(30)
                os.kill(self.host(), signal.SIGKILL)
                started = time.monotonic()
                load.wait_for(30, BACK_SECONDS)
                self.assertLess(time.monotonic() - started, patience(BACK_SECONDS))
        self.check(load)

    def test_what_was_in_flight_is_answered_at_once_and_never_hangs(self):
        load = under.Load(self.service, ADMIN, writers=0, readers=8, ends_with_the_connection=False)
        with load:
            load.wait_for(50)
            os.kill(self.host(), signal.SIGKILL)
            load.wait_for(50)
        self.assertLess(load.slowest, patience(4))
        self.check(load)

    def test_what_needs_no_token_goes_on_meanwhile(self):
        key = wire.ask(self.service, "CreateKey").json["KeyMetadata"]["KeyId"]
        host = self.host()
        os.kill(host, signal.SIGSTOP)
        self.addCleanup(lambda: alive(host) and os.kill(host, signal.SIGKILL))
        for operation, parameters in (("DescribeKey", {"KeyId": key}), ("ListKeys", {}),
                                      ("GenerateRandom", {"NumberOfBytes": 32}), ("DisableKey", {"KeyId": key}),
                                      ("TagResource", {"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": "b"}]})):
            started = time.monotonic()
            self.assertEqual(wire.ask(self.service, operation, parameters).status, 200, operation)
            self.assertLess(time.monotonic() - started, patience(2), operation)


class HostHangs(HostCase):
    def test_a_stopped_host_is_replaced_after_its_deadline(self):
        self.service = RealService(token_options="operation-deadline: 500ms\n    slow-deadline: 1s")
        self.addCleanup(self.service.close)
        self.service.start()
        load = under.Load(self.service, self.service.add_key("admin"), ends_with_the_connection=False)
        with load:
            load.wait_for(30)
            stopped = self.host()
            os.kill(stopped, signal.SIGSTOP)
            load.wait_for(30, BACK_SECONDS)
        self.assertFalse(alive(stopped))
        self.assertLess(load.slowest, patience(5))
        self.check(load)


    def test_what_a_creation_that_was_cut_off_left_is_gone_without_a_restart(self):
        self.service = RealService(token_options="operation-deadline: 500ms\n    slow-deadline: 1s")
        self.addCleanup(self.service.close)
        self.service.start()
        objects = objects_on(self.service, "prod")
        os.kill(self.host(), signal.SIGSTOP)
        answer = wire.ask_unix(self.service, "CreateKey")
        self.assertEqual((answer.status, answer.code), (500, "DependencyTimeoutException"))
        wait_until(lambda: self.service.audit("DeleteUnfinishedObjects"), BACK_SECONDS, "the object's end")
        with contextlib.closing(sqlite3.connect(f"file:{self.service.dir / 'store.db'}?mode=ro", uri=True)) as store:
            self.assertEqual(store.execute("SELECT count(*) FROM intent").fetchone(), (0,))
        self.assertEqual(objects_on(self.service, "prod"), objects)
        self.assertEqual(wire.ask_unix(self.service, "CreateKey").status, 200)


class TokenGone(HostCase):
    def test_a_token_that_goes_away_and_comes_back_serves_again(self):
        self.service = RealService()
        self.addCleanup(self.service.close)
        self.service.start()
        load = under.Load(self.service, self.service.add_key("admin"), ends_with_the_connection=False)
        tokens, away = self.service.dir / "tokens", self.service.dir / "tokens.away"
        with load:
            load.wait_for(30)
            tokens.rename(away)
            time.sleep(1)
            os.kill(self.host(), signal.SIGKILL)
            time.sleep(1)
            away.rename(tokens)
            load.wait_for(50, 20)
        self.assertLess(load.slowest, patience(10))
        self.check(load)
        wait_until(lambda: self.service.monitor("/readyz")[0] == 200, BACK_SECONDS, "readiness")

    def test_while_it_is_away_that_is_told(self):
        self.service = RealService()
        self.addCleanup(self.service.close)
        self.service.start()
        key = wire.ask_unix(self.service, "CreateKey").json["KeyMetadata"]["KeyId"]
        self.assertEqual(self.service.monitor("/readyz")[0], 200)
        (self.service.dir / "tokens").rename(self.service.dir / "tokens.away")
        os.kill(self.host(), signal.SIGKILL)
        wait_until(lambda: self.service.monitor("/readyz")[0] == 503, BACK_SECONDS, "a word that it is not ready")
        self.assertEqual(self.service.monitor("/healthz")[0], 200)
        answer = wire.ask_unix(self.service, "Encrypt", {"KeyId": key, "Plaintext": "eA=="})
        self.assertEqual((answer.status, answer.code), (500, "KeyUnavailableException"))
        answer = wire.ask_unix(self.service, "CreateKey")
        self.assertEqual((answer.status, answer.code), (500, "DependencyTimeoutException"))
        (self.service.dir / "tokens.away").rename(self.service.dir / "tokens")
        wait_until(lambda: self.service.monitor("/readyz")[0] == 200, 20, "readiness")
        self.assertEqual(wire.ask_unix(self.service, "Encrypt", {"KeyId": key, "Plaintext": "eA=="}).status, 200)


class WrongPin(HostCase):
    def attempts(self):
        return int((self.service.mock / "attempts").read_text(encoding="ascii"))

    def lose_host(self):
        os.kill(self.host(), signal.SIGKILL)

    def reload(self):
        before = self.attempts()
        self.service.reload()
        return before

    def test_a_refused_pin_is_tried_once_a_change(self):
        self.service = mock_service()
        self.addCleanup(self.service.close)
        self.service.start()
        key = wire.ask_unix(self.service, "CreateKey").json["KeyMetadata"]["KeyId"]
        self.assertEqual(self.attempts(), 1)
        self.service.write_pin("mock", "wrong")
        self.lose_host()
        wait_until(lambda: self.attempts() == 2, BACK_SECONDS, "the login that fails")
        time.sleep(2)
        for _ in range(5):
            answer = wire.ask_unix(self.service, "Encrypt", {"KeyId": key, "Plaintext": "eA=="})
            self.assertEqual((answer.status, answer.code), (400, "KMSInvalidStateException"))
            self.assertTrue(answer.message.endswith(f"key/{key} is unavailable."), answer.message)
        self.assertEqual(self.attempts(), 2)
        self.assertEqual(self.service.monitor("/readyz")[0], 503)
        self.assertRegex(self.service.monitor("/readyz")[1], "PIN")

        self.service.write_pin("mock", "wrong again")
        self.reload()
        wait_until(lambda: self.attempts() == 3, BACK_SECONDS, "the login that fails again")
        time.sleep(1)
        self.assertEqual(self.attempts(), 3)

        self.service.write_pin("mock", "1234")
        time.sleep(0.5)
        self.assertEqual(self.attempts(), 3, "nobody has said that the PIN is mended")
        self.reload()
        wait_until(lambda: wire.ask_unix(self.service, "Encrypt", {"KeyId": key, "Plaintext": "eA=="}).status == 200,
                   BACK_SECONDS, "the login that works")
        self.assertEqual(self.attempts(), 4)
        self.assertEqual(self.service.monitor("/readyz")[0], 200)

    def test_reloads_without_a_reason_log_nobody_in(self):
        self.service = mock_service()
        self.addCleanup(self.service.close)
        self.service.start()
        for _ in range(5):
            self.service.reload()
        self.assertEqual(self.attempts(), 1)

    def test_softhsm_with_its_pin_mended_serves_again(self):
        self.service = RealService()
        self.addCleanup(self.service.close)
        self.service.start()
        key = wire.ask_unix(self.service, "CreateKey").json["KeyMetadata"]["KeyId"]
        self.service.write_pin("prod", "nonsense")
        self.lose_host()
        wait_until(lambda: "PIN" in self.service.log_text(), BACK_SECONDS, "a word about the PIN")
        self.assertNotIn("nonsense", self.service.log_text())
        self.service.write_pin("prod", self.service.pins["prod"])
        self.service.reload()
        wait_until(lambda: wire.ask_unix(self.service, "Encrypt", {"KeyId": key, "Plaintext": "eA=="}).status == 200,
                   BACK_SECONDS, "service")


class Metrics(unittest.TestCase):
    def test_restarts_are_counted(self):
        service = RealService()
        self.addCleanup(service.close)
        service.start()
        os.kill(children_of(service.process.pid)[0], signal.SIGKILL)
        wait_until(lambda: 'p11kms_token_restarts_total{token="prod"} 1' in service.monitor("/metrics")[1],
                   BACK_SECONDS, "the count")
        wait_until(lambda: 'p11kms_token_ready{token="prod"} 1' in service.monitor("/metrics")[1], BACK_SECONDS,
                   "readiness")
        self.assertTrue(pathlib.Path(f"/proc/{service.process.pid}").exists())


if __name__ == "__main__":
    tap.main()
