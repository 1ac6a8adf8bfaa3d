"""The audit log that the daemon writes, verified by p11kms and by a verifier that shares nothing with it (tlog.py)."""

import base64
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import cryptography.exceptions
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import p11kms_test
import real
import tap
import test_clients
import tlog
import wire

ORIGIN = "p11kms/test.example"
WRONG = (AssertionError, ValueError, cryptography.exceptions.InvalidSignature)

WHOLE, UNREADABLE, RECORDS, CHECKPOINT, SINCE, TILES = 0, 1, 3, 4, 5, 7


def fill(service, count):
    """So many records, of 1.9 KB each."""
    connection = wire.connect(service, unix=True)
    for _ in range(count):
        request = wire.request_for(service, "ListKeys", {})
        request.headers["User-Agent"] = "x" * 900
        wire.send(service, request, connection)
    connection.close()


def records(folder):
    """(segment, line, record) of each in order."""
    found = []
    for path in sorted(folder.glob("audit-*.jsonl")):
        lines = path.read_bytes().split(b"\n")[:-1]
        found += [(int(path.name[6:16]), i + 1, json.loads(line)) for i, line in enumerate(lines)]
    return found


class Log(unittest.TestCase):
    """Each test has a copy of one log: two segments and more, written by the daemon, stopped and started between."""

    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="p11kms-verify-"))
        cls.addClassCleanup(shutil.rmtree, cls.root)
        options = f", segment-size: 1MiB, checkpoint-records: 100, checkpoint-interval: 1s, origin: {ORIGIN}"
        cls.service = real.RealService(audit_options=options)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()
        fill(cls.service, 450)
        checkpoint = cls.service.dir / "audit" / "checkpoint"
        p11kms_test.wait_until(checkpoint.exists, what="a checkpoint")
        shutil.copy(checkpoint, cls.root / "early")
        cls.service.restart()
        shutil.copytree(cls.service.dir / "audit", cls.root / "older")
        fill(cls.service, 450)
        cls.service.stop()
        cls.log = cls.service.dir / "audit"
        cls.vkey = (cls.log / "key").read_text(encoding="ascii").strip()

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=self.root)) / "log"
        shutil.copytree(self.log, self.folder)
        self.addCleanup(shutil.rmtree, self.folder.parent)
        self.segments = sorted(self.folder.glob("audit-*.jsonl"))

    def verify(self, *words, folder=None, key=None):
        done = p11kms_test.run(p11kms_test.COMMAND, "audit", "verify", folder or self.folder, "--key", key or self.vkey,
                               "--json", *words, check=False)
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        self.assertEqual(report["verdict"] == "whole", done.returncode == WHOLE)
        return done.returncode, report

    def assert_both_refuse(self, status, *words):
        got, report = self.verify(*words)
        self.assertEqual(got, status, report)
        with self.assertRaises(WRONG):
            tlog.verify(self.folder, self.vkey)
        return report

    def edit(self, path, change):
        lines = path.read_bytes().split(b"\n")[:-1]
        path.write_bytes(b"".join(line + b"\n" for line in change(lines)))

    def assert_named(self, report, segment, line):
        bad = report["bad"]
        self.assertTrue(bad["named"], report)
        self.assertEqual((bad["segment"], bad["line"]), (segment, line))
        before = [found for found in records(self.log) if found[:2] < (segment, line)]
        self.assertEqual(bad["record"], len(before))
        return bad


class Verify(Log):
    def test_both_agree_on_root_and_checkpoints_of_a_whole_log(self):
        status, report = self.verify()
        self.assertEqual(status, WHOLE, report)
        root, size, checked = tlog.verify(self.folder, self.vkey)
        self.assertEqual(report["root"], base64.b64encode(root).decode())
        self.assertEqual((report["covered"], report["records"]), (size, size))  # a stop makes a checkpoint
        self.assertEqual(report["records"], len(records(self.folder)))
        self.assertEqual(report["checkpoints"], len(checked))
        self.assertEqual(report["origin"], ORIGIN)
        self.assertGreaterEqual(report["segments"], 2)
        self.assertEqual((report["withoutTiles"], report["withoutNotes"]), (0, 0))

    def test_a_running_log_verifies(self):
        status, report = self.verify(folder=self.log)
        self.service.start()
        self.addCleanup(self.service.stop)
        for _ in range(5):
            fill(self.service, 30)
            status, report = self.verify(folder=self.log)
            self.assertEqual(status, WHOLE, report)
        self.assertGreater(report["records"], len(records(self.folder)))

    def test_a_changed_byte(self):
        self.edit(self.segments[0], lambda lines: lines[:41] + [lines[41].replace(b"ListKeys", b"LostKeys")] + lines[42:])
        bad = self.assert_named(self.assert_both_refuse(RECORDS), 1, 42)
        self.assertEqual(bad["eventID"], records(self.log)[41][2]["eventID"])

    def test_a_removed_line(self):
        self.edit(self.segments[0], lambda lines: lines[:99] + lines[100:])
        report = self.assert_both_refuse(RECORDS)
        self.assert_named(report, 1, 100)
        self.assertIn("removed", report["reason"])

    def test_an_inserted_line(self):
        self.edit(self.segments[1], lambda lines: lines[:9] + [lines[3]] + lines[9:])
        report = self.assert_both_refuse(RECORDS)
        self.assert_named(report, 2, 10)
        self.assertIn("put in", report["reason"])

    def test_swapped_lines(self):
        self.edit(self.segments[1], lambda lines: lines[:9] + [lines[10], lines[9]] + lines[11:])
        report = self.assert_both_refuse(RECORDS)
        self.assert_named(report, 2, 10)
        self.assertIn("changed places", report["reason"])

    def test_a_log_cut_off(self):
        self.edit(self.segments[-1], lambda lines: lines[:-5])
        self.assertIn("gone", self.assert_both_refuse(RECORDS)["reason"])

    def test_the_last_segment_as_an_older_copy(self):
        older = self.root / "older"
        for path in older.glob("audit-*"):
            shutil.copy(path, self.folder)
        for path in self.segments:
            if not (older / path.name).exists():
                path.unlink()
                path.with_suffix(".notes").unlink()
        self.assert_both_refuse(RECORDS)

    def test_a_whole_older_copy_is_found_by_a_checkpoint_that_was_kept(self):
        older = self.root / "older"
        self.assertEqual(self.verify(folder=older)[0], WHOLE)
        status, report = self.verify("--since", self.folder / "checkpoint", folder=older)
        self.assertEqual(status, SINCE, report)
        self.assertEqual(self.verify("--since", self.root / "early")[0], WHOLE)
        self.assertEqual(self.verify("--since", older / "checkpoint")[0], WHOLE)

    def foreign_note(self, text):
        """The same text, signed by a key of the same name."""
        key = ed25519.Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        key_id = hashlib.sha256(ORIGIN.encode() + b"\n\1" + public).digest()[:4]
        line = base64.b64encode(key_id + key.sign(text.encode())).decode()
        return f"{text}\n\u2014 {ORIGIN} {line}\n"

    def test_a_checkpoint_by_another_key(self):
        note = (self.folder / "checkpoint").read_text(encoding="utf-8")
        (self.folder / "checkpoint").write_text(self.foreign_note(note.split("\n\n")[0] + "\n"), encoding="utf-8")
        self.assert_both_refuse(CHECKPOINT)

    def test_all_hashes_made_anew_without_the_key(self):
        self.edit(self.segments[0], lambda lines: lines[:41] + [lines[41].replace(b"ListKeys", b"LostKeys")] + lines[42:])
        shutil.rmtree(self.folder / "tile")
        tree, roots = tlog.Tree(), {0: hashlib.sha256().digest()}
        for path in self.segments:
            for line in tlog.lines(str(path)):
                tree.append(tlog.leaf(line))
                roots[tree.size] = tree.root()
        for path in [*self.folder.glob("*.notes"), self.folder / "checkpoint"]:
            def again(note):
                size = int(note.split("\n")[1])
                return self.foreign_note(f"{ORIGIN}\n{size}\n{base64.b64encode(roots[size]).decode()}\n")
            if path.suffix:
                path.write_text("".join(again(note) + "\n" for note in tlog.notes(path)), encoding="utf-8")
            else:
                path.write_text(again(path.read_text(encoding="utf-8")), encoding="utf-8")
        self.assert_both_refuse(CHECKPOINT)

    def test_tiles_that_were_edited_with_the_record(self):
        self.edit(self.segments[0], lambda lines: lines[:41] + [lines[41].replace(b"ListKeys", b"LostKeys")] + lines[42:])
        tile = self.folder / "tile" / "0" / "000"
        content = bytearray(tile.read_bytes())
        content[41 * 32:42 * 32] = tlog.leaf(self.segments[0].read_bytes().split(b"\n")[41])
        tile.write_bytes(content)
        bad = self.assert_both_refuse(RECORDS)["bad"]
        self.assertFalse(bad["named"])
        self.assertLessEqual(bad["after"], 41)
        self.assertGreater(bad["before"], 41)

    def test_tiles_alone(self):
        tile = self.folder / "tile" / "0" / "001"
        tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
        status, report = self.verify()
        self.assertEqual(status, TILES, report)
        self.assertIn("tile/0/001", report["reason"])

    def test_another_key_of_the_auditor(self):
        key = ed25519.Ed25519PrivateKey.generate().public_key()
        pem = self.folder.parent / "key.pem"
        pem.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        self.assertEqual(self.verify(key=pem)[0], CHECKPOINT)

    def test_compressed_and_moved_segments(self):
        whole = self.verify()[1]
        subprocess.run(["zstd", "-q", "--rm", self.segments[0]], check=True)
        self.assertEqual(self.verify()[1] | {"torn": 0}, whole)
        self.assertEqual(base64.b64encode(tlog.verify(self.folder, self.vkey)[0]).decode(), whole["root"])
        for path in self.folder.glob("audit-0000000001.*"):
            path.unlink()
        status, report = self.verify("--since", self.root / "early")
        self.assertEqual(status, WHOLE, report)
        self.assertEqual(report["first"], sum(1 for found in records(self.log) if found[0] == 1))
        self.assertEqual(report["root"], whole["root"])

    def test_the_text_tells_what_an_auditor_wants_to_know(self):
        done = p11kms_test.run(p11kms_test.COMMAND, "audit", "verify", self.folder)
        self.assertRegex(done.stdout, rf"^{ORIGIN}: \d+ records in \d+ segments are as they were logged")
        self.assertIn("NO SIGNATURE WAS CHECKED", done.stdout)
        self.edit(self.segments[1], lambda lines: lines[:9] + lines[10:])
        done = p11kms_test.run(p11kms_test.COMMAND, "audit", "verify", self.folder, "--key", self.vkey, check=False)
        self.assertEqual(done.returncode, RECORDS)
        self.assertRegex(done.stdout, r"^NOT AS LOGGED: .*\n  first bad record: segment 2, line 10, event [0-9a-f-]{36}\n")

    def test_what_cannot_be_checked_is_no_verdict(self):
        for words in (("/nonexistent",), (self.folder, "--key", "/nonexistent"), (self.folder, "--since", "/nonexistent"),
                      (self.folder, "--witnesses", "1")):
            done = p11kms_test.run(p11kms_test.COMMAND, "audit", "verify", *words, check=False)
            self.assertEqual((done.returncode, done.stdout), (UNREADABLE, ""), words)


class Resumed(unittest.TestCase):
    """A log that was tampered with in use, and went on by an operator's decision."""

    def verify(self, *words):
        done = p11kms_test.run(p11kms_test.COMMAND, "audit", "verify", self.log, "--key", self.log / "key", "--json",
                               *words, check=False)
        return done.returncode, json.loads(done.stdout)

    def test_the_bad_record_stays_named_and_what_follows_verifies_by_itself(self):
        service = real.RealService(audit_options=f", checkpoint-records: 20, checkpoint-interval: 1s, origin: {ORIGIN}")
        self.addCleanup(service.close)
        self.log = service.dir / "audit"
        service.start()
        fill(service, 60)
        p11kms_test.wait_until(lambda: self.verify()[1]["covered"] == len(records(self.log)), 10, "a checkpoint")
        segment = sorted(self.log.glob("audit-*.jsonl"))[-1]
        number = int(segment.name[6:16])
        lines = segment.read_bytes().split(b"\n")
        lines[29] = lines[29].replace(b"ListKeys", b"LostKeys")
        segment.write_bytes(b"\n".join(lines))
        p11kms_test.wait_until((self.log / "stopped").exists, 10, "the log to be stopped")
        status, report = self.verify()
        self.assertEqual((status, report["bad"]["line"]), (RECORDS, 30), report)
        service.p11kms("audit", "resume", "--because", "it was a test")
        fill(service, 30)
        service.stop()
        status, report = self.verify()
        self.assertEqual((status, report["bad"]["segment"], report["bad"]["line"]), (RECORDS, number, 30), report)
        self.assertEqual([(told["segment"], told["covered"]) for told in report["resumptions"]], [(number + 1, False)])
        status, report = self.verify("--from", number + 1)
        self.assertEqual([(told["because"], told["covered"], told["atStart"]) for told in report["resumptions"]],
                         [("it was a test", True, False)])
        self.assertEqual(status, WHOLE, report)
        self.assertEqual(report["covered"], report["records"])
        self.assertEqual(report["records"], len(records(self.log)))


class ProofLog(Log):
    def prove(self, event_id, check=True):
        return p11kms_test.run(p11kms_test.COMMAND, "audit", "prove", event_id, self.folder, check=check)


class Proofs(ProofLog):
    def check(self, text, *words):
        return p11kms_test.run(p11kms_test.COMMAND, "audit", "check-proof", "-", "--key", self.vkey, *words, stdin=text,
                               check=False)

    def test_any_record_is_proven_to_both(self):
        found = records(self.folder)
        for number in (0, 1, 255, 256, len(found) // 2, len(found) - 1):
            text = self.prove(found[number][2]["eventID"]).stdout
            self.assertEqual(tlog.check_proof(text, self.vkey)[0], number)
            done = self.check(text)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout.split("\n")[1]), found[number][2])

    def test_both_refuse_a_proof_that_was_changed(self):
        text = self.prove(records(self.folder)[77][2]["eventID"]).stdout
        lines = text.split("\n")
        lines[3], lines[4] = lines[4], lines[3]
        changes = {"index 77": "index 78", "extra ey": "extra eY", lines[3]: lines[4], f"\n{ORIGIN}\n": "\np11kms/other\n"}
        for old, new in changes.items():
            forged = text.replace(old, new, 1)
            self.assertNotEqual(forged, text)
            self.assertIn(self.check(forged).returncode, (1, 3, 4), new)
            with self.assertRaises(WRONG):
                tlog.check_proof(forged, self.vkey)

    def test_a_record_that_is_not_there_or_changed_has_no_proof(self):
        event = records(self.folder)[77][2]["eventID"]
        self.edit(self.segments[0], lambda lines: lines[:77] + [lines[77].replace(b"ListKeys", b"LostKeys")] + lines[78:])
        self.assertEqual(self.prove(event, check=False).returncode, RECORDS)
        done = self.prove("00000000-0000-4000-8000-000000000000", check=False)
        self.assertEqual((done.returncode, done.stdout), (UNREADABLE, ""))
        self.assertIn("no record has the event id", done.stderr)

    def test_two_checkpoints_are_linked_for_both(self):
        early, late = self.root / "early", self.folder / "checkpoint"
        command = (p11kms_test.COMMAND, "audit", "consistency")
        text = p11kms_test.run(*command, early, late, self.folder, "--key", self.vkey).stdout
        head, _, note = text.partition("\n\n")
        first, *hashes = head.split("\n")
        _, old, old_root = tlog.open_note(early.read_text(encoding="utf-8"), self.vkey)
        _, size, root = tlog.open_note(note, self.vkey)
        self.assertEqual(first, f"old {old}")
        proof = [base64.b64decode(line) for line in hashes]
        tlog.check_consistency(old, old_root, size, root, proof)
        link = self.folder.parent / "link"
        link.write_text(text, encoding="utf-8")
        p11kms_test.run(*command, early, late, "--proof", link, "--key", self.vkey)
        link.write_text(text.replace(hashes[0], hashes[-1]), encoding="utf-8")
        self.assertEqual(p11kms_test.run(*command, early, late, "--proof", link, check=False).returncode, SINCE)
        with self.assertRaises(AssertionError):
            tlog.check_consistency(old, old_root, size, root, proof[1:])
        forged = re.sub(r"\n(\d+)\n", lambda found: f"\n{int(found[1]) - 1}\n", early.read_text(encoding="utf-8"), count=1)
        (self.folder.parent / "forged").write_text(forged, encoding="utf-8")
        done = p11kms_test.run(*command, self.folder.parent / "forged", late, self.folder, "--key", self.vkey, check=False)
        self.assertEqual(done.returncode, CHECKPOINT)


class Sigstore(ProofLog):
    """@sigstore/verify, which others check their own logs with, from npm."""

    test_seconds = test_clients.JS_SECONDS

    @classmethod
    def setUpClass(cls):
        cls.node, cls.js = test_clients.prepared_js()
        if int(p11kms_test.run(cls.node, "--version").stdout[1:].split(".")[0]) < 20:
            raise unittest.SkipTest("@sigstore/verify wants node 20")
        shutil.copyfile(test_clients.JS / "tlog.cjs", cls.js / "tlog.cjs")
        super().setUpClass()

    def judge(self, texts):
        name, key_id, material = self.vkey.split("+", 2)
        key = base64.b64decode(material)
        if key[:1] == b"\1":  # as SubjectPublicKeyInfo, RFC 8410
            key = key[:1] + bytes.fromhex("302a300506032b6570032100") + key[1:]
        proofs = []
        for text in texts:
            head, _, note = text.partition("\n\n")
            _, extra, index, *hashes = head.split("\n")
            proofs.append({"record": extra[6:], "index": index[6:], "hashes": hashes, "note": note})
        told = {"name": name, "hint": key_id, "key": base64.b64encode(key[1:]).decode(), "proofs": proofs}
        return json.loads(p11kms_test.run(self.node, self.js / "tlog.cjs", stdin=json.dumps(told)).stdout)

    def test_it_takes_the_proofs_and_refuses_what_was_changed(self):
        found = records(self.folder)
        numbers = (0, 255, 256, 700, len(found) - 1)
        texts = [self.prove(found[number][2]["eventID"]).stdout for number in numbers]
        self.assertEqual(self.judge(texts), [None] * len(texts))
        forged = [texts[1].replace("index 255", "index 254"), texts[1].replace("extra ey", "extra eY"),
                  texts[1].replace(f"\n{ORIGIN}\n{len(found)}\n", f"\n{ORIGIN}\n{len(found) + 1}\n")]
        self.assertEqual([text in texts for text in forged], [False] * 3)
        self.assertNotIn(None, self.judge(forged))


if __name__ == "__main__":
    tap.main()
