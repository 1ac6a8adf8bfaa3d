"""Clients that hold connections, drip bytes, send too much or nonsense; others must not notice."""

import socket
import ssl
import time
import unittest

import load as under
import tap
from p11kms_test import patience, wait_until
from real import RealService

wire = under.wire
LIMITS = """
limits:
  connections: 40
  header-timeout: 1s
  body-timeout: 1s
  idle-timeout: 3s
"""


class ClientCase(unittest.TestCase):
    top = LIMITS

    @classmethod
    def setUpClass(cls):
        cls.service = RealService(top=cls.top)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()
        cls.credentials = cls.service.add_key("admin")

    def connect(self, tls=True):
        plain = socket.create_connection(("127.0.0.1", self.service.port), timeout=10)
        self.addCleanup(plain.close)
        if not tls:
            return plain
        secure = wire.trusting(self.service).wrap_socket(plain, server_hostname="localhost")
        self.addCleanup(secure.close)
        return secure

    def assert_serves(self, within=5):
        started = time.monotonic()
        answer = wire.ask(self.service, "ListKeys", credentials=self.credentials)
        self.assertEqual(answer.status, 200)
        self.assertLess(time.monotonic() - started, patience(within))

    def serves(self):
        try:
            return wire.ask(self.service, "ListKeys", credentials=self.credentials).status == 200
        except OSError:
            return False

    def rest(self, connection):
        """What still comes until the service closes."""
        seen = b""
        try:
            while part := connection.recv(65536):
                seen += part
        except (ConnectionError, ssl.SSLError):
            pass
        return seen


class Slow(ClientCase):
    def assert_closed_within(self, connection, seconds, drip=b""):
        """The service closes though the client keeps sending."""
        started = time.monotonic()
        connection.settimeout(0.2)
        while time.monotonic() - started < seconds:
            try:
                if drip:
                    connection.sendall(drip)
                if connection.recv(65536) == b"":
                    return
            except TimeoutError:
                pass
            except (ConnectionError, ssl.SSLError):
                return
        self.fail(f"still open after {seconds} s")

    def test_a_head_that_drips_is_cut_off(self):
        connection = self.connect()
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-A: ")
        self.assert_closed_within(connection, 4, b"a")
        self.assert_serves()

    def test_a_body_that_drips_is_cut_off(self):
        connection = self.connect()
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        self.assert_closed_within(connection, 4, b"a")
        self.assert_serves()

    def test_a_handshake_that_never_comes_is_cut_off(self):
        self.assert_closed_within(self.connect(tls=False), 4)
        self.assert_serves()

    def test_an_idle_connection_is_closed_in_the_end(self):
        self.assert_closed_within(self.connect(), 6)

    def test_a_client_that_reads_nothing_does_not_stop_others(self):
        connection = self.connect()
        request = wire.sign(wire.request_for(self.service, "ListKeys", {}), self.credentials)
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        whole = (f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{self.service.port}\r\n{head}"
                 f"Content-Length: {len(request.data)}\r\n\r\n").encode() + request.data
        connection.settimeout(0.5)
        try:
            for _ in range(20000):
                connection.sendall(whole)
        except (TimeoutError, ConnectionError, ssl.SSLError):
            pass
        self.assert_serves()


class Gone(ClientCase):
    def test_clients_that_leave_before_their_answer_leave_nothing_behind(self):
        key = wire.ask_unix(self.service, "CreateKey").json["KeyMetadata"]["KeyId"]
        for i in range(100):
            operation, parameters = (("CreateKey", {}), ("GenerateDataKey", {"KeyId": key, "KeySpec": "AES_256"}))[i % 2]
            request = wire.sign(wire.request_for(self.service, operation, parameters), self.credentials)
            head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
            whole = (f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{self.service.port}\r\n{head}"
                     f"Content-Length: {len(request.data)}\r\n\r\n").encode() + request.data
            connection = self.connect()
            connection.sendall(whole[:len(whole) - (i % 3 == 0)])
            if i % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
            connection.close()
        self.assert_serves()
        wait_until(lambda: "\np11kms_operations_active 0\n" in self.service.monitor("/metrics")[1], 10,
                   "the operations' end")


class Many(ClientCase):
    def test_idle_connections_beyond_the_limit_make_room_for_who_asks(self):
        held = [self.connect() for _ in range(60)]
        self.assert_serves()
        self.assertEqual(len(held), 60)

    def test_connections_without_a_handshake_do_not_lock_others_out_for_long(self):
        for _ in range(60):
            self.connect(tls=False)
        wait_until(self.serves, 3, "room for who asks")

    def test_a_burst_of_connections_is_survived(self):
        for _ in range(5):
            for _ in range(50):
                self.connect(tls=False).close()
        wait_until(self.serves, 3, "room for who asks")
        connections = self.service.monitor("/metrics")[1]
        self.assertIn("p11kms_connections_open", connections)


class FewDescriptors(unittest.TestCase):
    """More connections than the process has descriptors."""

    def test_running_out_of_descriptors_is_survived(self):
        service = RealService(top="limits: {connections: 1000, idle-timeout: 60s}")
        self.addCleanup(service.close)
        service.wrapper = ["prlimit", "--nofile=64:64"]
        service.start()
        credentials = service.add_key("admin")
        kept = wire.connect(service)
        self.addCleanup(kept.close)

        def ask():
            request = wire.request_for(service, "GenerateRandom", {"NumberOfBytes": 8})
            return wire.send(service, wire.sign(request, credentials), kept).status

        self.assertEqual(ask(), 200)
        held = []
        for _ in range(120):
            try:
                held.append(socket.create_connection(("127.0.0.1", service.port), timeout=1))
            except OSError:
                break
        time.sleep(0.5)
        self.assertIsNone(service.process.poll())
        for connection in held:
            connection.close()

        def serves():
            try:
                return wire.ask(service, "ListKeys", credentials=credentials).status == 200
            except OSError:
                return False

        wait_until(serves, 10, "service to new connections")
        self.assertEqual(wire.ask_unix(service, "CreateKey").status, 200)


class TooMuch(ClientCase):
    def answer_to(self, head, body=b""):
        connection = self.connect()
        try:
            connection.sendall(head + body)
        except (ConnectionError, ssl.SSLError):
            pass
        return self.rest(connection)

    def post(self, *lines):
        return b"\r\n".join((b"POST / HTTP/1.1", b"Host: x") + lines) + b"\r\n\r\n"

    def test_heads_and_bodies_have_their_bounds(self):
        for head, body, status in (
                (self.post(b"X-A: " + b"a" * 20000), b"", b"431"),
                (self.post(*[b"X-%d: a" % i for i in range(500)]), b"", b"431"),
                (self.post(b"Content-Length: 1048577"), b"", b"413"),
                (self.post(b"Content-Length: 99999999999999999999"), b"", b"4"),
                (b"POST /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"", b"4")):
            with self.subTest(head[:40]):
                self.assertTrue(self.answer_to(head, body).startswith(b"HTTP/1.1 " + status))
        self.assert_serves()

    def test_a_body_of_just_a_mebibyte_is_read(self):
        text = b'{"Marker":"' + b"m" * (1024 * 1024 - 13) + b'"}'
        self.assertEqual(len(text), 1024 * 1024)
        answer = wire.ask(self.service, "ListKeys", text, credentials=self.credentials)
        self.assertEqual((answer.status, answer.code), (400, "ValidationException"))

    def test_what_could_hide_a_second_request_is_refused_and_the_connection_closed(self):
        smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        for lines in ((b"Content-Length: 5", b"Content-Length: 6"), (b"Content-Length: 5, 5",),
                      (b"Transfer-Encoding: chunked",), (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
                      (b"Content-Length: +5",), (b"Content-Length : 5",), (b" folded",), (b"Host: y",),
                      (b"X: a\nContent-Length: 5",), (b"X\0Y: a",), (b"Content-Length: 0x5",)):
            with self.subTest(lines):
                seen = self.answer_to(self.post(*lines), b"0\r\n\r\n" + smuggled)
                self.assertTrue(seen.startswith(b"HTTP/1.1 4"), seen[:60])
                self.assertEqual(seen.count(b"HTTP/1.1 "), 1)
        self.assert_serves()

    def test_nonsense_gets_no_service_and_does_no_harm(self):
        for nonsense in (b"\x16\x03\x01" + b"\xff" * 500, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 4096,
                         b"SSH-2.0-x\r\n"):
            connection = self.connect(tls=False)
            connection.sendall(nonsense)
            self.assertNotIn(b"200", self.rest(connection))
        for nonsense in (b"\x16\x03\x01" + b"\xff" * 500, b"\0" * 4096, b"\r\n" * 10 + b"x y z\r\n\r\n",
                         b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            self.assertTrue(self.answer_to(nonsense).startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")), nonsense[:20])
        self.assert_serves()


if __name__ == "__main__":
    tap.main()
