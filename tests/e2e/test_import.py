"""Key material of one's own: wrapped by python3-cryptography, unwrapped by the token, used, expired, brought back."""

import datetime
import hashlib
import hmac
import os
import threading
import time

from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

import tap
import wire
from kms_case import KmsCase, Refused
from p11kms_test import wait_until
from real import objects_on

CURVES = {"ECC_NIST_P256": ec.SECP256R1(), "ECC_NIST_P384": ec.SECP384R1(), "ECC_NIST_P521": ec.SECP521R1(),
          "ECC_SECG_P256K1": ec.SECP256K1()}
SIGNING = {"ECC_NIST_P256": "ECDSA_SHA_256", "ECC_NIST_P384": "ECDSA_SHA_384", "ECC_NIST_P521": "ECDSA_SHA_512",
           "ECC_SECG_P256K1": "ECDSA_SHA_256", "ECC_NIST_EDWARDS25519": "ED25519_SHA_512",
           "RSA_2048": "RSASSA_PSS_SHA_256", "RSA_3072": "RSASSA_PSS_SHA_384", "RSA_4096": "RSASSA_PKCS1_V1_5_SHA_512"}
DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
MACS = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}
OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
TWO_STEPS = ("RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256")
FOR_EVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def wrap(public_key, algorithm, material):
    wrapping = serialization.load_der_public_key(public_key)
    digest = hashes.SHA256() if algorithm.endswith("256") else hashes.SHA1()
    oaep = padding.OAEP(padding.MGF1(digest), digest, None)
    if algorithm in OAEP:
        return wrapping.encrypt(material, oaep)
    aes = os.urandom(32)
    return wrapping.encrypt(aes, oaep) + keywrap.aes_key_wrap_with_padding(aes, material)


def new_pair(spec):
    if spec.startswith("RSA"):
        return rsa.generate_private_key(65537, int(spec[4:]))
    if spec in CURVES:
        return ec.generate_private_key(CURVES[spec])
    return ed25519.Ed25519PrivateKey.generate()


def pkcs8(pair):
    return pair.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption())


def spki(pair):
    return pair.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class ImportCase(KmsCase):
    def setUp(self):
        self.addCleanup(wire.set_clock, self.service)

    def restart(self):
        self.service.restart()
        self.callers.clear()
        type(self).kms = self.caller()

    def external(self, spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT", **more):
        return self.new_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage, **more)

    def parameters(self, key, material, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048"):
        got = self.kms("GetParametersForImport", KeyId=key["KeyId"], WrappingAlgorithm=algorithm, WrappingKeySpec=spec)
        self.assertEqual(got["KeyId"], key["Arn"])
        self.assertLess(abs(got["ParametersValidTo"] - now() - DAY), datetime.timedelta(minutes=2))
        return {"KeyId": key["KeyId"], "ImportToken": got["ImportToken"],
                "EncryptedKeyMaterial": wrap(got["PublicKey"], algorithm, material)}

    def bring(self, key, material, **more):
        """ImportKeyMaterial, for ever unless said otherwise."""
        expiry = {} if "ValidTo" in more else FOR_EVER
        return self.kms("ImportKeyMaterial", **self.parameters(key, material), **expiry, **more)

    def metadata(self, key):
        return self.kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]

    def state(self, key):
        return self.metadata(key)["KeyState"]

    def encrypt(self, key):
        return self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"secret")["CiphertextBlob"]

    def opens(self, blob):
        return self.kms("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"secret"

    def materials(self, key, include="ALL_KEY_MATERIAL"):
        return self.kms.all("ListKeyRotations", "Rotations", KeyId=key["KeyId"], IncludeKeyMaterial=include)

    def objects(self):
        return objects_on(self.service, "p11kms-dev")


class EveryKind(ImportCase):
    """Each spec under each algorithm that carries it; what it does afterwards others can check."""

    def check_symmetric(self, key, material):
        self.assertTrue(self.opens(self.encrypt(key)))

    def check_mac(self, key, material):
        bits = key["KeySpec"][5:]
        mac = self.kms("GenerateMac", KeyId=key["KeyId"], Message=b"m", MacAlgorithm="HMAC_SHA_" + bits)["Mac"]
        self.assertEqual(mac, hmac.new(material, b"m", "sha" + bits).digest())

    def check_pair(self, key, pair):
        spec, public = key["KeySpec"], pair.public_key()
        self.assertEqual(self.kms("GetPublicKey", KeyId=key["KeyId"])["PublicKey"], spki(pair))
        signature = self.kms("Sign", KeyId=key["KeyId"], Message=b"m", SigningAlgorithm=SIGNING[spec])["Signature"]
        digest = DIGESTS[SIGNING[spec][-3:]]
        if spec in CURVES:
            public.verify(signature, b"m", ec.ECDSA(digest))
        elif spec == "ECC_NIST_EDWARDS25519":
            public.verify(signature, b"m")
        elif "PSS" in SIGNING[spec]:
            public.verify(signature, b"m", padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        else:
            public.verify(signature, b"m", padding.PKCS1v15(), digest)

    def import_one(self, key, material, algorithm, wrapping):
        answer = self.kms("ImportKeyMaterial", **self.parameters(key, material, algorithm, wrapping), **FOR_EVER)
        self.assertEqual(answer["KeyId"], key["Arn"])
        self.assertEqual(self.state(key), "Enabled")

    def test_symmetric_keys(self):
        for algorithm in OAEP:
            for wrapping in ("RSA_2048", "RSA_3072", "RSA_4096"):
                with self.subTest(algorithm=algorithm, wrapping=wrapping):
                    key, material = self.external(), os.urandom(32)
                    self.import_one(key, material, algorithm, wrapping)
                    self.check_symmetric(key, material)

    def test_mac_keys(self):
        for spec, length in MACS.items():
            for algorithm in OAEP:
                with self.subTest(spec, algorithm=algorithm):
                    key, material = self.external(spec, "GENERATE_VERIFY_MAC"), os.urandom(length)
                    self.import_one(key, material, algorithm, "RSA_2048")
                    self.check_mac(key, material)

    def test_pairs(self):
        for spec in SIGNING:
            for algorithm in TWO_STEPS if spec.startswith("RSA") else OAEP + TWO_STEPS:
                wrapping = "RSA_3072" if spec == "ECC_NIST_P521" and algorithm in OAEP else "RSA_2048"
                with self.subTest(spec, algorithm=algorithm):
                    key, pair = self.external(spec, "SIGN_VERIFY"), new_pair(spec)
                    self.import_one(key, pkcs8(pair), algorithm, wrapping)
                    self.check_pair(key, pair)

    def test_pairs_of_other_usages(self):
        pair, peer = new_pair("RSA_2048"), new_pair("ECC_NIST_P256")
        key = self.external("RSA_2048", "ENCRYPT_DECRYPT")
        self.import_one(key, pkcs8(pair), TWO_STEPS[1], "RSA_2048")
        blob = pair.public_key().encrypt(b"m", padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
        self.assertEqual(self.kms("Decrypt", KeyId=key["KeyId"], CiphertextBlob=blob,
                                  EncryptionAlgorithm="RSAES_OAEP_SHA_256")["Plaintext"], b"m")
        pair, key = new_pair("ECC_NIST_P256"), self.external("ECC_NIST_P256", "KEY_AGREEMENT")
        self.import_one(key, pkcs8(pair), OAEP[1], "RSA_2048")
        self.assertEqual(self.kms("DeriveSharedSecret", KeyId=key["KeyId"], KeyAgreementAlgorithm="ECDH",
                                  PublicKey=spki(peer))["SharedSecret"], peer.exchange(ec.ECDH(), pair.public_key()))

    def test_material_of_another_kind_is_refused(self):
        for spec, usage, material in (("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", os.urandom(16)),
                                      ("HMAC_256", "GENERATE_VERIFY_MAC", os.urandom(31)),
                                      ("ECC_NIST_P256", "SIGN_VERIFY", os.urandom(32)),
                                      ("ECC_NIST_P256", "SIGN_VERIFY", pkcs8(new_pair("ECC_SECG_P256K1"))),
                                      ("ECC_NIST_P256", "SIGN_VERIFY", pkcs8(new_pair("ECC_NIST_P256")) + b"x"),
                                      ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", pkcs8(new_pair("ECC_NIST_P256")))):
            with self.subTest(spec, length=len(material)):
                key = self.external(spec, usage)
                self.refused("InvalidCiphertextException", None, "ImportKeyMaterial", **self.parameters(key, material),
                             **FOR_EVER)
                self.assertEqual(self.state(key), "PendingImport")

    def test_algorithms_that_do_not_carry_the_material_are_refused(self):
        for spec, usage, algorithm, wrapping in (("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "RSAES_PKCS1_V1_5", "RSA_2048"),
                                                 ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", TWO_STEPS[0], "RSA_2048"),
                                                 ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "SM2PKE", "SM2"),
                                                 ("RSA_2048", "SIGN_VERIFY", OAEP[1], "RSA_4096"),
                                                 ("ECC_NIST_P521", "SIGN_VERIFY", OAEP[1], "RSA_2048")):
            with self.subTest(spec, algorithm=algorithm):
                self.refused("ValidationException", f"Wrapping algorithm {algorithm} and wrapping key spec {wrapping} cannot "
                             f"be used to import a {spec} key.", "GetParametersForImport",
                             KeyId=self.external(spec, usage)["KeyId"], WrappingAlgorithm=algorithm,
                             WrappingKeySpec=wrapping)


class Life(ImportCase):
    def test_a_new_key_waits_and_tells_no_material(self):
        key = self.external()
        self.assertEqual((key["KeyState"], key["Enabled"], key["Origin"]), ("PendingImport", False, "EXTERNAL"))
        for absent in ("CurrentKeyMaterialId", "ExpirationModel", "ValidTo"):
            self.assertNotIn(absent, key)
        self.refused("KMSInvalidStateException", f"{key['Arn']} is pending import.", "Encrypt", KeyId=key["KeyId"],
                     Plaintext=b"x")

    def test_keys_with_material_of_their_own_take_no_other(self):
        key = self.new_key()
        for operation, more in (("GetParametersForImport", {"WrappingAlgorithm": OAEP[0], "WrappingKeySpec": "RSA_2048"}),
                                ("ImportKeyMaterial", {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"}),
                                ("DeleteImportedKeyMaterial", {})):
            self.refused("UnsupportedOperationException", f"{key['Arn']} origin is AWS_KMS which is not valid for this "
                         "operation.", operation, KeyId=key["KeyId"], **more)

    def test_automatic_rotation_is_not_for_imported_keys(self):
        key = self.external()
        self.bring(key, os.urandom(32))
        self.assertEqual(self.kms("GetKeyRotationStatus", KeyId=key["KeyId"]),
                         {"KeyId": key["Arn"], "KeyRotationEnabled": False})
        for operation in ("EnableKeyRotation", "DisableKeyRotation"):
            self.refused("UnsupportedOperationException", f"{key['Arn']} origin is EXTERNAL which is not valid for this "
                         "operation.", operation, KeyId=key["KeyId"])

    def test_an_expiry_must_be_said_and_lie_within_a_year(self):
        key = self.external()
        good = self.parameters(key, os.urandom(32))
        need = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"
        for more, message in (({}, need), ({"ExpirationModel": "KEY_MATERIAL_EXPIRES"}, need),
                              (FOR_EVER | {"ValidTo": now() + DAY}, "A validTo date cannot be set if the ExpirationModel "
                               "is KEY_MATERIAL_DOES_NOT_EXPIRE"),
                              ({"ValidTo": now() - DAY}, "ValidTo must be in the future"),
                              ({"ValidTo": now() + 366 * DAY}, "ValidTo must be less than 365 days in the future")):
            self.refused("ValidationException", message, "ImportKeyMaterial", **good, **more)
        self.assertEqual(self.state(key), "PendingImport")

    def test_material_expires_on_time_and_comes_back(self):
        key, material = self.external(), os.urandom(32)
        until = (now() + 3 * DAY).replace(microsecond=0)
        self.bring(key, material, ValidTo=until)
        seen = self.metadata(key)
        self.assertEqual((seen["ExpirationModel"], seen["ValidTo"]), ("KEY_MATERIAL_EXPIRES", until))
        blob, before = self.encrypt(key), self.objects()
        wire.set_clock(self.service, days=3, hours=1)
        self.refused("KMSInvalidStateException", f"{key['Arn']} is pending import.", "Decrypt", CiphertextBlob=blob)
        wait_until(lambda: self.objects() < before)
        wait_until(lambda: self.service.audit("DeleteExpiredKeyMaterial"))
        record = [r for r in self.service.audit("DeleteExpiredKeyMaterial")
                  if r["serviceEventDetails"]["keyId"] == key["KeyId"]][0]
        self.assertEqual(record["eventType"], "AwsServiceEvent")
        self.assertEqual(record["serviceEventDetails"]["keyMaterialId"], seen["CurrentKeyMaterialId"])
        self.assertNotIn("ValidTo", self.metadata(key))
        wire.set_clock(self.service)
        self.bring(key, material)
        self.assertTrue(self.opens(blob))
        self.assertEqual(self.metadata(key)["ExpirationModel"], "KEY_MATERIAL_DOES_NOT_EXPIRE")
        self.assertEqual(self.metadata(key)["CurrentKeyMaterialId"], seen["CurrentKeyMaterialId"])

    def test_material_that_expired_while_the_daemon_was_stopped_is_gone_after_the_start(self):
        key = self.external()
        self.bring(key, os.urandom(32), ValidTo=now() + datetime.timedelta(seconds=4))
        self.service.stop()
        time.sleep(5)
        self.service.start()
        self.callers.clear()
        type(self).kms = self.caller()
        self.assertEqual(self.state(key), "PendingImport")
        wait_until(lambda: [r for r in self.service.audit("DeleteExpiredKeyMaterial")
                            if r["serviceEventDetails"]["keyId"] == key["KeyId"]])

    def test_deleted_material_alone_comes_back(self):
        key, material = self.external(), os.urandom(32)
        first = self.bring(key, material)
        blob = self.encrypt(key)
        deleted = self.kms("DeleteImportedKeyMaterial", KeyId=key["KeyId"])
        self.assertEqual(deleted, {"KeyId": key["Arn"], "KeyMaterialId": first["KeyMaterialId"]})
        self.assertEqual(self.kms("DeleteImportedKeyMaterial", KeyId=key["KeyId"]), deleted)  # without effect
        self.assertEqual(self.materials(key)[0]["ImportState"], "PENDING_IMPORT")
        self.restart()
        self.refused("IncorrectKeyMaterialException", "Imported key material does not have the expected identifier "
                     f"({first['KeyMaterialId']}).", "ImportKeyMaterial", **self.parameters(key, os.urandom(32)), **FOR_EVER)
        self.assertEqual(self.bring(key, material), first)
        self.assertTrue(self.opens(blob))

    def test_a_cancelled_deletion_of_a_key_without_material_waits_for_it(self):
        key, material = self.external(), os.urandom(32)
        self.bring(key, material)
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"])
        self.kms("DeleteImportedKeyMaterial", KeyId=key["KeyId"])
        self.assertEqual(self.state(key), "PendingDeletion")
        self.kms("CancelKeyDeletion", KeyId=key["KeyId"])
        self.assertEqual(self.state(key), "PendingImport")
        self.bring(key, material)
        self.assertEqual(self.state(key), "Enabled")


class Tokens(ImportCase):
    def test_a_token_is_of_its_key_and_its_wrapping_key(self):
        key, other, material = self.external(), self.external(), os.urandom(32)
        one, two = self.parameters(key, material), self.parameters(key, material)
        invalid = f"The import token is not valid, or it belongs to another key than {other['Arn']}."
        self.refused("InvalidImportTokenException", invalid, "ImportKeyMaterial", **one | {"KeyId": other["KeyId"]},
                     **FOR_EVER)
        self.refused("InvalidCiphertextException", None, "ImportKeyMaterial",
                     **one | {"ImportToken": two["ImportToken"]}, **FOR_EVER)
        for place in range(0, len(one["ImportToken"]), 5):
            bent = bytearray(one["ImportToken"])
            bent[place] ^= 1
            with self.assertRaises(Refused) as caught:
                self.kms("ImportKeyMaterial", **one | {"ImportToken": bytes(bent)}, **FOR_EVER)
            self.assertEqual(caught.exception.code, "InvalidImportTokenException")
        self.kms("ImportKeyMaterial", **one, **FOR_EVER)  # and the later token did not end it

    def test_a_token_is_good_for_a_day_and_over_a_restart(self):
        key, material = self.external(), os.urandom(32)
        good = self.parameters(key, material)
        self.restart()
        self.kms("ImportKeyMaterial", **good, **FOR_EVER)
        before = self.objects()
        wire.set_clock(self.service, hours=25)
        self.refused("ExpiredImportTokenException", "The import token has expired. Use GetParametersForImport to get a new "
                     "one.", "ImportKeyMaterial", **good, **FOR_EVER)
        wait_until(lambda: self.objects() < before)

    def test_bent_material_does_not_unwrap(self):
        key = self.external("ECC_NIST_P256", "SIGN_VERIFY")
        good = self.parameters(key, pkcs8(new_pair("ECC_NIST_P256")), TWO_STEPS[1])
        wrapped = good["EncryptedKeyMaterial"]
        for bent in (wrapped[:-1], wrapped[:256], wrapped[:255], wrapped + b"x", wrapped[1:], b"x",
                     bytes([wrapped[0] ^ 1]) + wrapped[1:], wrapped[:-1] + bytes([wrapped[-1] ^ 1])):
            self.refused("InvalidCiphertextException", None, "ImportKeyMaterial",
                         **good | {"EncryptedKeyMaterial": bent}, **FOR_EVER)
        self.kms("ImportKeyMaterial", **good, **FOR_EVER)

    def test_records_hold_neither_token_nor_material(self):
        key, material = self.external(), os.urandom(32)
        self.bring(key, material, KeyMaterialDescription="from.the.vault")
        record = self.service.audit("ImportKeyMaterial")[-1]
        self.assertEqual(record["requestParameters"], {"expirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
                                                       "keyId": key["KeyId"], "keyMaterialDescription": "from.the.vault"})
        self.assertEqual(set(record["responseElements"]), {"keyId", "keyMaterialId"})
        asked = self.service.audit("GetParametersForImport")[-1]
        self.assertEqual(asked["requestParameters"], {"keyId": key["KeyId"], "wrappingAlgorithm": "RSAES_OAEP_SHA_256",
                                                      "wrappingKeySpec": "RSA_2048"})
        self.assertIsNone(asked["responseElements"])


class Rotation(ImportCase):
    def test_new_material_waits_becomes_current_and_all_are_needed(self):
        key, old, new = self.external(), os.urandom(32), os.urandom(32)
        first = self.bring(key, old, KeyMaterialDescription="first")["KeyMaterialId"]
        blob = self.encrypt(key)
        self.refused("KMSInvalidStateException", f"No available key material pending rotation for the key: {key['Arn']}.",
                     "RotateKeyOnDemand", KeyId=key["KeyId"])
        second = self.bring(key, new, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
        self.assertEqual([(m["KeyMaterialId"], m["KeyMaterialState"], m["ImportState"]) for m in self.materials(key)],
                         [(first, "CURRENT", "IMPORTED"), (second, "PENDING_ROTATION", "IMPORTED")])
        self.assertEqual(self.materials(key)[0]["KeyMaterialDescription"], "first")
        self.assertEqual(self.materials(key, "ROTATIONS_ONLY"), [])
        self.refused("KMSInvalidStateException", f"{key['Arn']} already has key material that is pending rotation.",
                     "ImportKeyMaterial", **self.parameters(key, os.urandom(32)), **FOR_EVER, ImportType="NEW_KEY_MATERIAL")
        self.assertEqual(self.metadata(key)["CurrentKeyMaterialId"], first)
        self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
        self.assertEqual(self.metadata(key)["CurrentKeyMaterialId"], second)
        self.assertEqual([(m["KeyMaterialId"], m["KeyMaterialState"]) for m in self.materials(key)],
                         [(first, "NON_CURRENT"), (second, "CURRENT")])
        rotations = self.materials(key, "ROTATIONS_ONLY")
        self.assertEqual([(m["KeyMaterialId"], m["RotationType"]) for m in rotations], [(second, "ON_DEMAND")])
        self.assertTrue(self.opens(blob) and self.opens(self.encrypt(key)))
        self.kms("DeleteImportedKeyMaterial", KeyId=key["KeyId"], KeyMaterialId=first)
        self.assertEqual(self.state(key), "PendingImport")
        self.assertEqual(self.materials(key)[0]["ImportState"], "PENDING_IMPORT")
        self.bring(key, old, KeyMaterialId=first)
        self.assertTrue(self.opens(blob))

    def test_material_that_waits_can_be_deleted(self):
        key = self.external()
        first = self.bring(key, os.urandom(32))["KeyMaterialId"]
        second = self.bring(key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
        self.kms("DeleteImportedKeyMaterial", KeyId=key["KeyId"], KeyMaterialId=second)
        self.assertEqual(self.state(key), "Enabled")
        self.assertEqual([m["KeyMaterialId"] for m in self.materials(key)], [first])

    def test_what_does_not_go_together_is_refused(self):
        key, pair, material = self.external(), self.external("HMAC_256", "GENERATE_VERIFY_MAC"), os.urandom(32)
        first = self.bring(key, material)["KeyMaterialId"]
        good = self.parameters(key, material)
        self.refused("IncorrectKeyMaterialException", f"Key material (id: {first}) being imported as NEW_KEY_MATERIAL is "
                     f"already associated with KMS key {key['Arn']}.",
                     "ImportKeyMaterial", **good, **FOR_EVER, ImportType="NEW_KEY_MATERIAL")
        self.refused("ValidationException", "Input parameter keyMaterialId cannot be used with NEW_KEY_MATERIAL importType.",
                     "ImportKeyMaterial", **good, **FOR_EVER, ImportType="NEW_KEY_MATERIAL", KeyMaterialId=first)
        self.refused("IncorrectKeyMaterialException", "Imported key material does not have the expected identifier "
                     f"({'0' * 64}).", "ImportKeyMaterial", **good, **FOR_EVER, KeyMaterialId="0" * 64)
        self.refused("ValidationException", f"Key material (id: {'0' * 64}) has never been imported into KMS key "
                     f"{key['Arn']}.", "DeleteImportedKeyMaterial", KeyId=key["KeyId"], KeyMaterialId="0" * 64)
        for member, value in (("ImportType", "EXISTING_KEY_MATERIAL"), ("KeyMaterialId", first),
                              ("KeyMaterialDescription", "mine")):
            self.refused("ValidationException", f"Input parameter {member[0].lower() + member[1:]} cannot be used with "
                         "HMAC_256 imported keys.", "ImportKeyMaterial", **self.parameters(pair, material), **FOR_EVER,
                         **{member: value})

    def test_a_key_with_one_material_for_ever_is_told_nothing_of_it(self):
        for spec, usage, material in (("HMAC_256", "GENERATE_VERIFY_MAC", os.urandom(32)),
                                      ("ECC_NIST_P256", "SIGN_VERIFY", pkcs8(new_pair("ECC_NIST_P256")))):
            key = self.external(spec, usage)
            self.assertEqual(self.bring(key, material), {"KeyId": key["Arn"]})
            self.assertNotIn("CurrentKeyMaterialId", self.metadata(key))
            self.assertEqual(self.kms("DeleteImportedKeyMaterial", KeyId=key["KeyId"]), {"KeyId": key["Arn"]})


class Regions(ImportCase):
    """Each Region imports for itself; the object on the token is shared, and goes with its last Region."""

    def setUp(self):
        super().setUp()
        self.there = self.caller(region="eu-west-1")

    def replica(self, key):
        answer = self.kms("ReplicateKey", KeyId=key["KeyId"], ReplicaRegion="eu-west-1")["ReplicaKeyMetadata"]
        wait_until(lambda: self.there("DescribeKey", KeyId=answer["KeyId"])["KeyMetadata"]["KeyState"] == "PendingImport")
        return answer

    def bring_there(self, key, material, **more):
        got = self.there("GetParametersForImport", KeyId=key["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256",
                         WrappingKeySpec="RSA_2048")
        return self.there("ImportKeyMaterial", KeyId=key["KeyId"], ImportToken=got["ImportToken"],
                          EncryptedKeyMaterial=wrap(got["PublicKey"], "RSAES_OAEP_SHA_256", material), **FOR_EVER, **more)

    def test_a_replica_imports_the_same_and_opens_what_the_primary_sealed(self):
        key, material = self.external(MultiRegion=True), os.urandom(32)
        first = self.bring(key, material)["KeyMaterialId"]
        blob = self.encrypt(key)
        replica = self.replica(key)
        with self.assertRaises(Refused) as caught:
            self.bring_there(key, os.urandom(32))
        self.assertEqual(caught.exception.code, "IncorrectKeyMaterialException")
        before = self.objects()
        self.assertEqual(self.bring_there(key, material)["KeyMaterialId"], first)
        self.assertEqual(self.there("Decrypt", KeyId=replica["KeyId"], CiphertextBlob=blob)["Plaintext"], b"secret")
        self.kms("DeleteImportedKeyMaterial", KeyId=key["KeyId"])
        self.assertEqual(self.state(key), "PendingImport")
        self.assertEqual(self.there("Decrypt", KeyId=replica["KeyId"], CiphertextBlob=blob)["Plaintext"], b"secret")
        wrapping = self.objects() - before
        self.there("DeleteImportedKeyMaterial", KeyId=key["KeyId"])
        self.assertEqual(self.objects() - before, wrapping - 1)
        self.bring(key, material)
        self.assertTrue(self.opens(blob))

    def test_new_material_rotates_when_every_region_has_it(self):
        key, old, new = self.external(MultiRegion=True), os.urandom(32), os.urandom(32)
        self.bring(key, old)
        blob = self.encrypt(key)
        self.replica(key)
        self.bring_there(key, old)
        with self.assertRaises(Refused) as caught:
            self.bring_there(key, new, ImportType="NEW_KEY_MATERIAL")
        self.assertEqual((caught.exception.code, caught.exception.message),
                         ("ValidationException", "Input parameter ImportType NEW_KEY_MATERIAL cannot be used on replica "
                          "Multi-Region keys"))
        with self.assertRaises(Refused) as caught:
            self.bring_there(key, old, KeyMaterialDescription="mine")
        self.assertEqual((caught.exception.code, caught.exception.message),
                         ("ValidationException", "Key material description can only be specified on primary Multi-Region "
                          "keys"))
        self.bring(key, new, ImportType="NEW_KEY_MATERIAL")
        self.assertEqual(self.materials(key)[1]["KeyMaterialState"], "PENDING_MULTI_REGION_IMPORT_AND_ROTATION")
        self.refused("KMSInvalidStateException", "Cannot perform key material rotation: Key material has not been imported "
                     "for replicas of the Multi-Region key.", "RotateKeyOnDemand", KeyId=key["KeyId"])
        self.bring_there(key, new)
        self.assertEqual(self.materials(key)[1]["KeyMaterialState"], "PENDING_ROTATION")
        self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
        self.restart()
        self.there = self.caller(region="eu-west-1")
        sealed = self.there("Encrypt", KeyId=key["KeyId"], Plaintext=b"secret")["CiphertextBlob"]
        self.assertTrue(self.opens(sealed) and self.opens(blob))
        self.assertEqual(self.there("Decrypt", CiphertextBlob=blob)["Plaintext"], b"secret")

    def test_new_material_deleted_at_the_primary_goes_everywhere(self):
        key, new = self.external(MultiRegion=True), os.urandom(32)
        self.bring(key, os.urandom(32))
        self.replica(key)
        second = self.bring(key, new, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
        self.bring_there(key, new)
        self.kms("DeleteImportedKeyMaterial", KeyId=key["KeyId"], KeyMaterialId=second)
        self.assertEqual(len(self.there.all("ListKeyRotations", "Rotations", KeyId=key["KeyId"],
                                            IncludeKeyMaterial="ALL_KEY_MATERIAL")), 1)
        self.bring(key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")

    def test_a_new_primary_gives_up_new_material_that_it_does_not_have(self):
        key, old = self.external(MultiRegion=True), os.urandom(32)
        self.bring(key, old)
        self.replica(key)
        self.bring_there(key, old)
        second = self.bring(key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
        self.kms("UpdatePrimaryRegion", KeyId=key["KeyId"], PrimaryRegion="eu-west-1")
        before = self.objects()
        self.there("DeleteImportedKeyMaterial", KeyId=key["KeyId"], KeyMaterialId=second)
        self.assertEqual(self.objects(), before - 1)
        self.assertEqual(len(self.materials(key)), 1)
        self.bring_there(key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")


class Kill(ImportCase):
    """SIGKILL in the middle: what is on the token afterwards is what the store says, and nothing is lost."""

    def in_background(self, *calls):
        def go():
            try:
                for operation, parameters in calls:
                    self.kms(operation, **parameters)
            except Exception:  # the daemon is gone: whatever botocore makes of that
                pass

        thread = threading.Thread(target=go)
        thread.start()
        return thread

    def start_again(self):
        self.service.start()
        self.callers.clear()
        type(self).seen = []  # what was asked of a killed daemon need not be recorded
        type(self).kms = self.caller()

    def test_killed_anywhere_the_key_is_whole_or_waits(self):
        bare = self.objects()
        key, material = self.external(), os.urandom(32)
        self.bring(key, material)
        blob = self.encrypt(key)
        for step in range(12):
            good = self.parameters(key, material) | FOR_EVER
            thread = self.in_background(("DeleteImportedKeyMaterial", {"KeyId": key["KeyId"]}),
                                        ("ImportKeyMaterial", good), ("GetParametersForImport", {
                                            "KeyId": key["KeyId"], "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
                                            "WrappingKeySpec": "RSA_2048"}))
            time.sleep(0.005 * step)
            self.service.kill()
            thread.join()
            self.start_again()
            self.assertIn(self.state(key), ("Enabled", "PendingImport"))
            self.kms("ImportKeyMaterial", **good)
            self.assertTrue(self.opens(blob))
        wire.set_clock(self.service, hours=25)
        wait_until(lambda: self.objects() == bare + 1)  # the wrapping keys are gone, the material is there


if __name__ == "__main__":
    tap.main()
