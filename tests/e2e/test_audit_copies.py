"""Copies of the audit log for journald and syslog."""

import json
import os
import pathlib
import re
import shutil
import socket
import struct
import tempfile
import time
import unittest

import tap
import wire
from p11kms_test import patience, wait_until
from real import RealService

SYSLOG = re.compile(r"<(\d+)>1 (\S+Z) (\S+) p11kmsd \d+ (\S+) - (\{.*\})", re.DOTALL)


def fields_of(message):
    """A message of journald's native protocol: {NAME: bytes}."""
    fields = {}
    while message:
        name, message = message.split(b"\n", 1)
        size, = struct.unpack("<Q", message[:8])
        fields[name.decode()] = message[8:8 + size]
        message = message[8 + size + 1:]
    return fields


class Receiver:
    """A datagram socket of one's own, as /dev/log is."""

    def __init__(self, folder, name):
        self.path = folder / name
        self.socket = None

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o777)
        self.socket.settimeout(10)

    def close(self):
        if self.socket:
            self.socket.close()
        self.path.unlink(missing_ok=True)

    def receive(self):
        """One message, also where it comes as a file."""
        message, files, _, _ = socket.recv_fds(self.socket, 1 << 20, 1)
        if files:
            with open(files[0], "rb") as file:
                file.seek(0)
                return file.read()
        return message


class Copies(unittest.TestCase):
    def setUp(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="p11kms-copies-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.journal = Receiver(folder, "journal")
        self.syslog = Receiver(folder, "syslog")
        for receiver in (self.journal, self.syslog):
            receiver.open()
            self.addCleanup(receiver.close)
        self.service = RealService(audit_options=f", copies: [{{to: journald, path: {self.journal.path}}}, "
                                                 f"{{to: syslog, path: {self.syslog.path}}}]")
        self.addCleanup(self.service.close)
        self.service.start()

    def ask(self, operation, **parameters):
        return wire.ask_unix(self.service, operation, parameters)

    def metric(self, name, to):
        text = self.service.monitor("/metrics")[1]
        return int(re.search(rf'^{name}{{to="{to}",number="\d"}} (\d+)$', text, re.MULTILINE).group(1))

    def lines(self):
        segments = sorted((self.service.dir / "audit").glob("audit-*.jsonl"))
        return [line for segment in segments for line in segment.read_bytes().splitlines()]

    def test_each_record_is_copied_to_both_as_it_is(self):
        self.ask("CreateKey", Description="copied \u2028 \x1b")
        self.ask("DescribeKey", KeyId="nosuch")
        time.sleep(0.2)
        written = self.lines()
        for line in written:
            record = json.loads(line)
            fields = fields_of(self.journal.receive())
            self.assertEqual(fields["P11KMS_RECORD"], line)
            self.assertEqual(fields["P11KMS_EVENT_ID"].decode(), record["eventID"])
            self.assertEqual(fields["PRIORITY"], b"5" if "errorCode" in record else b"6")
            priority, when, _, name, text = SYSLOG.fullmatch(self.syslog.receive().decode()).groups()
            self.assertEqual((priority, when, name), ("85" if "errorCode" in record else "86", record["eventTime"],
                                                      record["eventName"]))
            self.assertEqual(text.encode(), line)
        for to in ("journald", "syslog"):
            self.assertEqual(self.metric("p11kms_audit_copies_total", to), len(written))
            self.assertEqual(self.metric("p11kms_audit_copies_dropped_total", to), 0)

    def test_a_large_record_reaches_the_journal_whole_and_syslog_cut(self):
        context = {f"key-{i}": "v" * 500 for i in range(16)}
        key = self.ask("CreateKey").json["KeyMetadata"]["KeyId"]
        answer = self.ask("Encrypt", KeyId=key, Plaintext="eA==", EncryptionContext=context)
        self.assertEqual(answer.status, 400, answer.body)  # more than 8192 bytes of context
        longest = max(self.lines(), key=len)
        self.assertGreater(len(longest), 8192)
        journal = [fields_of(self.journal.receive())["P11KMS_RECORD"] for _ in self.lines()]
        self.assertIn(longest, journal)
        syslog = [self.syslog.receive() for _ in self.lines()]
        self.assertTrue(any(text.endswith(b")") and b"... (cut: " in text and len(text) <= 8192 for text in syslog))

    def test_receivers_that_hang_or_are_away_delay_nobody(self):
        self.syslog.close()  # and the journal's is not read
        slowest = 0.0
        for _ in range(1500):
            started = time.monotonic()
            self.assertEqual(self.ask("ListKeys").status, 200)
            slowest = max(slowest, time.monotonic() - started)
        self.assertLess(slowest, patience(2))
        self.assertEqual(self.service.monitor("/readyz")[0], 200)
        self.assertGreater(self.metric("p11kms_audit_copies_waiting_bytes", "syslog"), 100_000)
        waiting = len(self.lines())
        self.syslog.open()  # rsyslog is back: nothing was lost
        wait_until(lambda: self.drain(self.syslog) and self.metric("p11kms_audit_copies_total", "syslog") >= waiting,
                   20, "the copies that waited")
        started = time.monotonic()
        self.assertEqual(self.service.stop(), 0)
        self.assertLess(time.monotonic() - started, patience(8))

    @staticmethod
    def drain(receiver):
        receiver.socket.settimeout(0.3)
        try:
            while receiver.socket.recv(1 << 20):
                pass
        except TimeoutError:
            return True

    def test_what_cannot_be_is_refused_with_its_place(self):
        self.service.stop()
        for options, said in ((", copies: [kafka]", "journald, syslog"), (", copies: [{path: /x}]", "to"),
                              (", copies: journald", "must be a list"),
                              (f", copies: [{', '.join(['syslog'] * 9)}]", "takes at most 8")):
            with self.subTest(options):
                self.service.conf.write_text(re.sub(r"audit: \{.*\}", f"audit: {{dir: audit{options}}}",
                                                    self.service.conf.read_text()))
                done = self.service.check()
                self.assertNotEqual(done.returncode, 0)
                self.assertRegex(done.stderr, rf"p11kmsd.yaml:\d+:\d+: audit.copies.*{said}")


@unittest.skipUnless(os.path.exists("/run/systemd/journal/socket") and shutil.which("journalctl"), "no journal")
class TheJournal(unittest.TestCase):
    def test_records_are_found_by_their_event_id(self):
        with RealService(audit_options=", copies: [journald]") as service:
            wire.ask_unix(service, "ListKeys", {})
            event_id = service.audit("ListKeys")[-1]["eventID"]
            argv = ("journalctl", "-o", "json", f"P11KMS_EVENT_ID={event_id}")
            wait_until(lambda: event_id in os.popen(" ".join(argv)).read(), 10, "the journal")


if __name__ == "__main__":
    tap.main()
