"""Data key pairs: made by the service, given away, and the private half sealed like a data key."""

import concurrent.futures
import json
import re
import subprocess
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

import tap
from kms_case import Caller, KmsCase, Refused
from p11kms_test import ACCOUNT, APP, patience

RSA = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
CURVES = {"ECC_NIST_P256": ec.SECP256R1, "ECC_NIST_P384": ec.SECP384R1, "ECC_NIST_P521": ec.SECP521R1,
          "ECC_SECG_P256K1": ec.SECP256K1}
SPECS = [*RSA, *CURVES, "ECC_NIST_EDWARDS25519"]
OPERATIONS = ("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext")


def public_der(private_key):
    return private_key.public_key().public_bytes(serialization.Encoding.DER,
                                                 serialization.PublicFormat.SubjectPublicKeyInfo)


class Pairs(KmsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.kms("CreateKey")["KeyMetadata"]

    def check_kind(self, spec, private_key):
        if spec in RSA:
            self.assertEqual((private_key.key_size, private_key.public_key().public_numbers().e), (RSA[spec], 65537))
        elif spec in CURVES:
            self.assertIsInstance(private_key.curve, CURVES[spec])
        else:
            self.assertIsInstance(private_key, ed25519.Ed25519PrivateKey)

    def test_a_pair_is_what_was_asked_for_and_its_private_half_comes_back(self):
        for spec in SPECS:
            with self.subTest(spec):
                answer = self.kms("GenerateDataKeyPair", KeyId=self.key["KeyId"], KeyPairSpec=spec)
                private_key = serialization.load_der_private_key(answer["PrivateKeyPlaintext"], None)
                self.check_kind(spec, private_key)
                self.assertEqual(public_der(private_key), answer["PublicKey"])
                self.assertEqual((answer["KeyId"], answer["KeyPairSpec"], answer["KeyMaterialId"]),
                                 (self.key["Arn"], spec, self.key["CurrentKeyMaterialId"]))
                back = self.kms("Decrypt", CiphertextBlob=answer["PrivateKeyCiphertextBlob"])
                self.assertEqual(back["Plaintext"], answer["PrivateKeyPlaintext"])

    def test_without_plaintext_it_comes_back_all_the_same(self):
        for spec in SPECS:
            with self.subTest(spec):
                answer = self.kms("GenerateDataKeyPairWithoutPlaintext", KeyId=self.key["KeyId"], KeyPairSpec=spec)
                self.assertNotIn("PrivateKeyPlaintext", answer)
                back = self.kms("Decrypt", CiphertextBlob=answer["PrivateKeyCiphertextBlob"])["Plaintext"]
                self.assertEqual(public_der(serialization.load_der_private_key(back, None)), answer["PublicKey"])

    def test_openssl_takes_private_halves_as_pkcs8(self):
        for spec in SPECS + ["SM2"]:
            with self.subTest(spec):
                answer = self.kms("GenerateDataKeyPair", KeyId=self.key["KeyId"], KeyPairSpec=spec)
                done = subprocess.run(["/usr/bin/openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"],
                                      input=answer["PrivateKeyPlaintext"], capture_output=True, check=True)
                self.assertEqual(done.stdout, answer["PublicKey"])
                self.assertIsNone(re.search(rb"BEGIN", answer["PrivateKeyPlaintext"]))

    def test_the_pair_works(self):
        answer = self.kms("GenerateDataKeyPair", KeyId=self.key["KeyId"], KeyPairSpec="RSA_2048")
        private_key = serialization.load_der_private_key(answer["PrivateKeyPlaintext"], None)
        signature = private_key.sign(b"x", padding.PKCS1v15(), hashes.SHA256())
        serialization.load_der_public_key(answer["PublicKey"]).verify(signature, b"x", padding.PKCS1v15(), hashes.SHA256())

    def test_no_two_pairs_are_the_same(self):
        halves = {self.kms("GenerateDataKeyPair", KeyId=self.key["KeyId"], KeyPairSpec="ECC_NIST_P256")["PrivateKeyPlaintext"]
                  for _ in range(20)}
        self.assertEqual(len(halves), 20)

    def test_the_context_is_needed_again(self):
        answer = self.kms("GenerateDataKeyPair", KeyId=self.key["KeyId"], KeyPairSpec="ECC_NIST_P256",
                          EncryptionContext={"tenant": "a"})
        blob = answer["PrivateKeyCiphertextBlob"]
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob)
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob, EncryptionContext={"tenant": "b"})
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob, EncryptionContext={"tenant": "a"})["Plaintext"],
                         answer["PrivateKeyPlaintext"])

    def test_a_dry_run_makes_none(self):
        for operation in OPERATIONS:
            begun = time.monotonic()
            self.refused("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.",
                         operation, KeyId=self.key["KeyId"], KeyPairSpec="RSA_4096", DryRun=True)
            self.assertLess(time.monotonic() - begun, patience(5))

    def test_a_spec_must_be_one_of_the_list(self):
        for operation in OPERATIONS:
            self.refused("ValidationException", re.compile("'AES_256' at 'keyPairSpec' failed to satisfy constraint: "
                                                           "Member must satisfy enum value set"),
                         operation, KeyId=self.key["KeyId"], KeyPairSpec="AES_256")

    def test_a_disabled_key_seals_none(self):
        key = self.new_key()
        self.kms("DisableKey", KeyId=key["KeyId"])
        for operation in OPERATIONS:
            self.refused("DisabledException", f"{key['Arn']} is disabled.", operation, KeyId=key["KeyId"],
                         KeyPairSpec="ECC_NIST_P256")

    def test_a_policy_can_ask_for_the_spec(self):
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/app"}, "Resource": "*",
             "Action": "kms:GenerateDataKeyPair*",
             "Condition": {"StringLike": {"kms:DataKeyPairSpec": "ECC_*"},
                           "StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}}]}
        key = self.new_key(Policy=json.dumps(policy))["KeyId"]
        app = self.caller(APP)
        for operation in OPERATIONS:
            app(operation, KeyId=key, KeyPairSpec="ECC_NIST_P256")
            with self.assertRaises(Refused) as caught:
                app(operation, KeyId=key, KeyPairSpec="RSA_2048")
            self.assertEqual(caught.exception.code, "AccessDeniedException")

    def test_nothing_of_a_private_half_is_recorded(self):
        self.kms("GenerateDataKeyPair", KeyId=self.key["KeyId"], KeyPairSpec="ECC_NIST_P256", EncryptionContext={"a": "b"})
        record = next(r for r in reversed(self.service.audit()) if r["eventName"] == "GenerateDataKeyPair")
        self.assertIsNone(record["responseElements"])
        self.assertEqual(record["requestParameters"], {"encryptionContext": {"a": "b"}, "keyId": self.key["KeyId"],
                                                       "keyPairSpec": "ECC_NIST_P256"})


class Load(KmsCase):
    def test_more_than_can_wait_are_told_to_come_again_and_data_keys_go_on(self):
        key = self.kms("CreateKey")["KeyMetadata"]["KeyId"]

        def ask(_):
            try:
                Caller(self.service)("GenerateDataKeyPairWithoutPlaintext", KeyId=key, KeyPairSpec="RSA_2048")
            except Refused as refusal:
                return refusal.code
            return "made"

        data_keys = 0
        with concurrent.futures.ThreadPoolExecutor(48) as pool:
            asked = [pool.submit(ask, i) for i in range(48)]
            while not all(one.done() for one in asked):
                self.kms("GenerateDataKey", KeyId=key, KeySpec="AES_256")
                data_keys += 1
        answers = [one.result() for one in asked]
        self.assertLessEqual(set(answers), {"made", "ThrottlingException"})
        # One that had to wait for a pair each time would be one a pair.
        self.assertGreater(data_keys, 2 * answers.count("made"))
        self.assertGreater(answers.count("made"), 0)


if __name__ == "__main__":
    tap.main()
