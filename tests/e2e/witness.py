"""A small witness (c2sp.org/tlog-witness) that really checks: signature, size, consistency; it refuses forks.

    with witness.Witness("witness.example/w1", {origin: vkey}) as w:   # w.url, w.vkey

What it does wrong on purpose, for tests: w.delay (seconds), w.status (answered instead), w.forget().
"""

import base64
import hashlib
import http.server
import threading
import time

import cryptography.exceptions
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import tlog


class Refused(Exception):
    def __init__(self, status, body="", kind="text/plain"):
        super().__init__(status)
        self.status, self.body, self.kind = status, body, kind


class Witness:
    def __init__(self, name, logs):
        self.name, self.logs = name, logs
        self.seen = {}  # origin: (size, root)
        self.requests, self.delay, self.status = [], 0, None
        self._key = ed25519.Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._id = hashlib.sha256(name.encode() + b"\n\x04" + public).digest()[:4]
        self.vkey = f"{name}+{self._id.hex()}+{base64.b64encode(b'%c' % 4 + public).decode()}"
        self._lock = threading.Lock()

    def __enter__(self):
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                time.sleep(witness.delay)
                try:
                    if self.path != "/w/add-checkpoint":
                        raise Refused(404)
                    status, answer, kind = 200, witness.add_checkpoint(body), "text/plain"
                except Refused as refused:
                    status, answer, kind = refused.status, refused.body, refused.kind
                witness.requests.append(status)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(answer.encode())))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/w"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forget(self):
        self.seen.clear()

    def add_checkpoint(self, body):
        if self.status:
            raise Refused(self.status)
        head, _, note = body.partition("\n\n")
        first, *hashes = head.split("\n")
        if not first.startswith("old ") or len(hashes) > 63:
            raise Refused(400)
        old = int(first[4:])
        origin = note.split("\n", 1)[0]
        if origin not in self.logs:
            raise Refused(404)
        try:
            _, size, root = tlog.open_note(note, self.logs[origin])
        except (AssertionError, cryptography.exceptions.InvalidSignature):
            raise Refused(403) from None
        with self._lock:
            return self._cosign(note, old, size, root, [base64.b64decode(h, validate=True) for h in hashes])

    def _cosign(self, note, old, size, root, proof):
        origin = note.split("\n", 1)[0]
        known, known_root = self.seen.get(origin, (0, hashlib.sha256().digest()))
        if old > size:
            raise Refused(400)
        if old != known or (old == size and root != known_root):
            raise Refused(409, f"{known}\n", "text/x.tlog.size")
        try:
            tlog.check_consistency(old, known_root, size, root, proof)
        except AssertionError:
            raise Refused(422) from None
        self.seen[origin] = (size, root)
        return self.cosignature(note)

    def cosignature(self, note):
        text, now = note.rpartition("\n\n")[0] + "\n", int(time.time())
        signature = self._key.sign(f"cosignature/v1\ntime {now}\n{text}".encode())
        line = base64.b64encode(self._id + now.to_bytes(8, "big") + signature).decode()
        return f"\u2014 {self.name} {line}\n"
