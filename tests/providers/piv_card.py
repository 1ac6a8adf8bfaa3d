"""A PIV card (NIST SP 800-73-4) for the virtual reader vpcd, with faults: it can be pulled, and it can hang.

It has what such cards have: RSA-2048 for authentication (9A) and key management (9D), P-256 for signatures (9C) and
P-384 for card authentication (9E), a certificate of each, and a PIN that locks after a few wrong tries.
"""

import datetime
import os
import socket
import struct
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.x509.oid import NameOID

PIN = "123456"
TRIES = 5
ATR = bytes.fromhex("3bfc1300008131fe15597562696b65794e454f7233e1")  # one that OpenSC knows for a PIV card's
AID = bytes.fromhex("a000000308")
SELECTED = bytes.fromhex("61114f0600001000010079074f05a000000308")
FASC_N = bytes.fromhex("d4e739da739ced39ce739d836858210842108421c84210c3eb")  # of SP 800-73's example

OK, WRONG_DATA, NOT_FOUND, NO_INS = 0x9000, 0x6A80, 0x6A82, 0x6D00
NOT_VERIFIED, LOCKED, WRONG_PIN = 0x6982, 0x6983, 0x63C0

CERTIFICATE_OF = {0x9A: "5fc105", 0x9C: "5fc10a", 0x9D: "5fc10b", 0x9E: "5fc101"}


def tlv(tag, value):
    if len(value) < 0x80:
        length = bytes([len(value)])
    else:
        length = b"\x82" + struct.pack(">H", len(value))
    return bytes([tag]) + length + value


def parts_of(data):
    """{tag: value} of tags of a byte."""
    found = {}
    while data:
        tag, length, head = data[0], data[1], 2
        if length > 0x80:
            head = 2 + length - 0x80
            length = int.from_bytes(data[2:head], "big")
        found[tag] = data[head:head + length]
        data = data[head + length:]
    return found


def certificate(key, name):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2024, 1, 1)
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    usage = x509.KeyUsage(True, False, is_rsa, False, False, False, False, False, False)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=20000)).add_extension(usage, True))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def make_keys():
    return {0x9A: rsa.generate_private_key(65537, 2048), 0x9C: ec.generate_private_key(ec.SECP256R1()),
            0x9D: rsa.generate_private_key(65537, 2048), 0x9E: ec.generate_private_key(ec.SECP384R1())}


class Applet:
    """The card's state and its answers to APDUs."""

    def __init__(self):
        self.keys = make_keys()
        self.objects = {CERTIFICATE_OF[ref]: tlv(0x70, certificate(key, f"piv-{ref:02X}")) + tlv(0x71, b"\0") +
                        tlv(0xFE, b"") for ref, key in self.keys.items()}
        self.objects["5fc102"] = (tlv(0x30, FASC_N) + tlv(0x34, os.urandom(16)) + tlv(0x35, b"20401231") +
                                  tlv(0x3E, b"") + tlv(0xFE, b""))
        self.tries = TRIES
        self.logins = 0  # PINs presented, right or wrong
        self.uses = 0  # private key operations
        self.reset()

    def reset(self):
        self.verified = self.fresh = False
        self.chained = self.pending = b""

    def answer(self, apdu):
        """Response data and status word."""
        more, ins, p1, p2 = apdu[0] & 0x10, *apdu[1:4]
        data = self._data_of(apdu)
        if ins == 0xC0:
            return self._part(self.pending, OK)
        if more:
            self.chained += data
            return struct.pack(">H", OK)
        data, self.chained = self.chained + data, b""
        handlers = {0xA4: self._select, 0xCB: self._get_data, 0x20: self._verify, 0x87: self._use_key}
        return self._part(*handlers.get(ins, lambda *_: (b"", NO_INS))(p1, p2, data))

    @staticmethod
    def _data_of(apdu):
        if len(apdu) <= 5:
            return b""
        if apdu[4] == 0 and len(apdu) > 7:
            return apdu[7:7 + struct.unpack(">H", apdu[5:7])[0]]
        return apdu[5:5 + apdu[4]]

    def _part(self, data, status):
        """At most 256 bytes; the rest is for GET RESPONSE."""
        self.pending = data[256:]
        if self.pending:
            return data[:256] + bytes([0x61, min(len(self.pending), 256) & 0xFF])
        return data + struct.pack(">H", status)

    def _select(self, _p1, _p2, data):
        return (SELECTED, OK) if data.startswith(AID) else (b"", NOT_FOUND)

    def _get_data(self, _p1, _p2, data):
        found = self.objects.get(parts_of(data).get(0x5C, b"").hex())
        return (tlv(0x53, found), OK) if found else (b"", NOT_FOUND)

    def _verify(self, _p1, _p2, data):
        if not data:
            return b"", OK if self.verified else WRONG_PIN | self.tries
        self.logins += 1
        if self.tries == 0:
            return b"", LOCKED
        self.verified = self.fresh = data == PIN.encode().ljust(8, b"\xff")
        self.tries = TRIES if self.verified else self.tries - 1
        return b"", OK if self.verified else WRONG_PIN | self.tries

    def _may_use(self, ref):
        return ref == 0x9E or (self.verified and (ref != 0x9C or self.fresh))

    def _use_key(self, _algorithm, ref, data):
        key = self.keys.get(ref)
        asked = parts_of(parts_of(data).get(0x7C, b""))
        if ref == 0x9B and asked.get(0x81) == b"":  # the management key's challenge: random bytes
            return tlv(0x7C, tlv(0x81, os.urandom(8))), OK
        if key is None or 0x81 not in asked:
            return b"", WRONG_DATA
        if not self._may_use(ref):
            return b"", NOT_VERIFIED
        self.fresh = False
        self.uses += 1
        return tlv(0x7C, tlv(0x82, self._apply(key, asked[0x81]))), OK

    @staticmethod
    def _apply(key, data):
        if isinstance(key, rsa.RSAPrivateKey):
            numbers = key.private_numbers()
            return pow(int.from_bytes(data, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")
        size = key.curve.key_size // 8
        digest = hashes.SHA256() if size == 32 else hashes.SHA384()
        return key.sign(data.rjust(size, b"\0"), ec.ECDSA(utils.Prehashed(digest)))


class Card:
    """An applet in a reader, or out of it; answers in a thread of its own."""

    def __init__(self, port, applet):
        self.port = port
        self.applet = applet
        self.hanging = threading.Event()  # set: APDUs are not answered
        self.reader = None
        self.thread = None

    def insert(self):
        self.applet.reset()
        deadline = time.monotonic() + 20
        while True:
            try:
                self.reader = socket.create_connection(("127.0.0.1", self.port), 10)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.reader.settimeout(None)
        self.reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.thread = threading.Thread(target=self._serve, args=(self.reader,), daemon=True)
        self.thread.start()

    def pull(self):
        if self.reader is not None:
            self.reader.shutdown(socket.SHUT_RDWR)
            self.thread.join(10)
            self.reader.close()
            self.reader = None

    def _serve(self, reader):
        try:
            while True:
                message = self._read(reader, struct.unpack(">H", self._read(reader, 2))[0])
                answer = self._control(message[0]) if len(message) == 1 else self._apdu(message)
                if answer is not None:
                    reader.sendall(struct.pack(">H", len(answer)) + answer)
        except OSError:  # pulled, or the reader is gone
            pass

    def _apdu(self, message):
        return None if self.hanging.is_set() else self.applet.answer(message)

    def _control(self, what):
        """vpcd's: 0 power off, 1 power on, 2 reset, 4 the ATR is wanted."""
        if what == 4:
            return ATR
        self.applet.reset()
        return None

    @staticmethod
    def _read(reader, count):
        found = b""
        while len(found) < count:
            more = reader.recv(count - len(found))
            if not more:
                raise OSError("the reader closed")
            found += more
            try:
                reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # else each APDU takes 40 ms
            except OSError:
                pass
        return found
