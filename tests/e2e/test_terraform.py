"""What Terraform's AWS provider 5 does with every resource it has of KMS but external key stores: apply, plan nothing, change, destroy.

The provider's calls are replayed in its order, waits included, without its pauses (internal/service/kms of
hashicorp/terraform-provider-aws). Where a terraform with the provider is at hand the real one does the same.
"""

import datetime
import json
import os
import pathlib
import shutil
import subprocess

import conformance
import p11kms_test
import tap
from kms_case import KmsCase, Refused, arn_of
from p11kms_test import ACCOUNT

IN_A_ROW = 5  # reads that must agree before the provider believes them


def normalized(policy):
    """As the provider compares: a list of one is its element, order does not count, an ARN of root is its account."""
    def walk(value):
        if isinstance(value, dict):
            return {name: walk(inner) for name, inner in value.items()}
        if isinstance(value, list):
            values = sorted((walk(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
            return values[0] if len(values) == 1 else values
        return value

    return walk(json.loads(policy))


class Key:
    """resource "aws_kms_key"."""

    def __init__(self, kms, description=None, policy=None, tags=None, enabled=True, rotation=False, period=None,
                 window=None, bypass=False, spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT", multi_region=None,
                 store=None):
        self.kms = kms
        self.id = None
        self.made_with = {"KeySpec": spec, "KeyUsage": usage} | ({"MultiRegion": True} if multi_region else {}) | (
            {"CustomKeyStoreId": store, "Origin": "AWS_CLOUDHSM"} if store else {})
        self.wanted = {"description": description, "policy": policy, "tags": tags or {}, "enabled": enabled,
                       "rotation": rotation, "period": period}
        self.window = window
        self.bypass = bypass

    # ---- reading ----

    def read(self):
        """What the state file would hold; None: Terraform takes the key for gone."""
        try:
            metadata = self.kms("DescribeKey", KeyId=self.id)["KeyMetadata"]
        except Refused as refusal:
            if refusal.code == "NotFoundException":
                return None
            raise
        if metadata["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
            return None
        policy = self.kms("GetKeyPolicy", KeyId=self.id, PolicyName="default")["Policy"]
        status = {"KeyRotationEnabled": False}
        if metadata["Origin"] == "AWS_KMS":
            status = self.kms("GetKeyRotationStatus", KeyId=self.id)
        return {"arn": metadata["Arn"], "description": metadata["Description"], "policy": policy,
                "tags": {tag["TagKey"]: tag["TagValue"] for tag in self.kms.all("ListResourceTags", "Tags", Limit=50,
                                                                                KeyId=self.id)},
                "enabled": metadata["Enabled"], "rotation": status["KeyRotationEnabled"],
                "period": status.get("RotationPeriodInDays"), "spec": metadata["CustomerMasterKeySpec"],
                "usage": metadata["KeyUsage"], "multi_region": metadata["MultiRegion"],
                "store": metadata.get("CustomKeyStoreId")}

    def plan(self):
        """What differs from what is wanted, by attribute; computed attributes that nobody set do not."""
        state = self.read()
        differing = {}
        for name, wanted in self.wanted.items():
            if wanted is None:
                continue
            same = normalized(wanted) == normalized(state[name]) if name == "policy" else wanted == state[name]
            if not same:
                differing[name] = (state[name], wanted)
        return differing

    # ---- changing ----

    def wait(self, holds):
        for _ in range(IN_A_ROW):
            assert holds()

    def apply(self):
        parameters = self.made_with | {
                      "BypassPolicyLockoutSafetyCheck": self.bypass,
                      "Tags": [{"TagKey": name, "TagValue": value} for name, value in self.wanted["tags"].items()]}
        if self.wanted["description"] is not None:
            parameters["Description"] = self.wanted["description"]
        if self.wanted["policy"] is not None:
            parameters["Policy"] = json.dumps(json.loads(self.wanted["policy"]), separators=(",", ":"))
        self.id = self.kms("CreateKey", **parameters)["KeyMetadata"]["KeyId"]
        if self.wanted["rotation"]:
            self.set_rotation()
        if not self.wanted["enabled"]:
            self.set_enabled()
        if self.wanted["policy"] is not None:
            self.wait(lambda: "policy" not in self.plan())
        if self.wanted["tags"]:
            self.wait(lambda: "tags" not in self.plan())
        return self.read()

    def set_rotation(self):
        if self.wanted["rotation"]:
            period = {"RotationPeriodInDays": self.wanted["period"]} if self.wanted["period"] else {}
            self.kms("EnableKeyRotation", KeyId=self.id, **period)
        else:
            self.kms("DisableKeyRotation", KeyId=self.id)
        self.wait(lambda: not {"rotation", "period"} & set(self.plan()))

    def set_enabled(self):
        self.kms("EnableKey" if self.wanted["enabled"] else "DisableKey", KeyId=self.id)
        self.wait(lambda: "enabled" not in self.plan())

    def change(self, **wanted):
        before = self.wanted
        self.wanted = before | wanted
        changed = {name for name in wanted if wanted[name] != before[name]}
        if "enabled" in changed and self.wanted["enabled"]:
            self.set_enabled()
        if changed & {"rotation", "period"}:
            self.set_rotation()
        if "description" in changed:
            self.kms("UpdateKeyDescription", KeyId=self.id, Description=self.wanted["description"])
            self.wait(lambda: "description" not in self.plan())
        if "policy" in changed:
            self.kms("PutKeyPolicy", KeyId=self.id, PolicyName="default", BypassPolicyLockoutSafetyCheck=self.bypass,
                     Policy=self.wanted["policy"])
            self.wait(lambda: "policy" not in self.plan())
        if "tags" in changed:
            self.change_tags(before["tags"], self.wanted["tags"])
        if "enabled" in changed and not self.wanted["enabled"]:
            self.set_enabled()

    def change_tags(self, old, new):
        gone = [name for name in old if name not in new]
        if gone:
            self.kms("UntagResource", KeyId=self.id, TagKeys=gone)
        fresh = [{"TagKey": name, "TagValue": value} for name, value in new.items() if old.get(name) != value]
        if fresh:
            self.kms("TagResource", KeyId=self.id, Tags=fresh)
        self.wait(lambda: "tags" not in self.plan())

    def destroy(self):
        window = {"PendingWindowInDays": self.window} if self.window else {}
        try:
            self.kms("ScheduleKeyDeletion", KeyId=self.id, **window)
        except Refused as refusal:
            gone = refusal.code == "KMSInvalidStateException" and "is pending deletion" in refusal.message
            if refusal.code != "NotFoundException" and not gone:
                raise
            return
        assert self.read() is None


class Alias:
    """resource "aws_kms_alias"."""

    def __init__(self, kms, name, target):
        self.kms, self.name, self.target = kms, name, target

    def read(self):
        for alias in self.kms.all("ListAliases", "Aliases"):
            if alias["AliasName"] == self.name:
                return alias
        return None

    def apply(self):
        self.kms("CreateAlias", AliasName=self.name, TargetKeyId=self.target)
        return self.read()

    def plan(self):
        """The provider takes an id and the ARN that ends in it for the same."""
        found = self.read()["TargetKeyId"]
        return {} if self.target.split("/")[-1] == found else {"target": (found, self.target)}

    def change(self, target):
        self.target = target
        self.kms("UpdateAlias", AliasName=self.name, TargetKeyId=target)

    def destroy(self):
        try:
            self.kms("DeleteAlias", AliasName=self.name)
        except Refused as refusal:
            if refusal.code != "NotFoundException":
                raise


class Grant:
    """resource "aws_kms_grant"."""

    def __init__(self, kms, key_id, grantee, operations, name=None, retiring=None, constraints=None, retire=False):
        self.kms, self.key_id, self.id, self.retire = kms, key_id, None, retire
        self.wanted = {"GranteePrincipal": grantee, "Operations": operations, "Name": name,
                       "RetiringPrincipal": retiring, "Constraints": constraints}

    def read(self):
        """The provider looks through every page for the id."""
        for grant in self.kms.all("ListGrants", "Grants", KeyId=self.key_id, Limit=100):
            if grant["GrantId"] == self.id:
                return grant
        return None

    def apply(self):
        said = {name: value for name, value in self.wanted.items() if value is not None}
        made = self.kms("CreateGrant", KeyId=self.key_id, **said)
        assert made["GrantToken"]
        self.id = made["GrantId"]
        return self.read()

    def plan(self):
        """Operations and the pairs of a constraint are sets to the provider."""
        state = self.read()
        return {name: (state.get(name), wanted) for name, wanted in self.wanted.items()
                if (sorted(state[name]) != sorted(wanted) if name == "Operations" else state.get(name) != wanted)}

    def destroy(self):
        operation = "RetireGrant" if self.retire else "RevokeGrant"
        try:
            self.kms(operation, KeyId=self.key_id, GrantId=self.id)
        except Refused as refusal:
            if refusal.code != "NotFoundException":
                raise
        assert self.read() is None


class ExternalKey:
    """resource "aws_kms_external_key": with its material in the configuration, or waiting for it."""

    def __init__(self, kms, material=None, valid_to=None, description=""):
        self.kms, self.id, self.material = kms, None, material
        self.wanted = {"description": description, "valid_to": valid_to}

    def read(self):
        metadata = self.kms("DescribeKey", KeyId=self.id)["KeyMetadata"]
        if metadata["KeyState"] == "PendingDeletion":
            return None
        self.kms("GetKeyPolicy", KeyId=self.id, PolicyName="default")
        self.kms.all("ListResourceTags", "Tags", KeyId=self.id, Limit=50)
        return {"description": metadata["Description"], "valid_to": metadata.get("ValidTo"), "state": metadata["KeyState"],
                "enabled": metadata["Enabled"], "model": metadata.get("ExpirationModel"), "usage": metadata["KeyUsage"]}

    def plan(self):
        state = self.read()
        return {name: (state[name], wanted) for name, wanted in self.wanted.items() if state[name] != wanted}

    def bring(self):
        got = self.kms("GetParametersForImport", KeyId=self.id, WrappingAlgorithm="RSAES_OAEP_SHA_256",
                       WrappingKeySpec="RSA_2048")
        expiry = {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": self.wanted["valid_to"]} if self.wanted[
            "valid_to"] else {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
        self.kms("ImportKeyMaterial", KeyId=self.id, ImportToken=got["ImportToken"],
                 EncryptedKeyMaterial=conformance.wrap(got["PublicKey"], self.material), **expiry)
        for _ in range(IN_A_ROW):
            assert self.read()["state"] != "PendingImport" and "valid_to" not in self.plan()

    def apply(self):
        self.id = self.kms("CreateKey", BypassPolicyLockoutSafetyCheck=False, Description=self.wanted["description"],
                           KeyUsage="ENCRYPT_DECRYPT", Origin="EXTERNAL", Tags=[])["KeyMetadata"]["KeyId"]
        if self.material:
            self.bring()
        return self.read()

    def change(self, **wanted):
        if "description" in wanted:
            self.kms("UpdateKeyDescription", KeyId=self.id, Description=wanted["description"])
        again = "valid_to" in wanted
        self.wanted |= wanted
        if again:
            self.bring()

    def destroy(self):
        self.kms("ScheduleKeyDeletion", KeyId=self.id)
        assert self.read() is None


class KeyPolicy:
    """resource "aws_kms_key_policy": the policy of a key that another resource made."""

    def __init__(self, kms, key_id, policy):
        self.kms, self.key_id, self.policy = kms, key_id, policy

    def read(self):
        return self.kms("GetKeyPolicy", KeyId=self.key_id, PolicyName="default")["Policy"]

    def plan(self):
        return {} if normalized(self.policy) == normalized(self.read()) else {"policy": (self.read(), self.policy)}

    def apply(self):
        self.kms("PutKeyPolicy", KeyId=self.key_id, PolicyName="default", BypassPolicyLockoutSafetyCheck=False,
                 Policy=self.policy)
        for _ in range(IN_A_ROW):
            assert self.plan() == {}

    def destroy(self):
        """The provider puts the default policy back."""
        self.policy = json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [
            {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
             "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}]})
        self.apply()


class Ciphertext:
    """resource "aws_kms_ciphertext": Encrypt once; reading looks at nothing."""

    def __init__(self, kms, key_id, plaintext, context=None):
        self.kms, self.parameters = kms, {"KeyId": key_id, "Plaintext": plaintext} | (
            {"EncryptionContext": context} if context else {})

    def apply(self):
        return self.kms("Encrypt", **self.parameters)["CiphertextBlob"]


class ReplicaKey(Key):
    """resource "aws_kms_replica_key": kms is a caller of the replica's region, there of the primary's."""

    def __init__(self, kms, there, primary, **arguments):
        super().__init__(kms, **arguments)
        self.there, self.primary = there, primary
        self.wanted |= {"rotation": None, "period": None}  # the primary's

    def apply(self):
        made = self.there("ReplicateKey", KeyId=self.primary.split("/")[-1], ReplicaRegion=self.kms.client.meta.region_name,
                          BypassPolicyLockoutSafetyCheck=self.bypass,
                          **({"Description": self.wanted["description"]} if self.wanted["description"] else {}),
                          **({"Policy": self.wanted["policy"]} if self.wanted["policy"] else {}),
                          Tags=[{"TagKey": name, "TagValue": value} for name, value in self.wanted["tags"].items()])
        self.id = made["ReplicaKeyMetadata"]["KeyId"]
        for _ in range(100):
            if self.kms("DescribeKey", KeyId=self.id)["KeyMetadata"]["KeyState"] == "Enabled":
                break
        if not self.wanted["enabled"]:
            self.set_enabled()
        return self.read()


class CustomKeyStore:
    """resource "aws_kms_custom_key_store": the provider makes and describes it, and leaves connecting to others."""

    def __init__(self, kms, name, cluster, certificate, password):
        self.kms, self.id, self.password = kms, None, password
        self.wanted = {"CustomKeyStoreName": name, "CloudHsmClusterId": cluster, "TrustAnchorCertificate": certificate}

    def apply(self):
        self.id = self.kms("CreateCustomKeyStore", KeyStorePassword=self.password, **self.wanted)["CustomKeyStoreId"]

    def read(self):
        try:
            found, = self.kms("DescribeCustomKeyStores", CustomKeyStoreId=self.id)["CustomKeyStores"]
        except Refused as refusal:
            if refusal.code != "CustomKeyStoreNotFoundException":
                raise
            return None
        return found

    def plan(self):
        state = self.read()
        return {name: (state[name], wanted) for name, wanted in self.wanted.items() if state[name] != wanted}

    def rename(self, name):
        self.wanted["CustomKeyStoreName"] = name
        self.kms("UpdateCustomKeyStore", CustomKeyStoreId=self.id, KeyStorePassword=self.password,
                 NewCustomKeyStoreName=name, CloudHsmClusterId=self.wanted["CloudHsmClusterId"])

    def destroy(self):
        self.kms("DeleteCustomKeyStore", CustomKeyStoreId=self.id)
        assert self.read() is None


POLICY = json.dumps({
    "Version": "2012-10-17", "Id": "of-terraform",
    "Statement": [
        {"Sid": "root", "Effect": "Allow", "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}, "Action": ["kms:*"],
         "Resource": ["*"]},
        {"Sid": "app", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/app"},
         "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"},
    ]}, indent=2)


class Replayed(KmsCase):
    def test_a_key_with_everything_is_applied_and_nothing_is_left_to_plan(self):
        key = Key(self.kms, "from Terraform", POLICY, {"team": "payments", "Name": "ключ"}, rotation=True, period=180,
                  window=7)
        state = key.apply()
        self.assertEqual(key.plan(), {})
        self.assertEqual((state["spec"], state["usage"], state["multi_region"], state["period"]),
                         ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", False, 180))
        alias = Alias(self.kms, "alias/terraform", key.id)
        self.assertEqual(alias.apply()["AliasArn"], arn_of("alias/terraform"))
        self.assertEqual((key.plan(), alias.plan()), ({}, {}))
        alias.destroy()
        key.destroy()
        self.assertIsNone(alias.read())
        self.assertIsNone(key.read())
        window = self.service.audit("ScheduleKeyDeletion")[-1]["requestParameters"]["pendingWindowInDays"]
        self.assertEqual(window, 7)

    def test_an_external_key_is_applied_changed_and_nothing_is_left_to_plan(self):
        until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)
        key = ExternalKey(self.kms, bytes(range(32)), until, "from Terraform")
        state = key.apply()
        self.assertEqual(key.plan(), {})
        self.assertEqual((state["state"], state["enabled"], state["model"], state["usage"]),
                         ("Enabled", True, "KEY_MATERIAL_EXPIRES", "ENCRYPT_DECRYPT"))
        key.change(description="changed", valid_to=None)
        self.assertEqual(key.plan(), {})
        self.assertEqual(key.read()["model"], "KEY_MATERIAL_DOES_NOT_EXPIRE")
        key.destroy()

    def test_an_external_key_without_material_waits_and_nothing_is_left_to_plan(self):
        key = ExternalKey(self.kms)
        state = key.apply()
        self.assertEqual(key.plan(), {})
        self.assertEqual((state["state"], state["enabled"], state["model"]), ("PendingImport", False, None))
        key.destroy()

    def test_a_key_with_nothing_said_is_applied_and_nothing_is_left_to_plan(self):
        key = Key(self.kms)
        state = key.apply()
        self.assertEqual(key.plan(), {})
        self.assertEqual((state["description"], state["tags"], state["rotation"], state["period"]),
                         ("", {}, False, None))
        key.destroy()

    def test_rotation_without_a_period_reads_as_a_year(self):
        key = Key(self.kms, rotation=True)
        self.assertEqual(key.apply()["period"], 365)
        self.assertEqual(key.plan(), {})
        key.destroy()

    def test_a_disabled_key_is_applied_and_changed_by_way_of_enabling(self):
        key = Key(self.kms, "off", enabled=False)
        key.apply()
        self.assertEqual(key.plan(), {})
        key.change(enabled=True, rotation=True)
        self.assertEqual(key.plan(), {})
        key.change(enabled=False)
        self.assertEqual(key.plan(), {})
        key.destroy()

    def test_every_change_settles(self):
        key = Key(self.kms, "before", POLICY, {"a": "1", "b": "2"}, rotation=True)
        key.apply()
        for wanted in ({"description": "after"}, {"tags": {"a": "1", "c": "3"}}, {"tags": {}}, {"rotation": False},
                       {"rotation": True, "period": 90}, {"period": 200},
                       {"policy": POLICY.replace("kms:Decrypt", "kms:GenerateDataKey")}):
            with self.subTest(wanted):
                key.change(**wanted)
                self.assertEqual(key.plan(), {})
        key.destroy()

    def test_a_second_destroy_finds_the_key_gone(self):
        key = Key(self.kms)
        key.apply()
        key.destroy()
        key.destroy()
        alias = Alias(self.kms, "alias/never", key.id)
        alias.destroy()

    def test_an_alias_moves_and_takes_an_arn_for_its_key(self):
        keys = [Key(self.kms), Key(self.kms)]
        arns = [key.apply()["arn"] for key in keys]
        alias = Alias(self.kms, "alias/moving", arns[0])
        alias.apply()
        self.assertEqual(alias.plan(), {})
        alias.change(keys[1].id)
        self.assertEqual(alias.plan(), {})
        alias.destroy()
        for key in keys:
            key.destroy()

    def test_a_grant_is_applied_and_nothing_is_left_to_plan(self):
        key = Key(self.kms)
        key.apply()
        app = f"arn:aws:iam::{ACCOUNT}:user/app"
        for grant in (Grant(self.kms, key.id, app, ["Encrypt", "Decrypt"]),
                      Grant(self.kms, key.id, app, ["DescribeKey", "Decrypt"], "of-terraform", app,
                            {"EncryptionContextEquals": {"Department": "Finance"}}, retire=True)):
            grant.apply()
            self.assertEqual(grant.plan(), {})
            grant.destroy()
            grant.destroy()
        key.destroy()

    def test_a_grant_to_nobody_is_refused_as_the_provider_expects(self):
        key = Key(self.kms)
        key.apply()
        grant = Grant(self.kms, key.id, f"arn:aws:iam::{ACCOUNT}:role/not-there-yet", ["Encrypt"])
        with self.assertRaises(Refused) as caught:
            grant.apply()
        self.assertEqual(caught.exception.code, "InvalidArnException")  # what it tries again after

    def test_keys_of_every_kind_are_applied_and_nothing_is_left_to_plan(self):
        for spec, usage in (("RSA_2048", "ENCRYPT_DECRYPT"), ("RSA_2048", "SIGN_VERIFY"), ("ECC_NIST_P256", "SIGN_VERIFY"),
                            ("ECC_NIST_P384", "KEY_AGREEMENT"), ("HMAC_256", "GENERATE_VERIFY_MAC")):
            with self.subTest(spec=spec, usage=usage):
                key = Key(self.kms, "of its kind", tags={"team": "a"}, spec=spec, usage=usage, window=7)
                state = key.apply()
                self.assertEqual((state["spec"], state["usage"]), (spec, usage))
                self.assertEqual(key.plan(), {})
                key.destroy()

    def test_a_key_policy_of_its_own_is_applied_changed_and_put_back(self):
        key = Key(self.kms)
        before = key.apply()["policy"]
        policy = KeyPolicy(self.kms, key.id, POLICY)
        policy.apply()
        self.assertEqual(policy.plan(), {})
        policy.policy = POLICY.replace("kms:Decrypt", "kms:DescribeKey")
        self.assertIn("policy", policy.plan())
        policy.apply()
        policy.destroy()
        self.assertEqual(normalized(policy.read()), normalized(before))

    def test_a_ciphertext_is_made_and_opens(self):
        key = Key(self.kms)
        key.apply()
        for context in None, {"team": "payments"}:
            blob = Ciphertext(self.kms, key.id, b"secret", context).apply()
            self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=context or {})["Plaintext"], b"secret")

    def test_a_replica_is_applied_changed_and_destroyed_before_its_primary(self):
        primary = Key(self.kms, "primary", multi_region=True, rotation=True)
        self.assertTrue(primary.apply()["multi_region"])
        replica = ReplicaKey(self.caller(region="eu-west-1"), self.kms, arn_of("key/" + primary.id),
                             description="replica", policy=POLICY, tags={"team": "a"}, window=7)
        state = replica.apply()
        self.assertEqual((state["arn"], state["rotation"]), (arn_of("key/" + primary.id, "eu-west-1"), True))
        self.assertEqual((replica.plan(), primary.plan()), ({}, {}))
        replica.change(description="changed", tags={"team": "b"}, enabled=False)
        self.assertEqual((replica.plan(), primary.plan()), ({}, {}))
        replica.destroy()
        primary.destroy()

    def test_a_custom_key_store_is_applied_used_renamed_and_destroyed(self):
        cluster = conformance.cluster(self.service, "dev")
        store = CustomKeyStore(self.kms, "terraform", cluster, "-----BEGIN CERTIFICATE-----\nx", "password")
        store.apply()
        self.assertEqual(store.plan(), {})
        store.rename("renamed")
        self.assertEqual(store.plan(), {})
        store.destroy()
        store.apply()
        self.kms("ConnectCustomKeyStore", CustomKeyStoreId=store.id)
        key = Key(self.kms, "in a store", store=store.id, window=7)
        self.assertEqual(key.apply()["store"], store.id)
        self.assertEqual(key.plan(), {})

    def test_a_key_deleted_behind_terraform_s_back_is_to_be_made_again(self):
        key = Key(self.kms)
        key.apply()
        self.kms("ScheduleKeyDeletion", KeyId=key.id)
        self.assertIsNone(key.read())


MAIN = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  endpoints {
    kms = "%s"
  }
}

resource "aws_kms_key" "this" {
  description             = "from Terraform"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  rotation_period_in_days = 180
  tags                    = { team = "payments" }
}

resource "aws_kms_alias" "this" {
  name          = "alias/real-terraform"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_kms_grant" "this" {
  key_id            = aws_kms_key.this.key_id
  grantee_principal = "arn:aws:iam::123456789012:user/app"
  operations        = ["Encrypt", "Decrypt"]

  constraints {
    encryption_context_subset = { Department = "Finance" }
  }
}

resource "aws_kms_key" "signing" {
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  deletion_window_in_days  = 7
}

resource "aws_kms_external_key" "this" {
  description         = "from outside"
  key_material_base64 = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
}

resource "aws_kms_ciphertext" "this" {
  key_id    = aws_kms_key.this.key_id
  plaintext = "secret"
  context   = { team = "payments" }
}

resource "aws_kms_key_policy" "this" {
  key_id = aws_kms_key.signing.key_id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = "arn:aws:iam::123456789012:root" }, Action = "kms:*", Resource = "*" }]
  })
}

provider "aws" {
  alias                       = "replica"
  region                      = "eu-west-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  endpoints {
    kms = "%s"
  }
}

resource "aws_kms_key" "primary" {
  multi_region            = true
  deletion_window_in_days = 7
}

resource "aws_kms_replica_key" "this" {
  provider                = aws.replica
  primary_key_arn         = aws_kms_key.primary.arn
  deletion_window_in_days = 7
}

resource "aws_kms_custom_key_store" "this" {
  custom_key_store_name    = "terraform"
  cloud_hsm_cluster_id     = "%s"
  key_store_password       = "password"
  trust_anchor_certificate = "-----BEGIN CERTIFICATE-----"
}
"""

# Where Terraform itself looks for providers without a registry.
MIRRORS = [pathlib.Path.home() / ".terraform.d" / "plugins", pathlib.Path("/usr/local/share/terraform/plugins"),
           pathlib.Path("/usr/share/terraform/plugins")]


def provider_mirror():
    for mirror in [pathlib.Path(os.environ["TF_PLUGIN_DIR"])] if "TF_PLUGIN_DIR" in os.environ else MIRRORS:
        if list(mirror.glob("registry.terraform.io/hashicorp/aws/*")):
            return mirror
    return None


class Real(p11kms_test.ServiceCase):
    test_seconds = 600  # the provider waits tens of seconds for what AWS has not made known everywhere

    def terraform(self, *words, status=0):
        done = subprocess.run([self.program, *words, "-no-color"], cwd=self.folder, env=self.environment, text=True,
                              capture_output=True, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def test_apply_plan_destroy(self):
        self.program, mirror = shutil.which("terraform"), provider_mirror()
        if not self.program:
            self.skipTest("there is no terraform here")
        if not mirror:
            self.skipTest("terraform is here, its provider hashicorp/aws is not (set TF_PLUGIN_DIR to a mirror)")
        self.folder = self.service.root / "terraform"
        self.folder.mkdir()
        (self.folder / "main.tf").write_text(
            MAIN % (self.service.url, self.service.url, conformance.cluster(self.service, "dev")), encoding="utf-8")
        self.environment = self.service.environment() | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        self.terraform("init", f"-plugin-dir={mirror}")
        self.terraform("apply", "-auto-approve")
        self.terraform("plan", "-detailed-exitcode")
        self.terraform("destroy", "-auto-approve")


if __name__ == "__main__":
    tap.main()
