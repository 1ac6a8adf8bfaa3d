"""Another implementation of docs/ciphertext-format.md, written from that page alone and with nothing but
Python's own library: every value of its test vectors comes out again. tests/kms/test_vector.c holds the
same page against the service's code."""

import hashlib
import hmac
import json
import os
import pathlib
import re
import uuid

PAGE = pathlib.Path(os.environ["P11KMS_SRCDIR"]) / "docs" / "ciphertext-format.md"


# ---- AES-256-GCM: FIPS 197, SP 800-38D; slow, and plain ----


def times(a, b):
    """In GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def s_box_of(byte):
    inverse = next((x for x in range(256) if times(byte, x) == 1), 0)
    doubled = inverse * 0x101
    return (inverse ^ doubled >> 4 ^ doubled >> 5 ^ doubled >> 6 ^ doubled >> 7 ^ 0x63) & 0xFF


S_BOX = [s_box_of(byte) for byte in range(256)]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def round_keys(key):
    words = [key[i : i + 4] for i in range(0, 32, 4)]
    constant = 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = bytes(S_BOX[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = times(constant, 2)
        elif i % 8 == 4:
            word = bytes(S_BOX[b] for b in word)
        words.append(xor(words[-8], word))
    return [b"".join(words[i : i + 4]) for i in range(0, 60, 4)]


def mix_column(column):
    matrix = (2, 3, 1, 1)
    return bytes(
        times(column[0], matrix[-r % 4]) ^ times(column[1], matrix[(1 - r) % 4])
        ^ times(column[2], matrix[(2 - r) % 4]) ^ times(column[3], matrix[(3 - r) % 4])
        for r in range(4)
    )


def aes(keys, block):
    state = xor(block, keys[0])
    for number, key in enumerate(keys[1:], 1):
        state = bytes(S_BOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16))  # SubBytes and ShiftRows
        if number < len(keys) - 1:
            state = b"".join(mix_column(state[i : i + 4]) for i in range(0, 16, 4))
        state = xor(state, key)
    return state


def ghash(h, data):
    result = 0
    for at in range(0, len(data), 16):
        block = result ^ int.from_bytes(data[at : at + 16], "big")
        result, factor = 0, h
        for bit in range(127, -1, -1):
            result ^= factor if block >> bit & 1 else 0
            factor = factor >> 1 ^ (0xE1 << 120 if factor & 1 else 0)
    return result


def padded(data):
    return data + bytes(-len(data) % 16)


def gcm_seal(key, iv, aad, plain):
    """The ciphertext and the tag."""
    keys = round_keys(key)
    h = int.from_bytes(aes(keys, bytes(16)), "big")
    stream = b"".join(aes(keys, iv + n.to_bytes(4, "big")) for n in range(2, 2 + (len(plain) + 15) // 16))
    sealed = xor(plain, stream)
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(sealed)).to_bytes(8, "big")
    digest = ghash(h, padded(aad) + padded(sealed) + lengths)
    return sealed, xor(digest.to_bytes(16, "big"), aes(keys, iv + b"\0\0\0\1"))


# ---- the format ----


def prf(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def u32(number):
    return number.to_bytes(4, "big")


def canonical(context):
    pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    return b"".join(u32(len(name)) + name + u32(len(value)) + value for name, value in pairs)


def recompute(given):
    """Everything that follows from the material, the ids, N, IV, context and plaintext."""
    key_id = uuid.UUID(given["key id"]).bytes
    material_id, n, iv = (bytes.fromhex(given[name]) for name in ("material id", "N", "IV"))
    made = {"key id bytes": key_id}
    made["PRF input"] = u32(1) + b"p11kms/v1/message" + b"\0" + key_id + n + u32(256)
    made["K0"] = prf(bytes.fromhex(given["material"]), made["PRF input"])
    made["Km"] = prf(made["K0"], b"aead" + b"\1")  # HKDF-Expand of one block
    made["Kc"] = prf(made["K0"], b"commit" + b"\1")
    made["context"] = canonical(json.loads(given["encryption context"]))
    made["header"] = b"\1\1" + key_id + material_id + n + iv
    made["AAD"] = made["header"] + made["context"]
    made["ciphertext"], made["tag"] = gcm_seal(made["Km"], iv, made["AAD"], given["plaintext"].encode())
    made["blob"] = made["header"] + made["Kc"] + made["ciphertext"] + made["tag"]
    made["KeyMaterialId"] = hashlib.sha256(b"p11kms/v1/material\0" + key_id + material_id).digest()
    return {name: value.hex() for name, value in made.items()}


def vectors():
    """The fields of every vector of the page. A line that begins with spaces goes on with the field before it."""
    for block in re.findall(r"^### Vector.*?^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S):
        fields = {}
        for line in block.splitlines():
            if line.startswith(" "):
                fields[name] += line.strip()
            else:
                name, _, value = (part.strip() for part in line.partition("="))
                fields[name] = value
        yield fields


def main():
    results = []
    # SP 800-38D's algorithm, by the last case of McGrew and Viega's paper with a 256-bit key and a 96-bit IV
    sealed, tag = gcm_seal(bytes(32), bytes(12), b"", bytes(16))
    results.append((sealed.hex() == "cea7403d4d606b6e074ec5d3baf39d18" and
                    tag.hex() == "d0d1c8a799996bf0265b98b5d48ab919", "AES-256-GCM gives the known answer"))
    pages = list(vectors())
    results.append((len(pages) >= 2, "the page has its vectors"))
    for number, given in enumerate(pages, 1):
        for name, value in recompute(given).items():
            results.append((given.get(name) == value, f"vector {number}: {name}"))
    print(f"1..{len(results)}")
    for number, (right, what) in enumerate(results, 1):
        print("ok" if right else "not ok", number, "-", what)


if __name__ == "__main__":
    main()
