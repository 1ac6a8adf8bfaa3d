"""Every operation on a key in every state it can be brought into: tests/kms/key_states.tsv."""

import types
import unittest

import conformance
import kms_case
import real
import tap
from kms_case import KmsCase, Refused
from p11kms_test import TOP

LINES = [line.split("\t") for line in (TOP / "tests" / "kms" / "key_states.tsv").read_text(encoding="utf-8").splitlines()
         if not line.startswith("#")]
ROWS = {words[0]: dict(zip(LINES[0][2:], words[2:])) for words in LINES[1:]}
OUTCOMES = {"1": ("DisabledException", "{} is disabled."),
            "3": ("KMSInvalidStateException", "{} is pending deletion."),
            "4": ("KMSInvalidStateException", "{} is not pending deletion."),
            "5": ("KMSInvalidStateException", "{} is pending import."),
            "6": ("UnsupportedOperationException", "{} origin is EXTERNAL which is not valid for this operation."),
            "11": ("KMSInvalidStateException", "{} is unavailable."),
            "14": ("KMSInvalidStateException", "{} is creating."),
            "15": ("KMSInvalidStateException", "{} is updating."),
            "16": ("KMSInvalidStateException", "{} is pending replica deletion.")}
KIND_OF = {"DeleteImportedKeyMaterial": "external", "DeriveSharedSecret": "agree", "GenerateMac": "mac",
           "GetParametersForImport": "external", "GetPublicKey": "sign", "ImportKeyMaterial": "external",
           "ReplicateKey": "multi", "Sign": "sign", "UpdatePrimaryRegion": "multi", "Verify": "sign",
           "VerifyMac": "mac"}
OTHER_REGION = "eu-west-1"


def kind_of(operation):
    return KIND_OF.get(operation, "symmetric")


class Prepared(types.SimpleNamespace):
    """A key and what its operations need: key, alias, blob, signature, mac, grant, parameters of an import."""


class Maker:
    """Makes keys through one caller; later is a caller of another region."""

    def __init__(self, kms, there=None):
        self.kms = kms
        self.there = there
        self.enabled = self.make("symmetric")
        self.loose = "alias/loose-" + self.enabled.key["KeyId"]
        kms("CreateAlias", AliasName=self.loose, TargetKeyId=self.enabled.key["KeyId"])
        self.policy = kms("GetKeyPolicy", KeyId=self.enabled.key["KeyId"], PolicyName="default")["Policy"]
        self.peer = kms("GetPublicKey", KeyId=self.make("agree").key["KeyId"])["PublicKey"]

    def make(self, kind, imported=True, **more):
        """A fresh key; an external one with material."""
        kms = self.kms
        key = kms("CreateKey", Tags=[{"TagKey": "a", "TagValue": "b"}], **(conformance.KINDS[kind] | more))["KeyMetadata"]
        key_id = key["KeyId"]
        made = Prepared(key=key, alias="alias/of-" + key_id, blob=b"x", signature=b"x", mac=b"x", grant="0" * 64)
        kms("CreateAlias", AliasName=made.alias, TargetKeyId=key_id)
        if not imported:
            return made
        if key["Origin"] == "EXTERNAL":
            self.import_material(made)
        made.grant = kms("CreateGrant", KeyId=key_id, Operations=["DescribeKey"],
                         GranteePrincipal="arn:aws:iam::123456789012:user/app")["GrantId"]
        if key["KeyUsage"] == "ENCRYPT_DECRYPT":
            made.blob = kms("Encrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
        if kind == "sign":
            made.signature = kms("Sign", KeyId=key_id, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        if kind == "mac":
            made.mac = kms("GenerateMac", KeyId=key_id, Message=b"x", MacAlgorithm="HMAC_SHA_256")["Mac"]
        return made

    def import_parameters(self, made):
        got = self.kms("GetParametersForImport", KeyId=made.key["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256",
                       WrappingKeySpec="RSA_2048")
        return {"ImportToken": got["ImportToken"], "EncryptedKeyMaterial": conformance.wrap(got["PublicKey"], b"k" * 32),
                "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}

    def import_material(self, made):
        made.import_parameters = self.import_parameters(made)
        self.kms("ImportKeyMaterial", KeyId=made.key["KeyId"], **made.import_parameters)

    def parameters(self, operation, made):
        key_id = {"KeyId": made.key["KeyId"]}
        return {
            "CreateAlias": lambda: {"AliasName": made.alias + "-more", "TargetKeyId": made.key["KeyId"]},
            "CreateGrant": lambda: key_id | {"GranteePrincipal": "arn:aws:iam::123456789012:user/app",
                                             "Operations": ["DescribeKey"]},
            "Decrypt": lambda: {"CiphertextBlob": made.blob},
            "DeleteAlias": lambda: {"AliasName": made.alias},
            "DeriveSharedSecret": lambda: key_id | {"KeyAgreementAlgorithm": "ECDH", "PublicKey": self.peer},
            "Encrypt": lambda: key_id | {"Plaintext": b"x"},
            "GenerateDataKey": lambda: key_id | {"KeySpec": "AES_256"},
            "GenerateDataKeyPair": lambda: key_id | {"KeyPairSpec": "ECC_NIST_P256"},
            "GenerateDataKeyPairWithoutPlaintext": lambda: key_id | {"KeyPairSpec": "ECC_NIST_P256"},
            "GenerateDataKeyWithoutPlaintext": lambda: key_id | {"KeySpec": "AES_256"},
            "GenerateMac": lambda: key_id | {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"},
            "GetParametersForImport": lambda: key_id | {"WrappingAlgorithm": "RSAES_OAEP_SHA_256",
                                                        "WrappingKeySpec": "RSA_2048"},
            "ImportKeyMaterial": lambda: key_id | made.import_parameters,
            "PutKeyPolicy": lambda: key_id | {"Policy": self.policy, "PolicyName": "default"},
            "ReEncrypt": lambda: {"CiphertextBlob": made.blob, "DestinationKeyId": self.enabled.key["KeyId"]},
            "ReplicateKey": lambda: key_id | {"ReplicaRegion": OTHER_REGION},
            "RetireGrant": lambda: {"KeyId": made.key["Arn"], "GrantId": made.grant},
            "RevokeGrant": lambda: key_id | {"GrantId": made.grant},
            "Sign": lambda: key_id | {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"},
            "TagResource": lambda: key_id | {"Tags": [{"TagKey": "c", "TagValue": "d"}]},
            "UntagResource": lambda: key_id | {"TagKeys": ["a"]},
            "UpdateAlias": lambda: {"AliasName": self.loose, "TargetKeyId": made.key["KeyId"]},
            "UpdateKeyDescription": lambda: key_id | {"Description": "changed"},
            "UpdatePrimaryRegion": lambda: key_id | {"PrimaryRegion": OTHER_REGION},
            "Verify": lambda: key_id | {"Message": b"x", "Signature": made.signature, "SigningAlgorithm": "ECDSA_SHA_256"},
            "VerifyMac": lambda: key_id | {"Message": b"x", "Mac": made.mac, "MacAlgorithm": "HMAC_SHA_256"},
        }.get(operation, lambda: key_id)()

    def replicate(self, made):
        self.kms("ReplicateKey", KeyId=made.key["KeyId"], ReplicaRegion=OTHER_REGION)
        arn = made.key["Arn"].replace(":us-east-1:", f":{OTHER_REGION}:")
        for _ in range(200):
            if self.there("DescribeKey", KeyId=arn)["KeyMetadata"]["KeyState"] != "Creating":
                return
        raise AssertionError(f"{arn} stays Creating")

    # ---- into a state ----

    def to_enabled(self, operation):
        made = self.make(kind_of(operation))
        if operation == "UpdatePrimaryRegion":
            self.replicate(made)
        return made

    def to_disabled(self, operation):
        made = self.to_enabled(operation)
        self.kms("DisableKey", KeyId=made.key["KeyId"])
        return made

    def to_pending_deletion(self, operation):
        made = self.make(kind_of(operation))
        self.kms("ScheduleKeyDeletion", KeyId=made.key["KeyId"])
        return made

    def to_pending_replica_deletion(self, operation):
        made = self.make(kind_of(operation), MultiRegion=True)
        self.replicate(made)
        self.kms("ScheduleKeyDeletion", KeyId=made.key["KeyId"])
        return made

    def to_pending_import(self, operation):
        if operation not in ("Decrypt", "ReEncrypt", "RetireGrant", "RevokeGrant"):
            made = self.make(kind_of(operation), imported=False, Origin="EXTERNAL")
            if operation == "ImportKeyMaterial":
                made.import_parameters = self.import_parameters(made)
            return made
        made = self.make("external")
        self.kms("DeleteImportedKeyMaterial", KeyId=made.key["KeyId"])
        return made


class Checks:
    """check() for whoever is a TestCase."""

    def check(self, kms, maker, operation, state, made):
        parameters = maker.parameters(operation, made)
        outcome = ROWS[operation][state]
        before = kms("DescribeKey", KeyId=made.key["KeyId"])["KeyMetadata"]
        self.assertEqual(before["KeyState"], state)
        if outcome == "ok":
            kms(operation, **parameters)
            return
        code, message = OUTCOMES[outcome]
        with self.assertRaises(Refused) as caught:
            kms(operation, **parameters)
        self.assertEqual((caught.exception.code, caught.exception.message), (code, message.format(made.key["Arn"])))
        self.assertEqual(kms("DescribeKey", KeyId=made.key["KeyId"])["KeyMetadata"], before)


class States(KmsCase, Checks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maker = Maker(cls.kms, cls.caller(region=OTHER_REGION))

    def check_column(self, state, prepare):
        for operation in ROWS:
            with self.subTest(operation):
                self.check(self.kms, self.maker, operation, state, prepare(operation))

    def test_every_operation_on_a_key_is_in_the_table(self):
        with_key = {name for name, operation in conformance.operations().items()
                    if {"KeyId", "TargetKeyId", "DestinationKeyId"} & set(operation.input_shape.members)}
        self.assertEqual(with_key | {"DeleteAlias"}, set(ROWS))

    def test_an_enabled_key_does_everything_but_return_from_deletion(self):
        self.check_column("Enabled", self.maker.to_enabled)

    def test_a_disabled_key_is_told_as_disabled(self):
        self.check_column("Disabled", self.maker.to_disabled)

    def test_a_key_pending_deletion_can_be_read_and_saved(self):
        self.check_column("PendingDeletion", self.maker.to_pending_deletion)

    def test_so_can_a_primary_that_waits_for_its_replicas(self):
        self.check_column("PendingReplicaDeletion", self.maker.to_pending_replica_deletion)

    def test_a_key_pending_import_waits_for_its_material(self):
        self.check_column("PendingImport", self.maker.to_pending_import)

    def test_a_destination_of_re_encryption_must_be_enabled_too(self):
        for prepare, outcome in ((self.maker.to_disabled, "1"), (self.maker.to_pending_deletion, "3")):
            made = prepare("Encrypt")
            code, message = OUTCOMES[outcome]
            self.refused(code, message.format(made.key["Arn"]), "ReEncrypt", CiphertextBlob=self.maker.enabled.blob,
                         DestinationKeyId=made.key["KeyId"])

    def test_an_alias_may_move_away_from_a_key_pending_deletion(self):
        made = self.maker.to_pending_deletion("Encrypt")
        self.kms("UpdateAlias", AliasName=made.alias, TargetKeyId=self.maker.enabled.key["KeyId"])
        self.assertEqual(self.kms("DescribeKey", KeyId=made.alias)["KeyMetadata"]["Arn"], self.maker.enabled.key["Arn"])

    def test_the_state_counts_through_an_alias_as_well(self):
        made = self.maker.to_disabled("Encrypt")
        self.refused("DisabledException", made.key["Arn"] + " is disabled.", "Encrypt", KeyId=made.alias, Plaintext=b"x")


class Restarted(KmsCase):
    def test_states_survive_a_restart(self):
        maker = Maker(self.kms)
        made = [prepare("Encrypt") for prepare in (maker.to_enabled, maker.to_disabled, maker.to_pending_deletion)]
        before = [self.kms("DescribeKey", KeyId=one.key["KeyId"]) for one in made]
        self.service.restart()
        self.callers.clear()
        type(self).kms = self.caller()
        self.assertEqual([self.kms("DescribeKey", KeyId=one.alias) for one in made], before)
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=made[0].blob)["Plaintext"], b"x")
        with self.assertRaises(Refused):
            self.kms("Decrypt", CiphertextBlob=made[1].blob)


class Unavailable(unittest.TestCase, Checks):
    """Keys on a token that is configured no longer. The first token holds the service's own key."""

    def restart(self, tokens, default):
        self.service.tokens = tokens
        self.service.top = f"default-token: {default}"
        self.service.write_conf()
        self.service.restart()
        return kms_case.Caller(self.service, self.keys)

    def test_what_needs_the_token_is_refused_and_the_rest_goes_on(self):
        self.service = real.RealService(tokens=("prod", "spare"), top="default-token: prod")
        self.addCleanup(self.service.close)
        self.service.start()
        self.keys = self.service.add_key("admin")
        kms = self.restart(("prod", "spare"), "spare")
        maker = Maker(kms, kms_case.Caller(self.service, self.keys, OTHER_REGION))
        prepared = {operation: maker.to_enabled(operation) for operation in ROWS}
        kms = self.restart(("prod",), "prod")
        maker.enabled.key = kms("CreateKey")["KeyMetadata"]
        for operation, made in prepared.items():
            with self.subTest(operation):
                self.check(kms, maker, operation, "Unavailable", made)
        kms = self.restart(("prod", "spare"), "prod")
        self.assertEqual(kms("Decrypt", CiphertextBlob=prepared["Encrypt"].blob)["Plaintext"], b"x")


if __name__ == "__main__":
    tap.main()
