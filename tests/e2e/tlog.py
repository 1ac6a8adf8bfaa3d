"""A verifier that shares nothing with p11kms: hashlib and python3-cryptography alone, after RFC 9162 and c2sp.org.

    root, size, checkpoints = tlog.verify("/var/log/p11kms", open("key").read().strip())

Whatever is wrong raises (InvalidSignature, AssertionError, ValueError).
"""

import base64
import glob
import gzip
import hashlib
import pathlib
import subprocess

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key


def leaf(line):
    return hashlib.sha256(b"\0" + line).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    def __init__(self):
        self.size, self.peaks = 0, []  # peaks: (leaves, hash), the larger first

    def append(self, hashed):
        self.size, peak = self.size + 1, (1, hashed)
        while self.peaks and self.peaks[-1][0] == peak[0]:
            leaves, left = self.peaks.pop()
            peak = (2 * leaves, node(left, peak[1]))
        self.peaks.append(peak)

    def root(self):
        hashes = [peak[1] for peak in self.peaks] or [hashlib.sha256().digest()]
        while len(hashes) > 1:
            hashes[-2:] = [node(hashes[-2], hashes[-1])]
        return hashes[0]


def open_note(note, vkey):
    """(origin, size, root) of a checkpoint that the key signed."""
    name, key_id, material = vkey.split("+", 2)
    kind, key = base64.b64decode(material)[:1], base64.b64decode(material)[1:]
    hashed = key if kind == b"\2" else name.encode() + b"\n" + kind + key
    assert hashlib.sha256(hashed).hexdigest()[:8] == key_id
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    signatures = [base64.b64decode(line.split(" ")[2]) for line in lines.splitlines() if line.split(" ")[1] == name]
    mine = [signature[4:] for signature in signatures if signature[:4].hex() == key_id]
    assert mine, "not signed"
    for signature in mine:
        if kind == b"\1":
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, text.encode())
        elif kind == b"\2":
            load_der_public_key(key).verify(signature, text.encode(), ec.ECDSA(SHA256()))
        else:
            time = int.from_bytes(signature[:8], "big")
            signed = f"cosignature/v1\ntime {time}\n{text}".encode()
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature[8:], signed)
    origin, size, root = text.split("\n")[:3]
    assert str(int(size)) == size
    return origin, int(size), base64.b64decode(root, validate=True)


def lines(segment):
    if segment.endswith(".zst"):
        data = subprocess.run(["zstd", "-dcq", segment], stdout=subprocess.PIPE, check=True).stdout
    else:
        data = (gzip.open if segment.endswith(".gz") else open)(segment, "rb").read()
    return data.split(b"\n")[:-1]


def notes(path):
    """The notes of a .notes file: two blocks and an empty line each."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    return [f"{text}\n\n{signatures}\n" for text, signatures in zip(blocks[0::2], blocks[1::2])]


def verify(folder, vkey):
    """Every record and every checkpoint of a log whose segments are all there: (root, size, checkpoints)."""
    tree, roots, checked = Tree(), {}, []
    roots[0] = tree.root()
    for segment in sorted(glob.glob(f"{folder}/audit-*.jsonl*")):
        for line in lines(segment):
            tree.append(leaf(line))
            roots[tree.size] = tree.root()
    for path in sorted(pathlib.Path(folder).glob("audit-*.notes")) + [pathlib.Path(folder, "checkpoint")]:
        for note in notes(path) if path.suffix else [path.read_text(encoding="utf-8")]:
            origin, size, root = open_note(note, vkey)
            assert origin == vkey.split("+")[0]
            assert roots.get(size) == root, f"{path.name}: another root of {size} records"
            checked.append(size)
    assert checked, "nothing is proven"
    newest = max(checked)
    return roots[newest], newest, checked


def _fold(proof, fn, sn, left, right):
    """RFC 9162 2.1.3.2 and 2.1.4.2: what two numbers and hashes become on the way up."""
    for c in proof:
        assert sn != 0
        if fn & 1 or fn == sn:
            left, right = node(c, left), node(c, right)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            right = node(right, c)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return left, right


def check_proof(text, vkey):
    """The record that a c2sp.org/tlog-proof with it as extra data proves to be in the log."""
    head, _, note = text.partition("\n\n")
    first, extra, index, *hashes = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1" and extra.startswith("extra ") and index.startswith("index ")
    record, number = base64.b64decode(extra[6:], validate=True), int(index[6:])
    _, size, root = open_note(note, vkey)
    assert 0 <= number < size
    _, got = _fold([base64.b64decode(h, validate=True) for h in hashes], number, size - 1, b"", leaf(record))
    assert got == root, "not in the tree"
    return number, record


def check_consistency(old, old_root, size, root, proof):
    if old in (0, size):
        assert not proof and (old == 0 or old_root == root)
        return
    if old & (old - 1) == 0:
        proof = [old_root] + proof
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    assert _fold(proof[1:], fn, sn, proof[0], proof[0]) == (old_root, root), "not consistent"
