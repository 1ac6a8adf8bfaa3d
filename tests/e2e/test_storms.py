"""More signals and connections at once than anybody means well by."""

import contextlib
import os
import pathlib
import signal
import socket
import threading
import time
import unittest
import urllib.parse

import p11kms_test
import tap
import wire

DECLARED = 20
SEED = p11kms_test.SEED + "keys:\n" + "".join(
    f'  - {{account: "123456789012", alias: alias/declared-{i}, description: "d"}}\n' for i in range(DECLARED))


@contextlib.contextmanager
def many_signals(service, signum):
    """As many as a process takes, from its first moment on."""
    over = threading.Event()

    def send():
        while not over.wait(0.001):
            process = service.process
            if process and process.poll() is None:
                process.send_signal(signum)

    before = signal.signal(signum, signal.SIG_IGN)  # and so in the daemon, until it handles it
    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        signal.signal(signum, before)


class Signals(unittest.TestCase):
    def service(self, seed=SEED):
        service = p11kms_test.Service(seed)
        self.addCleanup(service.close)
        return service

    def test_reloads_while_it_starts_make_each_declared_key_once(self):
        service = self.service()
        with many_signals(service, signal.SIGHUP):
            service.start()
        self.assertEqual(len(service.kms().list_keys()["Keys"]), DECLARED)
        self.assertEqual(len(service.audit("CreateDeclaredKey")), DECLARED)
        self.assertEqual(service.stop(), 0)

    def test_a_second_order_to_stop_changes_nothing(self):
        service = self.service(p11kms_test.SEED).start()
        for _ in range(100):
            service.process.send_signal(signal.SIGTERM)
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(service.audit("StopService")), 1)


class Stops(p11kms_test.ServiceCase):
    def test_a_stop_does_not_wait_for_a_token_that_hangs(self):
        tasks = pathlib.Path(f"/proc/{self.service.process.pid}/task").glob("*/children")
        [host] = [int(pid) for children in tasks for pid in children.read_text().split()]
        os.kill(host, signal.SIGSTOP)
        connection = wire.connect(self.service)
        self.addCleanup(connection.close)
        request = wire.sign(wire.request_for(self.service, "CreateKey", {}))
        connection.request("POST", "/", body=request.data, headers=dict(request.headers.items()))
        time.sleep(0.5)  # now it waits for the token
        before = time.monotonic()
        self.assertEqual(self.service.stop(), 0)
        self.assertLess(time.monotonic() - before, 25)  # stop-timeout is 10 s


class Connections(p11kms_test.ServiceCase):
    def flood(self):
        url = urllib.parse.urlsplit(self.service.url)
        for _ in range(1024):
            silent = socket.create_connection((url.hostname, url.port))
            self.addCleanup(silent.close)
        time.sleep(1.1)

    def test_who_says_nothing_keeps_nobody_out(self):
        self.flood()
        self.assertEqual(wire.ask(self.service, "ListKeys").status, 200)
        self.assertEqual(wire.ask_unix(self.service, "ListKeys").status, 200)
        monitor = urllib.parse.urlsplit(self.service.env["P11KMS_MONITOR_URL"])
        with socket.create_connection((monitor.hostname, monitor.port), timeout=10) as health:
            health.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(health.recv(4096).startswith(b"HTTP/1.1 200 "))


if __name__ == "__main__":
    tap.main()
