"""p11kms audit tail, beside a service that writes."""

import json
import os
import pty
import re
import select
import subprocess
import time

import p11kms_test
import tap
import wire

REQUEST = re.compile(r"^\S+Z  123456789012:user/admin  kms:(\w+)  (\S+)  (\S+)  [0-9a-f-]{36}$")


class Tail(p11kms_test.ServiceCase):
    def tail(self, *words, check=True):
        return self.service.p11kms("audit", "tail", *words, check=check)

    def test_the_last_records_are_told_a_line_each(self):
        kms = self.service.kms()
        key = kms.create_key()["KeyMetadata"]["Arn"]
        kms.describe_key(KeyId=key)
        self.assert_fault("NotFoundException", kms.describe_key, KeyId="nosuch")
        told = [REQUEST.match(line).groups() for line in self.tail("-n", "3").stdout.splitlines()]
        short = key.removeprefix("arn:aws:kms:")
        self.assertEqual(told, [("CreateKey", short, "ok"), ("DescribeKey", short, "ok"),
                                ("DescribeKey", "-", "NotFoundException")])

    def test_json_is_the_line_of_the_log(self):
        self.service.kms().list_keys()
        line = self.tail("--json", "-n", "1").stdout
        segment = sorted((self.service.dir / "audit").glob("audit-*.jsonl"))[-1]
        self.assertEqual(line, segment.read_text(encoding="utf-8").splitlines(keepends=True)[-1])

    def test_filters_choose_and_a_folder_may_be_named(self):
        app = self.service.kms(p11kms_test.APP)
        self.assert_fault("AccessDeniedException", app.list_keys)
        self.service.kms().list_keys()
        audit = self.service.dir / "audit"
        told = self.tail(audit, "--json", "--filter", "principal=app", "action=kms:ListKeys", "error=*").stdout
        records = [json.loads(line) for line in told.splitlines()]
        self.assertTrue(records)
        self.assertEqual({(record["userIdentity"]["userName"], record["errorCode"]) for record in records},
                         {("app", "AccessDenied")})
        everything = self.tail("--json", "-n", "all").stdout.splitlines()
        self.assertEqual(len(everything), len(self.service.audit()))

    def test_compressed_segments_are_part_of_it(self):
        for _ in range(30):
            self.service.kms().list_keys()
        newest = sorted((self.service.dir / "audit").glob("audit-*.jsonl"))[-1]
        lines = newest.read_text(encoding="utf-8").splitlines(keepends=True)
        log = self.service.dir / "copy"
        log.mkdir()
        segments = [log / f"audit-{number:010}.jsonl" for number in (1, 2, 3)]
        for i, segment in enumerate(segments):
            segment.write_text("".join(lines[i * 10:(i + 1) * 10 if i < 2 else None]), encoding="utf-8")
        subprocess.run(["gzip", segments[0]], check=True)
        subprocess.run(["zstd", "-q", "--rm", segments[1]], check=True)
        self.assertEqual(self.tail(log, "--json", "-n", "all").stdout, "".join(lines))
        lists = [line for line in lines if '"eventName":"ListKeys"' in line]
        self.assertEqual(self.tail(log, "--json", "-n", "25", "--filter", "action=ListKeys").stdout, "".join(lists[-25:]))

    def test_a_line_that_makes_no_sense_is_refused(self):
        for words in (("-n", "x"), ("-n", "-1"), ("--filter", "user=app"), ("a", "b")):
            with self.subTest(words):
                done = self.tail(*words, check=False)
                self.assertEqual(done.returncode, 64, done.stderr)
        done = self.tail("/nonexistent", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("/nonexistent", done.stderr)

    def test_it_follows(self):
        kms = self.service.kms()
        argv = [str(p11kms_test.COMMAND), "audit", "tail", "--follow", "-n", "0", "--filter", "action=ListAliases"]
        with subprocess.Popen(argv, env=self.service.environment(), stdout=subprocess.PIPE, text=True) as tail:
            self.addCleanup(tail.kill)
            time.sleep(0.5)
            for _ in range(2):
                kms.list_keys()
                kms.list_aliases()
                ready, _, _ = select.select([tail.stdout], [], [], 10)
                self.assertTrue(ready)
                self.assertEqual(REQUEST.match(tail.stdout.readline().rstrip()).group(1), "ListAliases")
            tail.terminate()

    def test_nothing_hostile_reaches_a_terminal(self):
        hostile = "\x1b]0;owned\x07\u009b2J\u202e\u2028"
        answer = wire.ask(self.service, "DescribeKey", {"KeyId": hostile})
        self.assertEqual(answer.status, 400)
        for words in ((), ("--json",)):
            with self.subTest(words):
                seen = self.on_a_terminal("-n", "5", *words)
                self.assertIn("DescribeKey", seen)
                self.assertFalse(re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u202e]", seen), seen)

    def on_a_terminal(self, *words):
        ours, theirs = pty.openpty()
        argv = [str(p11kms_test.COMMAND), "audit", "tail", *words]
        with subprocess.Popen(argv, env=self.service.environment(), stdout=theirs) as tail:
            os.close(theirs)
            seen = b""
            while True:
                try:
                    seen += os.read(ours, 65536)
                except OSError:  # EIO: the other side is closed
                    break
            self.assertEqual(tail.wait(10), 0)
        os.close(ours)
        return seen.decode("utf-8")


if __name__ == "__main__":
    tap.main()
