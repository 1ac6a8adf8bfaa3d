"""Who was not authenticated cannot fill the log: a limit of records, and a summary of the rest."""

import http.client
import json
import re
import socket
import ssl
import time
import unittest

import tap
import wire
from p11kms_test import wait_until
from real import RealService


class Strangers(unittest.TestCase):
    def setUp(self):
        self.service = RealService(audit_options=", strangers-per-peer: 5, strangers-in-all: 20, summary: 1s")
        self.addCleanup(self.service.close)
        self.service.start()

    def connect(self):
        return http.client.HTTPSConnection("localhost", self.service.port, timeout=10,
                                           context=ssl.create_default_context(cafile=self.service.env["AWS_CA_BUNDLE"]))

    def flood(self, count):
        """Answers to so many requests without a signature, over one connection."""
        answers = []
        connection = self.connect()
        for _ in range(count):
            connection.request("POST", "/", b"{}", {"X-Amz-Target": "TrentService.ListKeys",
                                                    "Content-Type": "application/x-amz-json-1.1"})
            response = connection.getresponse()
            answers.append((response.status, json.loads(response.read())["__type"], response.headers["x-amzn-RequestId"]))
        connection.close()
        return answers

    def summary(self):
        wait_until(lambda: self.service.audit("RequestsRefused"), 10, "the summary")
        return self.service.audit("RequestsRefused")[-1]

    def metric(self, name):
        return int(re.search(rf"^{re.escape(name)} (\d+)$", self.service.monitor("/metrics")[1], re.MULTILINE).group(1))

    def test_a_flood_is_answered_recorded_in_part_and_summed_up(self):
        before = sum(path.stat().st_size for path in (self.service.dir / "audit").glob("audit-*"))
        answers = self.flood(500)
        refused = [answer for answer in answers if answer[1] == "MissingAuthenticationTokenException"]
        throttled = [answer for answer in answers if answer[:2] == (400, "ThrottlingException")]
        self.assertEqual(len(refused) + len(throttled), 500)
        self.assertGreater(len(throttled), 300)
        recorded = {record["requestID"] for record in self.service.audit("ListKeys")}
        self.assertTrue({answer[2] for answer in refused} <= recorded)
        self.assertFalse({answer[2] for answer in throttled} & recorded)
        self.assertEqual(self.metric('p11kms_refusals_unrecorded_total{why="too-many"}'), len(throttled))

        self.assertEqual(wire.ask_unix(self.service, "ListKeys").status, 200)  # others are served as ever
        time.sleep(2.5)
        summaries = self.service.audit("RequestsRefused")
        self.assertEqual(sum(one["serviceEventDetails"]["tooMany"] for one in summaries), len(throttled))
        record = summaries[0]
        self.assertEqual(record["userIdentity"], {"type": "AWSService", "invokedBy": "p11kms"})
        self.assertEqual(record["eventType"], "AwsServiceEvent")
        self.assertEqual(record["serviceEventDetails"]["peers"][0]["peer"], "127.0.0.1")
        after = sum(path.stat().st_size for path in (self.service.dir / "audit").glob("audit-*"))
        self.assertLess(after - before, 60_000)

    def test_the_authenticated_are_recorded_each_however_fast_they_come(self):
        answers = [wire.ask_unix(self.service, "DescribeKey", {"KeyId": "nosuch"}) for _ in range(50)]
        self.assertEqual({answer.code for answer in answers}, {"NotFoundException"})
        self.assertEqual(len(self.service.audit("DescribeKey")), 50)

    def test_what_http_refuses_is_summed_up(self):
        context = ssl.create_default_context(cafile=self.service.env["AWS_CA_BUNDLE"])
        for text in (b"NONSENSE\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20000):
            with socket.create_connection(("127.0.0.1", self.service.port), 10) as plain, \
                    context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(text)
                self.assertIn(b"HTTP/1.1 4", connection.recv(4096))
        with socket.create_connection(("127.0.0.1", self.service.port), 10) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")  # no TLS
            plain.recv(4096)
        time.sleep(2.5)
        http_counts, handshakes = {}, 0
        for record in self.service.audit("RequestsRefused"):
            details = record["serviceEventDetails"]
            handshakes += details["handshakes"]
            for status, count in details["http"].items():
                http_counts[status] = http_counts.get(status, 0) + count
        self.assertEqual(http_counts, {"400": 1, "413": 1, "431": 1})
        self.assertEqual(handshakes, 1)
        self.assertEqual(self.metric('p11kms_http_refused_total{status="413"}'), 1)

    def test_a_stop_sums_up_what_was_not_told_yet(self):
        self.service.stop()
        self.service.conf.write_text(self.service.conf.read_text().replace("summary: 1s", "summary: 60s"))
        self.service.start()
        throttled = [answer for answer in self.flood(50) if answer[1] == "ThrottlingException"]
        self.assertEqual(self.service.audit("RequestsRefused"), [])
        self.service.stop()
        names = [record["eventName"] for record in self.service.audit()]
        self.assertEqual(names[-2:], ["RequestsRefused", "StopService"])
        self.assertEqual(self.summary()["serviceEventDetails"]["tooMany"], len(throttled))


if __name__ == "__main__":
    tap.main()
