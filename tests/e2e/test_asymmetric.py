"""Keys with two halves and keys of MACs: what the service signs, seals and derives, others can check, and the other way round."""

import datetime
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import tempfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

import tap
from kms_case import KmsCase, Refused
from p11kms_test import ACCOUNT, APP

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
RSA = ["RSA_2048", "RSA_3072", "RSA_4096"]
RSA_SIGNING = [f"RSASSA_{scheme}_SHA_{bits}" for scheme in ("PKCS1_V1_5", "PSS") for bits in HASHES]
ECDSA = {"ECC_NIST_P256": "ECDSA_SHA_256", "ECC_NIST_P384": "ECDSA_SHA_384", "ECC_NIST_P521": "ECDSA_SHA_512",
         "ECC_SECG_P256K1": "ECDSA_SHA_256"}
SIGNING = {spec: RSA_SIGNING for spec in RSA} | {spec: [name] for spec, name in ECDSA.items()} | {
    "ECC_NIST_EDWARDS25519": ["ED25519_SHA_512"]}
MACS = {f"HMAC_{bits}": f"HMAC_SHA_{bits}" for bits in ("224", "256", "384", "512")}
CURVES = {"ECC_NIST_P256": ec.SECP256R1(), "ECC_NIST_P384": ec.SECP384R1(), "ECC_NIST_P521": ec.SECP521R1()}
OAEP = {"RSAES_OAEP_SHA_1": hashes.SHA1(), "RSAES_OAEP_SHA_256": hashes.SHA256()}
LONGEST = {"RSA_2048": (214, 190), "RSA_3072": (342, 318), "RSA_4096": (470, 446)}
DRY_RUN = "The request would have succeeded, but the DryRun option is set."
MESSAGES = (b"x", b"a message", bytes(range(256)) * 16)


def hash_of(algorithm):
    return HASHES[algorithm[-3:]]


def digest_of(algorithm, message):
    return hashlib.new("sha" + algorithm[-3:], message).digest()


def oaep(algorithm):
    return padding.OAEP(padding.MGF1(OAEP[algorithm]), OAEP[algorithm], None)


def verifies(public_key, algorithm, message, signature):
    """As python3-cryptography sees it."""
    try:
        if isinstance(public_key, ed25519.Ed25519PublicKey):
            public_key.verify(signature, message)
        elif isinstance(public_key, ec.EllipticCurvePublicKey):
            public_key.verify(signature, message, ec.ECDSA(hash_of(algorithm)))
        elif "PSS" in algorithm:
            same = hash_of(algorithm)
            public_key.verify(signature, message, padding.PSS(padding.MGF1(same), same.digest_size), same)
        else:
            public_key.verify(signature, message, padding.PKCS1v15(), hash_of(algorithm))
    except InvalidSignature:
        return False
    return True


def openssl(*words, **files):
    """openssl(...) with each of files as a file of that name; its output."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            pathlib.Path(folder, name).write_bytes(content)
        done = subprocess.run(["/usr/bin/openssl", *words], cwd=folder, capture_output=True, check=False, timeout=60)
        return done.stdout if done.returncode == 0 else None


class AsymmetricCase(KmsCase):
    made = {}

    @classmethod
    def key(cls, spec, usage):
        """One of each kind a class: KeyMetadata with the public key in it, as bytes and as an object."""
        if (cls, spec, usage) not in cls.made:
            key = cls.kms("CreateKey", KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
            if not spec.startswith("HMAC"):
                key["der"] = cls.kms("GetPublicKey", KeyId=key["KeyId"])["PublicKey"]
                key["public"] = serialization.load_der_public_key(key["der"])
            cls.made[cls, spec, usage] = key
        return cls.made[cls, spec, usage]


class Signing(AsymmetricCase):
    def sign(self, key, algorithm, message, **more):
        answer = self.kms("Sign", KeyId=key["KeyId"], Message=message, SigningAlgorithm=algorithm, **more)
        self.assertEqual((answer["KeyId"], answer["SigningAlgorithm"]), (key["Arn"], algorithm))
        return answer["Signature"]

    def verify(self, key, algorithm, message, signature, **more):
        answer = self.kms("Verify", KeyId=key["KeyId"], Message=message, SigningAlgorithm=algorithm,
                          Signature=signature, **more)
        self.assertEqual(answer, {"KeyId": key["Arn"], "SignatureValid": True, "SigningAlgorithm": algorithm})

    def is_no_signature(self, key, algorithm, message, signature, **more):
        self.refused("KMSInvalidSignatureException", None, "Verify", KeyId=key["KeyId"], Message=message,
                     SigningAlgorithm=algorithm, Signature=signature, **more)

    def each(self):
        for spec, algorithms in SIGNING.items():
            for algorithm in algorithms:
                with self.subTest(spec=spec, algorithm=algorithm):
                    yield self.key(spec, "SIGN_VERIFY"), algorithm

    def test_everyone_can_verify_what_is_signed(self):
        for key, algorithm in self.each():
            for message in MESSAGES:
                signature = self.sign(key, algorithm, message)
                self.assertTrue(verifies(key["public"], algorithm, message, signature))
                self.verify(key, algorithm, message, signature)
                self.verify(key, algorithm, message, signature, MessageType="RAW")

    def test_a_digest_is_signed_like_its_message(self):
        for key, algorithm in self.each():
            if algorithm.startswith("ED25519"):
                continue
            digest = digest_of(algorithm, b"a message")
            signature = self.sign(key, algorithm, digest, MessageType="DIGEST")
            self.assertTrue(verifies(key["public"], algorithm, b"a message", signature))
            self.verify(key, algorithm, b"a message", signature)
            self.verify(key, algorithm, digest, self.sign(key, algorithm, b"a message"), MessageType="DIGEST")
            self.is_no_signature(key, algorithm, digest, signature)

    def test_openssl_verifies_it_too(self):
        for key, algorithm in self.each():
            signature = self.sign(key, algorithm, b"a message")
            if algorithm.startswith("ED25519"):
                words = ["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", "key", "-sigfile",
                         "signature", "-in", "message"]
            else:
                pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] if "PSS" in algorithm else []
                words = ["dgst", "-sha" + algorithm[-3:], *pss, "-keyform", "DER", "-verify", "key", "-signature",
                         "signature", "message"]
            self.assertIsNotNone(openssl(*words, key=key["der"], signature=signature, message=b"a message"))
            self.assertIsNone(openssl(*words, key=key["der"], signature=signature, message=b"another"))

    def test_no_bit_of_a_signature_or_message_may_differ(self):
        for key, algorithm in self.each():
            signature = self.sign(key, algorithm, b"a message")
            places = {0, 1, len(signature) // 2, len(signature) - 1}
            for place in places:
                changed = signature[:place] + bytes([signature[place] ^ 0x01]) + signature[place + 1:]
                self.is_no_signature(key, algorithm, b"a message", changed)
            for wrong in (signature[:-1], signature + b"\0", b"\0" * len(signature), b"x", b"x" * 6144):
                self.is_no_signature(key, algorithm, b"a message", wrong)
            self.is_no_signature(key, algorithm, b"A message", signature)

    def test_a_signature_of_another_key_or_algorithm_is_none(self):
        one, other = (self.new_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY") for _ in range(2))
        for algorithm in RSA_SIGNING:
            signature = self.sign(one, algorithm, b"a message")
            self.is_no_signature(other, algorithm, b"a message", signature)
            for wrong in set(RSA_SIGNING) - {algorithm}:
                self.is_no_signature(one, wrong, b"a message", signature)

    def test_raw_ecdsa_signatures_are_not_what_aws_takes(self):
        key = self.key("ECC_NIST_P256", "SIGN_VERIFY")
        r, s = utils.decode_dss_signature(self.sign(key, "ECDSA_SHA_256", b"a message"))
        self.is_no_signature(key, "ECDSA_SHA_256", b"a message", r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def test_a_digest_of_another_length_is_refused(self):
        for key, algorithm in self.each():
            if algorithm.startswith("ED25519"):
                continue
            right = len(digest_of(algorithm, b""))
            for length in {1, 20, 28, 32, 48, 64, 65, 4096} - {right}:
                self.refused("ValidationException", f"Digest is invalid length for algorithm {algorithm}.", "Sign",
                             KeyId=key["KeyId"], Message=b"x" * length, MessageType="DIGEST", SigningAlgorithm=algorithm)
                self.refused("ValidationException", f"Digest is invalid length for algorithm {algorithm}.", "Verify",
                             KeyId=key["KeyId"], Message=b"x" * length, MessageType="DIGEST", SigningAlgorithm=algorithm,
                             Signature=b"x")

    def test_ed25519_takes_messages_and_its_prehash_digests(self):
        key = self.key("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
        self.refused("ValidationException", "Message type EXTERNAL_MU is incompatible with key spec ECC_NIST_EDWARDS25519.",
                     "Sign", KeyId=key["KeyId"], Message=b"x" * 64, MessageType="EXTERNAL_MU",
                     SigningAlgorithm="ED25519_SHA_512")
        for kind, algorithm in (("DIGEST", "ED25519_SHA_512"), ("RAW", "ED25519_PH_SHA_512")):
            self.refused("ValidationException", f"Message type {kind} is incompatible with algorithm {algorithm}.", "Sign",
                         KeyId=key["KeyId"], Message=b"x" * 64, MessageType=kind, SigningAlgorithm=algorithm)
        self.refused("ValidationException", "Digest is invalid length for algorithm ED25519_PH_SHA_512.", "Sign",
                     KeyId=key["KeyId"], Message=b"x" * 63, MessageType="DIGEST", SigningAlgorithm="ED25519_PH_SHA_512")
        if "ED25519_PH_SHA_512" not in key["SigningAlgorithms"]:
            self.refused("InvalidKeyUsageException", re.compile("ED25519_PH_SHA_512 is not supported: the token 'dev'"),
                         "Sign", KeyId=key["KeyId"], Message=b"x" * 64, MessageType="DIGEST",
                         SigningAlgorithm="ED25519_PH_SHA_512")

    def test_an_algorithm_of_other_keys_is_refused(self):
        for spec, wrong in (("RSA_2048", "ECDSA_SHA_256"), ("ECC_NIST_P256", "ECDSA_SHA_384"),
                            ("ECC_NIST_P384", "RSASSA_PSS_SHA_384"), ("ECC_SECG_P256K1", "ED25519_SHA_512"),
                            ("ECC_NIST_EDWARDS25519", "ECDSA_SHA_512"), ("ECC_NIST_P256", "SM2DSA"),
                            ("ECC_NIST_P256", "ML_DSA_SHAKE_256")):
            for operation in ("Sign", "Verify"):
                self.refused("InvalidKeyUsageException", f"Algorithm {wrong} is incompatible with key spec {spec}.",
                             operation, KeyId=self.key(spec, "SIGN_VERIFY")["KeyId"], Message=b"x", SigningAlgorithm=wrong,
                             **({"Signature": b"x"} if operation == "Verify" else {}))

    def test_keys_tell_what_they_sign_with(self):
        for spec, algorithms in SIGNING.items():
            key = self.key(spec, "SIGN_VERIFY")
            self.assertLessEqual(set(algorithms), set(key["SigningAlgorithms"]))
            answer = self.kms("GetPublicKey", KeyId=key["KeyId"])
            self.assertEqual({"KeyId": key["Arn"], "KeySpec": spec, "KeyUsage": "SIGN_VERIFY",
                              "CustomerMasterKeySpec": spec, "SigningAlgorithms": key["SigningAlgorithms"],
                              "PublicKey": key["der"]}, answer)

    def test_a_dry_run_signs_nothing(self):
        key = self.key("ECC_NIST_P256", "SIGN_VERIFY")
        signature = self.sign(key, "ECDSA_SHA_256", b"x")
        self.refused("DryRunOperationException", DRY_RUN, "Sign", KeyId=key["KeyId"], Message=b"x",
                     SigningAlgorithm="ECDSA_SHA_256", DryRun=True)
        self.refused("DryRunOperationException", DRY_RUN, "Verify", KeyId=key["KeyId"], Message=b"x",
                     SigningAlgorithm="ECDSA_SHA_256", Signature=signature, DryRun=True)
        self.refused("KMSInvalidSignatureException", None, "Verify", KeyId=key["KeyId"], Message=b"y",
                     SigningAlgorithm="ECDSA_SHA_256", Signature=signature, DryRun=True)

    def test_the_record_has_neither_message_nor_signature(self):
        key = self.key("ECC_NIST_P256", "SIGN_VERIFY")
        self.sign(key, "ECDSA_SHA_256", b"not for the log")
        record = next(r for r in reversed(self.service.audit()) if r["eventName"] == "Sign")
        self.assertEqual(record["resources"][0]["ARN"], key["Arn"])
        self.assertTrue(record["readOnly"])
        self.assertIsNone(record["responseElements"])
        self.assertEqual(record["requestParameters"], {"keyId": key["KeyId"], "signingAlgorithm": "ECDSA_SHA_256"})


class Macs(AsymmetricCase):
    def test_a_mac_has_the_length_of_its_hash_and_verifies(self):
        for spec, algorithm in MACS.items():
            with self.subTest(spec):
                key = self.key(spec, "GENERATE_VERIFY_MAC")
                self.assertEqual(key["MacAlgorithms"], [algorithm])
                for message in MESSAGES:
                    same = {"KeyId": key["KeyId"], "MacAlgorithm": algorithm, "Message": message}
                    answer = self.kms("GenerateMac", **same)
                    mac = answer.pop("Mac")
                    self.assertEqual(answer, {"KeyId": key["Arn"], "MacAlgorithm": algorithm})
                    self.assertEqual(len(mac) * 8, int(spec[-3:]))
                    self.assertEqual(self.kms("VerifyMac", Mac=mac, **same),
                                     {"KeyId": key["Arn"], "MacAlgorithm": algorithm, "MacValid": True})
                    for wrong in (mac[:-1], mac + b"\0", bytes([mac[0] ^ 1]) + mac[1:], mac[:-1] + bytes([mac[-1] ^ 1]),
                                  b"x", hmac.new(b"", message, "sha" + spec[-3:]).digest()):
                        self.refused("KMSInvalidMacException", None, "VerifyMac", Mac=wrong, **same)

    def test_a_mac_is_of_one_key_and_message(self):
        one, other = (self.new_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"] for _ in range(2))
        same = {"MacAlgorithm": "HMAC_SHA_256", "Message": b"x"}
        mac = self.kms("GenerateMac", KeyId=one, **same)["Mac"]
        self.assertEqual(mac, self.kms("GenerateMac", KeyId=one, **same)["Mac"])
        self.assertNotEqual(mac, self.kms("GenerateMac", KeyId=other, **same)["Mac"])
        self.refused("KMSInvalidMacException", None, "VerifyMac", KeyId=other, Mac=mac, **same)
        self.refused("KMSInvalidMacException", None, "VerifyMac", KeyId=one, Mac=mac, **(same | {"Message": b"y"}))

    def test_an_algorithm_of_other_keys_is_refused(self):
        key = self.key("HMAC_224", "GENERATE_VERIFY_MAC")
        for operation, more in (("GenerateMac", {}), ("VerifyMac", {"Mac": b"x"})):
            self.refused("InvalidKeyUsageException", "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.",
                         operation, KeyId=key["KeyId"], Message=b"x", MacAlgorithm="HMAC_SHA_256", **more)

    def test_an_hmac_key_has_no_public_key(self):
        key = self.key("HMAC_256", "GENERATE_VERIFY_MAC")
        self.refused("UnsupportedOperationException", re.compile("HMAC_256 which is not valid for GetPublicKey"),
                     "GetPublicKey", KeyId=key["KeyId"])

    def test_a_dry_run_computes_nothing(self):
        same = {"KeyId": self.key("HMAC_256", "GENERATE_VERIFY_MAC")["KeyId"], "MacAlgorithm": "HMAC_SHA_256",
                "Message": b"x"}
        mac = self.kms("GenerateMac", **same)["Mac"]
        self.refused("DryRunOperationException", DRY_RUN, "GenerateMac", DryRun=True, **same)
        self.refused("DryRunOperationException", DRY_RUN, "VerifyMac", Mac=mac, DryRun=True, **same)
        self.refused("KMSInvalidMacException", None, "VerifyMac", Mac=b"x", DryRun=True, **same)


class Agreement(AsymmetricCase):
    def derive(self, key, public_key, **more):
        return self.kms("DeriveSharedSecret", KeyId=key["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=public_key, **more)

    def is_refused(self, key, public_key, message):
        self.refused("ValidationException", message, "DeriveSharedSecret", KeyId=key["KeyId"], KeyAgreementAlgorithm="ECDH",
                     PublicKey=public_key)

    def test_both_sides_get_the_same_secret(self):
        for spec, curve in CURVES.items():
            with self.subTest(spec):
                key = self.key(spec, "KEY_AGREEMENT")
                self.assertEqual(key["KeyAgreementAlgorithms"], ["ECDH"])
                for _ in range(3):
                    mine = ec.generate_private_key(curve)
                    der = mine.public_key().public_bytes(serialization.Encoding.DER,
                                                         serialization.PublicFormat.SubjectPublicKeyInfo)
                    self.assertEqual(self.derive(key, der),
                                     {"KeyId": key["Arn"], "KeyAgreementAlgorithm": "ECDH", "KeyOrigin": "AWS_KMS",
                                      "SharedSecret": mine.exchange(ec.ECDH(), key["public"])})

    def test_two_kms_keys_agree(self):
        one, other = (self.new_key(KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT") for _ in range(2))
        ders = [self.kms("GetPublicKey", KeyId=key["KeyId"])["PublicKey"] for key in (one, other)]
        self.assertEqual(self.derive(one, ders[1])["SharedSecret"], self.derive(other, ders[0])["SharedSecret"])

    def test_a_point_of_another_curve_or_of_none_is_refused(self):
        key = self.key("ECC_NIST_P256", "KEY_AGREEMENT")
        other_spec = "PublicKey is not of key spec ECC_NIST_P256, which the KMS key has."
        no_key = "PublicKey is not a DER-encoded SubjectPublicKeyInfo of a supported key."
        for curve, message in ((ec.SECP384R1(), other_spec), (ec.SECP521R1(), other_spec), (ec.SECP256K1(), other_spec),
                               (ec.SECP224R1(), no_key), (ec.BrainpoolP256R1(), no_key)):
            der = ec.generate_private_key(curve).public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            self.is_refused(key, der, message)
        der = key["der"]
        compressed = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + key["public"].public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
        for wrong in (der[:-1] + bytes([der[-1] ^ 1]), der[:-1], der + b"\0", der[:-64] + bytes(64), compressed, b"x",
                      b"x" * 8192):
            self.is_refused(key, wrong, no_key)

    def test_keys_that_sign_do_not_agree_and_the_other_way_round(self):
        signs, agrees = (self.key("ECC_NIST_P256", usage) for usage in ("SIGN_VERIFY", "KEY_AGREEMENT"))
        self.refused("InvalidKeyUsageException",
                     f"{signs['Arn']} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret.",
                     "DeriveSharedSecret", KeyId=signs["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=agrees["der"])
        self.refused("InvalidKeyUsageException",
                     f"{agrees['Arn']} key usage is KEY_AGREEMENT which is not valid for Sign.", "Sign",
                     KeyId=agrees["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256")

    def test_a_dry_run_derives_nothing_and_an_enclave_cannot_be_served(self):
        key = self.key("ECC_NIST_P256", "KEY_AGREEMENT")
        same = {"KeyId": key["KeyId"], "KeyAgreementAlgorithm": "ECDH", "PublicKey": key["der"]}
        self.refused("DryRunOperationException", DRY_RUN, "DeriveSharedSecret", DryRun=True, **same)


class RsaMessages(AsymmetricCase):
    def encrypt(self, key, algorithm, plaintext):
        answer = self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=plaintext, EncryptionAlgorithm=algorithm)
        self.assertEqual((answer["KeyId"], answer["EncryptionAlgorithm"]), (key["Arn"], algorithm))
        return answer["CiphertextBlob"]

    def each(self):
        for spec in RSA:
            for i, algorithm in enumerate(OAEP):
                with self.subTest(spec=spec, algorithm=algorithm):
                    yield self.key(spec, "ENCRYPT_DECRYPT"), algorithm, LONGEST[spec][i]

    def test_what_is_encrypted_comes_back_at_every_length(self):
        for key, algorithm, longest in self.each():
            self.assertEqual(set(key["EncryptionAlgorithms"]), set(OAEP))
            for length in (1, 32, longest):
                plaintext = os.urandom(length)
                blob = self.encrypt(key, algorithm, plaintext)
                self.assertEqual(len(blob) * 8, int(key["KeySpec"][-4:]))
                back = self.kms("Decrypt", KeyId=key["KeyId"], CiphertextBlob=blob, EncryptionAlgorithm=algorithm)
                self.assertEqual(back, {"KeyId": key["Arn"], "Plaintext": plaintext, "EncryptionAlgorithm": algorithm})
            self.refused("ValidationException",
                         f"Algorithm {algorithm} and key spec {key['KeySpec']} cannot encrypt data larger than "
                         f"{longest} bytes.", "Encrypt", KeyId=key["KeyId"], Plaintext=b"x" * (longest + 1),
                         EncryptionAlgorithm=algorithm)

    def test_what_others_encrypt_with_the_public_key_is_decrypted(self):
        for key, algorithm, longest in self.each():
            for plaintext in (b"x", os.urandom(longest)):
                blob = key["public"].encrypt(plaintext, oaep(algorithm))
                self.assertEqual(self.kms("Decrypt", KeyId=key["KeyId"], CiphertextBlob=blob,
                                          EncryptionAlgorithm=algorithm)["Plaintext"], plaintext)

    def test_whatever_else_comes_is_an_invalid_ciphertext(self):
        key = self.key("RSA_2048", "ENCRYPT_DECRYPT")
        other = self.new_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
        for algorithm, wrong_algorithm in zip(OAEP, reversed(OAEP)):
            same = {"KeyId": key["KeyId"], "EncryptionAlgorithm": algorithm}
            blob = self.encrypt(key, algorithm, b"a message")
            n = key["public"].public_numbers().n
            foreign = serialization.load_der_public_key(self.kms("GetPublicKey", KeyId=other["KeyId"])["PublicKey"])
            for wrong in (blob[:-1], blob + b"\0", b"\0" + blob, bytes(256), b"\xff" * 256, n.to_bytes(256, "big"),
                          (n - 1).to_bytes(256, "big"), (1).to_bytes(256, "big"), blob[:100] + bytes([blob[100] ^ 1]) + blob[101:],
                          foreign.encrypt(b"a message", oaep(algorithm)),
                          key["public"].encrypt(b"a message", oaep(wrong_algorithm)),
                          key["public"].encrypt(b"a message", padding.PKCS1v15()),
                          key["public"].encrypt(b"a message", padding.OAEP(padding.MGF1(OAEP[algorithm]), OAEP[algorithm], b"label"))):
                self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=wrong, **same)

    def test_key_and_algorithm_must_be_said(self):
        key = self.key("RSA_2048", "ENCRYPT_DECRYPT")
        blob = self.encrypt(key, "RSAES_OAEP_SHA_256", b"x")
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob)
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob, KeyId=key["KeyId"])
        self.refused("ValidationException", "KeyId must not be null", "Decrypt", CiphertextBlob=blob,
                     EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        self.refused("ValidationException", "SourceKeyId must not be null", "ReEncrypt", CiphertextBlob=blob,
                     SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256", DestinationKeyId=self.new_key()["KeyId"])
        self.refused("InvalidKeyUsageException", "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
                     "Encrypt", KeyId=key["KeyId"], Plaintext=b"x")
        for operation, more in (("Encrypt", {"Plaintext": b"x"}), ("Decrypt", {"CiphertextBlob": blob})):
            self.refused("ValidationException",
                         "EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.", operation,
                         KeyId=key["KeyId"], EncryptionAlgorithm="RSAES_OAEP_SHA_256", EncryptionContext={"a": "b"}, **more)

    def test_re_encryption_goes_between_all_kinds(self):
        key, symmetric = self.key("RSA_2048", "ENCRYPT_DECRYPT"), self.new_key()
        blob = self.kms("Encrypt", KeyId=symmetric["KeyId"], Plaintext=b"a message")["CiphertextBlob"]
        there = self.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key["KeyId"],
                         DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_1")
        self.assertEqual(set(there), {"CiphertextBlob", "KeyId", "SourceKeyId", "SourceKeyMaterialId",
                                      "SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"})
        over = self.kms("ReEncrypt", CiphertextBlob=there["CiphertextBlob"], SourceKeyId=key["KeyId"],
                        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_1", DestinationKeyId=key["KeyId"],
                        DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256")
        back = self.kms("ReEncrypt", CiphertextBlob=over["CiphertextBlob"], SourceKeyId=key["KeyId"],
                        SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256", DestinationKeyId=symmetric["KeyId"],
                        DestinationEncryptionContext={"a": "b"})
        self.assertEqual((back["KeyId"], back["SourceKeyId"]), (symmetric["Arn"], key["Arn"]))
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=back["CiphertextBlob"],
                                  EncryptionContext={"a": "b"})["Plaintext"], b"a message")
        self.refused("ValidationException", re.compile("cannot encrypt data larger than 214 bytes"), "ReEncrypt",
                     CiphertextBlob=self.kms("Encrypt", KeyId=symmetric["KeyId"], Plaintext=b"x" * 215)["CiphertextBlob"],
                     DestinationKeyId=key["KeyId"], DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_1")

    def test_data_keys_need_a_symmetric_key(self):
        key = self.key("RSA_2048", "ENCRYPT_DECRYPT")
        for operation, more in (("GenerateDataKey", {"KeySpec": "AES_256"}),
                                ("GenerateDataKeyWithoutPlaintext", {"KeySpec": "AES_256"}),
                                ("GenerateDataKeyPair", {"KeyPairSpec": "ECC_NIST_P256"}),
                                ("GenerateDataKeyPairWithoutPlaintext", {"KeyPairSpec": "ECC_NIST_P256"})):
            self.refused("InvalidKeyUsageException", f"{key['Arn']} key spec is RSA_2048 which is not valid for {operation}.",
                         operation, KeyId=key["KeyId"], **more)


class Restarts(AsymmetricCase):
    def test_public_keys_and_what_was_made_survive(self):
        signs, decrypts = self.key("ECC_NIST_P256", "SIGN_VERIFY"), self.key("RSA_2048", "ENCRYPT_DECRYPT")
        macs = self.key("HMAC_512", "GENERATE_VERIFY_MAC")
        signature = self.kms("Sign", KeyId=signs["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        mac = self.kms("GenerateMac", KeyId=macs["KeyId"], Message=b"x", MacAlgorithm="HMAC_SHA_512")["Mac"]
        blob = decrypts["public"].encrypt(b"x", oaep("RSAES_OAEP_SHA_256"))
        self.service.restart()
        type(self).callers.clear()
        kms = self.caller()
        self.assertEqual(kms("GetPublicKey", KeyId=signs["KeyId"])["PublicKey"], signs["der"])
        kms("Verify", KeyId=signs["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256", Signature=signature)
        kms("VerifyMac", KeyId=macs["KeyId"], Message=b"x", MacAlgorithm="HMAC_SHA_512", Mac=mac)
        self.assertEqual(kms("Decrypt", KeyId=decrypts["KeyId"], CiphertextBlob=blob,
                             EncryptionAlgorithm="RSAES_OAEP_SHA_256")["Plaintext"], b"x")


class Conditions(AsymmetricCase):
    def key_for_app(self, spec, usage, actions, condition):
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/app"}, "Action": actions,
             "Resource": "*", "Condition": {"StringEquals": condition}}]}
        return self.new_key(KeySpec=spec, KeyUsage=usage, Policy=json.dumps(policy))

    def is_denied(self, operation, **parameters):
        with self.assertRaises(Refused) as caught:
            self.caller(APP)(operation, **parameters)
        self.assertEqual(caught.exception.code, "AccessDeniedException")

    def test_a_policy_can_ask_for_algorithm_and_message_type(self):
        app = self.caller(APP)
        key = self.key_for_app("RSA_2048", "SIGN_VERIFY", ["kms:Sign", "kms:Verify"],
                               {"kms:SigningAlgorithm": "RSASSA_PSS_SHA_256", "kms:MessageType": "RAW"})["KeyId"]
        good = {"KeyId": key, "Message": b"x", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
        signature = app("Sign", **good)["Signature"]
        app("Verify", Signature=signature, MessageType="RAW", **good)
        self.is_denied("Sign", **(good | {"SigningAlgorithm": "RSASSA_PSS_SHA_384"}))
        self.is_denied("Sign", MessageType="DIGEST", **(good | {"Message": b"x" * 32}))
        self.is_denied("Verify", Signature=signature, **(good | {"SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256"}))

    def test_a_policy_can_ask_for_the_encryption_algorithm(self):
        app = self.caller(APP)
        key = self.key_for_app("RSA_2048", "ENCRYPT_DECRYPT", ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*"],
                               {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA_256"})["KeyId"]
        blob = app("Encrypt", KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")["CiphertextBlob"]
        app("Decrypt", KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        self.is_denied("Encrypt", KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_1")
        self.is_denied("Decrypt", KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_1")
        both = {"CiphertextBlob": blob, "SourceKeyId": key, "DestinationKeyId": key}
        app("ReEncrypt", SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256", DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256",
            **both)
        for source, destination in (("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"), ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1")):
            self.is_denied("ReEncrypt", SourceEncryptionAlgorithm=source, DestinationEncryptionAlgorithm=destination, **both)

    def test_a_policy_can_ask_for_mac_and_agreement_algorithms(self):
        app = self.caller(APP)
        for wanted, denied in (("HMAC_SHA_256", False), ("HMAC_SHA_512", True)):
            key = self.key_for_app("HMAC_256", "GENERATE_VERIFY_MAC", "kms:GenerateMac", {"kms:MacAlgorithm": wanted})["KeyId"]
            call = self.is_denied if denied else app
            call("GenerateMac", KeyId=key, Message=b"x", MacAlgorithm="HMAC_SHA_256")
        key = self.key_for_app("ECC_NIST_P256", "KEY_AGREEMENT", "kms:DeriveSharedSecret",
                               {"kms:KeyAgreementAlgorithm": "ECDH"})["KeyId"]
        app("DeriveSharedSecret", KeyId=key, KeyAgreementAlgorithm="ECDH",
            PublicKey=self.kms("GetPublicKey", KeyId=key)["PublicKey"])
        self.is_denied("GetPublicKey", KeyId=key)


if __name__ == "__main__":
    tap.main()
