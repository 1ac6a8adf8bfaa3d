"""The requests and answers that botocore shows for KMS, on keys made for each: what it shows is what comes back."""

import datetime
import json
import re

import botocore.session

import conformance
import tap
from kms_case import KmsCase, Refused

ACCOUNT = "111122223333"
REGION = "us-east-2"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_ID = "0987dcba-09fe-87dc-65ba-ab0987654321"
GRANTEE = f"arn:aws:iam::{ACCOUNT}:role/ExampleRole"

SEED = f"""
accounts:
  - id: "{ACCOUNT}"
    users:
      - name: admin
        administrator: true
        access-keys: [{{id: FOOBARKEY, secret: FOOBARSECRET}}]
      - name: ExampleAdminUser
    roles:
      - name: ExampleRole
        trust: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{AWS: "*"}}, Action: "sts:AssumeRole"}}]}}
      - name: ExampleAdminRole
        trust: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{AWS: "*"}}, Action: "sts:AssumeRole"}}]}}
      - name: ExamplePowerUserRole
        trust: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{AWS: "*"}}, Action: "sts:AssumeRole"}}]}}
"""

# Different each time, or the example's own business; that they are there and of their type is checked all the same.
VARIES = {"CiphertextBlob", "CloudHsmClusterId", "CreationDate", "CustomKeyStoreId", "DeletionDate", "GrantId",
          "GrantToken", "ImportToken", "Mac", "ParametersValidTo", "Plaintext", "PrivateKeyCiphertextBlob",
          "PrivateKeyPlaintext", "PublicKey", "Signature", "TrustAnchorCertificate"}
# A replica is being made when it is answered (API Reference, ReplicateKey), whatever the example shows.
# DescribeKey's example calls a key PRIMARY whose primary it shows in another Region. ListGrants' is a first page.
VARIES_IN = {"DescribeKey": {"MultiRegionKeyType"}, "ListGrants": {"Truncated"},
             "ReplicateKey": {"Enabled", "KeyState", "ReplicaPolicy"}}

# A store that has keys stays, and so would its token be taken.
ELSEWHERE = {"to-create-a-kms-key-in-a-custom-key-store-1630604382908": "eu-north-1"}


def examples():
    """[(operation, example)], from the model of the boto3 that is installed."""
    loader = botocore.session.get_session().get_component("data_loader")
    shown = loader.load_service_model("kms", "examples-1", "2014-11-01")["examples"]
    return [(operation, example) for operation, its in shown.items() for example in its]


def region_of(example):
    found = re.search(r"arn:aws:kms:([a-z0-9-]+):", json.dumps([example.get("input"), example.get("output")]))
    return found.group(1) if found else REGION


def replaced(value, names):
    """A copy in which every text that names something of the example names what was made for it."""
    if isinstance(value, dict):
        return {name: replaced(element, names) for name, element in value.items()}
    if isinstance(value, list):
        return [replaced(element, names) for element in value]
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
    return value


class Setup:
    """What each example takes for granted, as methods by operation: the names of what was made, and members to set."""

    def __init__(self, case, region):
        self.case = case
        self.kms = case.caller(region=region)
        self.region = region
        self.set = {}

    def key(self, old=KEY_ID, **parameters):
        made = self.kms("CreateKey", **parameters)["KeyMetadata"]
        return made["KeyId"], {old: made["KeyId"]}

    def alias(self, name, target):
        try:
            self.kms("DeleteAlias", AliasName=name)
        except Refused:
            pass
        self.kms("CreateAlias", AliasName=name, TargetKeyId=target)

    def plain_key(self):
        return self.key()[1]

    CreateGrant = DisableKey = DisableKeyRotation = EnableKeyRotation = plain_key
    GetKeyPolicy = ListKeyPolicies = PutKeyPolicy = ScheduleKeyDeletion = TagResource = UpdateKeyDescription = plain_key
    GenerateDataKeyPair = GenerateDataKeyPairWithoutPlaintext = plain_key

    def CancelKeyDeletion(self):
        key_id, names = self.key()
        self.kms("ScheduleKeyDeletion", KeyId=key_id)
        return names

    def CreateAlias(self):
        key_id, names = self.key()
        self.alias("alias/ExampleAlias", key_id)
        self.kms("DeleteAlias", AliasName="alias/ExampleAlias")
        return names

    def GenerateDataKey(self):
        key_id, names = self.key()
        self.alias("alias/ExampleAlias", key_id)
        return names

    DeleteAlias = UpdateAlias = GenerateDataKeyWithoutPlaintext = GenerateDataKey

    def CreateKey(self):
        return {}

    GenerateRandom = CreateKey

    def Decrypt(self):
        key_id, names = self.key()
        self.set["CiphertextBlob"] = self.kms("Encrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
        return names

    def Encrypt(self):
        self.set["Plaintext"] = b"x"
        return self.key()[1]

    def DescribeKey(self):
        return self.key()[1]

    def rsa_key(self):
        key_id, names = self.key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
        self.kms("DisableKey", KeyId=key_id)
        return names

    def hmac_key(self):
        return self.key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC", Description="Development test key")[1]

    def multi_region_key(self):
        primary = self.case.caller(region="us-west-2")
        key_id = primary("CreateKey", MultiRegion=True)["KeyMetadata"]["KeyId"]
        for region in ("eu-west-1", "ap-northeast-1", "sa-east-1"):
            primary("ReplicateKey", KeyId=key_id, ReplicaRegion=region)
        for _ in range(200):
            if self.kms("DescribeKey", KeyId=key_id)["KeyMetadata"]["KeyState"] == "Enabled":
                break
        return {"mrk-1234abcd12ab34cd56ef1234567890ab": key_id}

    def ReplicateKey(self):
        return self.key("mrk-1234abcd12ab34cd56ef1234567890ab", MultiRegion=True)[1]

    def EnableKey(self):
        key_id, names = self.key()
        self.kms("DisableKey", KeyId=key_id)
        return names

    def mac_key(self):
        return self.key(KeySpec="HMAC_384", KeyUsage="GENERATE_VERIFY_MAC")

    def GenerateMac(self):
        return self.mac_key()[1]

    def VerifyMac(self):
        key_id, names = self.mac_key()
        self.set["Mac"] = self.kms("GenerateMac", KeyId=key_id, Message="Hello World", MacAlgorithm="HMAC_SHA_384")["Mac"]
        return names

    def GetKeyRotationStatus(self):
        key_id, names = self.key()
        self.kms("EnableKeyRotation", KeyId=key_id)
        return names

    def GetParametersForImport(self):
        return self.key(Origin="EXTERNAL")[1]

    def ImportKeyMaterial(self):
        key_id, names = self.key(Origin="EXTERNAL")
        got = self.kms("GetParametersForImport", KeyId=key_id, WrappingAlgorithm="RSAES_OAEP_SHA_256",
                       WrappingKeySpec="RSA_2048")
        self.set["ImportToken"] = got["ImportToken"]
        self.set["EncryptedKeyMaterial"] = conformance.wrap(got["PublicKey"], b"k" * 32)
        return names

    def DeleteImportedKeyMaterial(self):
        names = self.ImportKeyMaterial()
        self.kms("ImportKeyMaterial", KeyId=names[KEY_ID], ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE", **self.set)
        self.set = {}
        return names

    def GetPublicKey(self):
        return self.key(OTHER_ID, KeySpec="RSA_4096", KeyUsage="ENCRYPT_DECRYPT")[1]

    def Sign(self):
        key_id, names = self.key(KeySpec="ECC_NIST_P384", KeyUsage="SIGN_VERIFY")
        self.alias("alias/ECC_signing_key", key_id)
        return names

    def Verify(self):
        names = self.Sign()
        self.set["Signature"] = self.kms("Sign", KeyId=names[KEY_ID], Message="<message to be verified>",
                                         SigningAlgorithm="ECDSA_SHA_384")["Signature"]
        return names

    def ListAliases(self):
        key_id, names = self.key()
        self.alias("alias/example1", key_id)
        return names

    def ListKeys(self):
        return self.key()[1]

    def ListResourceTags(self):
        return self.key(Tags=[{"TagKey": "CostCenter", "TagValue": "87654"},
                              {"TagKey": "CreatedBy", "TagValue": "ExampleUser"},
                              {"TagKey": "Purpose", "TagValue": "Test"}])[1]

    UntagResource = ListResourceTags

    def ListGrants(self):
        key_id, names = self.key()
        made = self.kms("CreateGrant", KeyId=key_id, GranteePrincipal=GRANTEE, RetiringPrincipal=GRANTEE,
                        Operations=["Encrypt", "Decrypt"])
        return names | {"0c237476b39f8bc44e45212e08498fbe3151305030726c0590dd8d3e9f3d6a60": made["GrantId"],
                        "444455556666": ACCOUNT}

    ListRetirableGrants = RetireGrant = RevokeGrant = ListGrants

    def ReEncrypt(self):
        key_id, names = self.key()
        self.set["CiphertextBlob"] = self.kms("Encrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
        return names | self.key(OTHER_ID)[1]

    def no_store(self):
        """A token is one store at most."""
        for store in self.kms("DescribeCustomKeyStores")["CustomKeyStores"]:
            its = {"CustomKeyStoreId": store["CustomKeyStoreId"]}
            if store["ConnectionState"] != "DISCONNECTED":
                self.kms("DisconnectCustomKeyStore", **its)
            self.kms("DeleteCustomKeyStore", **its)
        return {"cluster-1a23b4cdefg": self.case.cluster}

    def store(self, connected=False):
        names = self.no_store()
        made = self.kms("CreateCustomKeyStore", CustomKeyStoreName="ExampleKeyStore",
                        CloudHsmClusterId=self.case.cluster, TrustAnchorCertificate="<certificate appears here>",
                        KeyStorePassword="kmsPswd")["CustomKeyStoreId"]
        if connected:
            self.kms("ConnectCustomKeyStore", CustomKeyStoreId=made)
        return names | {"cks-1234567890abcdef0": made}

    def connected_store(self):
        return self.store(connected=True)

    CreateCustomKeyStore = no_store
    ConnectCustomKeyStore = DeleteCustomKeyStore = UpdateCustomKeyStore = store
    DescribeCustomKeyStores = DisconnectCustomKeyStore = connected_store

    # ---- by example, where operations have several that differ ----

    BY_ID = {
        "to-get-details-about-an-rsa-asymmetric-kms-key-1637971611761": rsa_key,
        "to-create-a-kms-key-in-a-custom-key-store-1630604382908": connected_store,
        "to-get-details-about-a-multi-region-key-1637969624239": multi_region_key,
        "to-get-details-about-an-hmac-kms-key-1637970472619": hmac_key,
    }

    def prepare(self, operation, example):
        by_id = self.BY_ID.get(example["id"])
        return by_id(self) if by_id else getattr(self, operation)()


class Examples(KmsCase):
    seed = SEED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = conformance.cluster(cls.service, "dev")

    @classmethod
    def caller(cls, credentials=("FOOBARKEY", "FOOBARSECRET"), region=REGION):
        return super().caller(credentials, region)

    def compare(self, shown, got, path, varies):
        """All that is shown is there, and what is the same each time is the same."""
        if isinstance(shown, dict):
            self.assertLessEqual(set(shown), set(got), path)
            for name in set(shown) - varies:
                self.compare(shown[name], got[name], f"{path}.{name}", varies)
        elif isinstance(shown, list) and shown and isinstance(shown[0], dict):
            self.assertTrue(got, path)
            for element in got:
                self.assertLessEqual(set.intersection(*map(set, shown)), set(element), path)
        elif isinstance(shown, list) and shown:
            self.assertEqual(sorted(shown), sorted(got), path)
        elif path.endswith(".Policy"):
            self.assertEqual(json.loads(shown), json.loads(got), path)
        elif not isinstance(got, (datetime.datetime, list)):
            self.assertEqual(shown, got, path)

    def check_example(self, operation, example):
        setup = Setup(self, ELSEWHERE.get(example["id"], region_of(example)))
        names = setup.prepare(operation, example) | {"444455556666": ACCOUNT, "123456789012": ACCOUNT,
                                                     region_of(example): setup.region}
        asked = replaced(example.get("input") or {}, names) | setup.set
        got = setup.kms(operation, **asked)
        shown = example.get("output") or {}
        if operation == "CreateKey":
            names |= {shown["KeyMetadata"]["KeyId"]: got["KeyMetadata"]["KeyId"]}
        self.compare(replaced(shown, names), got, operation, VARIES | VARIES_IN.get(operation, set()))

    def ask_the_rest(self):
        """Operations newer than the examples."""
        key_id = self.kms("CreateKey")["KeyMetadata"]["KeyId"]
        self.kms("GetKeyLastUsage", KeyId=key_id)
        self.kms("RotateKeyOnDemand", KeyId=key_id)
        self.kms("ListKeyRotations", KeyId=key_id)
        keys = [self.kms("CreateKey", **conformance.KINDS["agree"])["KeyMetadata"]["KeyId"] for _ in range(2)]
        peer = self.kms("GetPublicKey", KeyId=keys[1])["PublicKey"]
        self.kms("DeriveSharedSecret", KeyId=keys[0], KeyAgreementAlgorithm="ECDH", PublicKey=peer)
        multi = Setup(self, "us-west-2").multi_region_key().popitem()[1]
        self.caller(region="us-west-2")("UpdatePrimaryRegion", KeyId=multi, PrimaryRegion="eu-west-1")

    def test_every_example_works_as_it_is_shown_and_every_operation_was_seen(self):
        conformance.succeeded.clear()
        for operation, example in examples():
            with self.subTest(example["id"]):
                self.check_example(operation, example)
        self.ask_the_rest()
        self.assertEqual(set(conformance.operations()) - conformance.succeeded, set())

    def test_there_are_as_many_as_there_were(self):
        """Fewer would mean that the test above tests nothing."""
        self.assertGreaterEqual(len(examples()), 61)


if __name__ == "__main__":
    tap.main()
