"""Multi-Region keys: one id and material in several Regions, the rest each Region's own."""

import datetime
import json
import re

import tap
import wire
from kms_case import KmsCase
from p11kms_test import REGION, SEED, wait_until
from real import objects_on

ACCOUNT = "123456789012"
APP = ("APPKEY", "APPSECRET")
OTHER, THIRD = "eu-west-1", "ap-southeast-2"
STAYING = ("STAYKEY", "STAYSECRET")


class RegionsCase(KmsCase):
    def setUp(self):
        self.addCleanup(wire.set_clock, self.service)

    def there(self, region=OTHER):
        return self.caller(region=region)

    def primary(self, **parameters):
        return self.new_key(MultiRegion=True, **parameters)

    def metadata(self, key, region=REGION):
        return self.there(region)("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]

    def replicate(self, key, region=OTHER, **parameters):
        made = self.kms("ReplicateKey", KeyId=key["KeyId"], ReplicaRegion=region, **parameters)
        wait_until(lambda: self.metadata(key, region)["KeyState"] == "Enabled", what="the replica")
        return made["ReplicaKeyMetadata"]

    def arn(self, key, region):
        return f"arn:aws:kms:{region}:{ACCOUNT}:key/{key['KeyId']}"


class Replicas(RegionsCase):
    def test_a_primary_is_named_and_described_so(self):
        key = self.primary()
        self.assertRegex(key["KeyId"], "^mrk-[0-9a-f]{32}$")
        self.assertTrue(key["MultiRegion"])
        place = {"Arn": key["Arn"], "Region": REGION}
        self.assertEqual(key["MultiRegionConfiguration"],
                         {"MultiRegionKeyType": "PRIMARY", "PrimaryKey": place, "ReplicaKeys": []})
        self.assertEqual(self.metadata(key), key)

    def test_a_replica_is_creating_first_and_then_enabled_by_an_act_of_the_service(self):
        key = self.primary()
        made = self.kms("ReplicateKey", KeyId=key["Arn"], ReplicaRegion=OTHER, Description="over there",
                        Tags=[{"TagKey": "a", "TagValue": "b"}])
        replica = made["ReplicaKeyMetadata"]
        self.assertEqual((replica["KeyState"], replica["Enabled"], replica["KeyId"]), ("Creating", False, key["KeyId"]))
        self.assertEqual(replica["Arn"], self.arn(key, OTHER))
        self.assertEqual(replica["MultiRegionConfiguration"], {
            "MultiRegionKeyType": "REPLICA", "PrimaryKey": {"Arn": key["Arn"], "Region": REGION},
            "ReplicaKeys": [{"Arn": self.arn(key, OTHER), "Region": OTHER}]})
        self.assertEqual(made["ReplicaTags"], [{"TagKey": "a", "TagValue": "b"}])
        self.assertEqual(json.loads(made["ReplicaPolicy"])["Id"], "key-default-1")
        self.assertNotIn("CurrentKeyMaterialId", made["ReplicaKeyMetadata"])
        wait_until(lambda: self.metadata(key, OTHER)["KeyState"] == "Enabled", what="the replica")
        self.assertEqual(self.metadata(key)["MultiRegionConfiguration"]["ReplicaKeys"],
                         [{"Arn": self.arn(key, OTHER), "Region": OTHER}])
        events = [r for r in self.service.audit("SynchronizeMultiRegionKey")
                  if r["serviceEventDetails"]["keyId"] == key["KeyId"]]
        self.assertEqual([(r["awsRegion"], r["eventType"]) for r in events], [(OTHER, "AwsServiceEvent")])

    def test_what_one_region_encrypts_the_others_decrypt(self):
        key = self.primary()
        self.replicate(key)
        for here, there in ((REGION, OTHER), (OTHER, REGION)):
            blob = self.there(here)("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
            answer = self.there(there)("Decrypt", CiphertextBlob=blob)
            self.assertEqual((answer["Plaintext"], answer["KeyId"]), (b"x", self.arn(key, there)))
        self.refused("InvalidCiphertextException", None, "Decrypt", by=self.there(THIRD), CiphertextBlob=blob)

    def test_one_object_on_the_token_serves_all_regions(self):
        before = objects_on(self.service, "p11kms-dev")
        key = self.primary()
        self.replicate(key)
        self.replicate(key, THIRD)
        self.assertEqual(objects_on(self.service, "p11kms-dev"), before + 1)

    def test_description_alias_tags_policy_and_state_are_each_regions_own(self):
        key = self.primary(Description="here")
        self.replicate(key, Description="there")
        self.kms("CreateAlias", AliasName="alias/regions", TargetKeyId=key["KeyId"])
        self.kms("TagResource", KeyId=key["KeyId"], Tags=[{"TagKey": "only", "TagValue": "here"}])
        self.kms("DisableKey", KeyId=key["KeyId"])
        replica = self.metadata(key, OTHER)
        self.assertEqual((replica["Description"], replica["KeyState"]), ("there", "Enabled"))
        self.assertEqual(self.there()("ListResourceTags", KeyId=key["KeyId"])["Tags"], [])
        self.assertEqual(self.there().all("ListAliases", "Aliases", KeyId=key["KeyId"]), [])
        self.there()("GenerateDataKey", KeyId=key["KeyId"], KeySpec="AES_256")
        self.refused("DisabledException", f"{key['Arn']} is disabled.", "Encrypt", KeyId=key["KeyId"], Plaintext=b"x")

    def test_what_cannot_be_replicated_is_refused(self):
        single, key = self.new_key(), self.primary()
        self.replicate(key)
        self.refused("UnsupportedOperationException", f"{single['Arn']} is not a multi-region primary key.",
                     "ReplicateKey", KeyId=single["KeyId"], ReplicaRegion=OTHER)
        self.refused("UnsupportedOperationException", f"{self.arn(key, OTHER)} is not a multi-region primary key.",
                     "ReplicateKey", by=self.there(), KeyId=key["KeyId"], ReplicaRegion=THIRD)
        self.refused("AlreadyExistsException", "You can create only one replica of each primary key in each AWS "
                     "Region.", "ReplicateKey",
                     KeyId=key["KeyId"], ReplicaRegion=OTHER)
        self.refused("ValidationException", "us-east-1 cannot have a replica because it contains the primary.", "ReplicateKey",
                     KeyId=key["KeyId"], ReplicaRegion=REGION)
        self.refused("ValidationException", re.compile("'replicaRegion' failed to satisfy constraint"), "ReplicateKey",
                     KeyId=key["KeyId"], ReplicaRegion="Mars")
        self.kms("DisableKey", KeyId=key["KeyId"])
        self.refused("DisabledException", f"{key['Arn']} is disabled.", "ReplicateKey", KeyId=key["KeyId"],
                     ReplicaRegion=THIRD)

    def test_replicating_needs_permission_to_make_a_key_too(self):
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*",
             "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/app"}, "Action": "kms:ReplicateKey",
             "Resource": "*"}]}
        key = self.primary(Policy=json.dumps(policy))
        self.refused("AccessDeniedException", re.compile("kms:CreateKey"), "ReplicateKey", by=self.caller(APP),
                     KeyId=key["KeyId"], ReplicaRegion=OTHER)


class Confined(RegionsCase):
    seed = SEED + f"""
      - name: staying
        access-keys: [{{id: {STAYING[0]}, secret: {STAYING[1]}}}]
        policies:
          - name: where
            document:
              Version: 2012-10-17
              Statement:
                - Effect: Allow
                  Action: "kms:*"
                  Resource: "*"
                  Condition: {{StringEquals: {{"aws:RequestedRegion": [{REGION}, {OTHER}]}}}}
"""

    def test_who_may_not_make_keys_in_a_region_makes_no_replica_there(self):
        staying = self.caller(STAYING)
        key = self.new_key(by=staying, MultiRegion=True)
        tags = [{"TagKey": "a", "TagValue": "b"}]
        self.refused("AccessDeniedException", re.compile("kms:CreateKey"), "ReplicateKey", by=staying,
                     KeyId=key["KeyId"], ReplicaRegion=THIRD, Tags=tags)
        staying("ReplicateKey", KeyId=key["KeyId"], ReplicaRegion=OTHER, Tags=tags)


class Primaries(RegionsCase):
    def test_the_primary_moves_and_takes_the_rotation_along(self):
        key = self.primary()
        self.replicate(key)
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=100)
        due = self.kms("GetKeyRotationStatus", KeyId=key["KeyId"])["NextRotationDate"]
        self.kms("UpdatePrimaryRegion", KeyId=key["KeyId"], PrimaryRegion=OTHER)
        for region in (REGION, OTHER):
            configuration = self.metadata(key, region)["MultiRegionConfiguration"]
            self.assertEqual(configuration["PrimaryKey"], {"Arn": self.arn(key, OTHER), "Region": OTHER})
            self.assertEqual(configuration["ReplicaKeys"], [{"Arn": self.arn(key, REGION), "Region": REGION}])
            status = self.there(region)("GetKeyRotationStatus", KeyId=key["KeyId"])
            self.assertEqual((status["KeyRotationEnabled"], status["NextRotationDate"]), (True, due))
        self.refused("UnsupportedOperationException", re.compile("replica key"), "DisableKeyRotation",
                     KeyId=key["KeyId"])
        self.there()("DisableKeyRotation", KeyId=key["KeyId"])
        self.assertFalse(self.kms("GetKeyRotationStatus", KeyId=key["KeyId"])["KeyRotationEnabled"])

    def test_only_a_replica_becomes_primary_and_only_from_the_primary(self):
        key = self.primary()
        self.refused("ValidationException", f"{key['KeyId']} does not have a replica key in the specified Region.",
                     "UpdatePrimaryRegion", KeyId=key["KeyId"], PrimaryRegion=OTHER)
        self.replicate(key)
        self.refused("KMSInvalidStateException", f"{self.arn(key, OTHER)} is not a multi-Region primary key.",
                     "UpdatePrimaryRegion", by=self.there(), KeyId=key["KeyId"], PrimaryRegion=REGION)

    def test_a_primary_stays_where_it_is_told_to_be(self):
        key = self.primary()
        self.kms("UpdatePrimaryRegion", KeyId=key["KeyId"], PrimaryRegion=REGION)
        self.assertEqual(self.metadata(key)["MultiRegionConfiguration"]["MultiRegionKeyType"], "PRIMARY")
        self.kms("DisableKey", KeyId=key["KeyId"])
        self.refused("DisabledException", f"{key['Arn']} is disabled.", "UpdatePrimaryRegion", KeyId=key["KeyId"],
                     PrimaryRegion=REGION)

    def test_a_rotation_reaches_every_region(self):
        key = self.primary()
        self.replicate(key)
        old = self.there()("Encrypt", KeyId=key["KeyId"], Plaintext=b"old")["CiphertextBlob"]
        self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
        current = self.metadata(key)["CurrentKeyMaterialId"]
        self.assertEqual(self.metadata(key, OTHER)["CurrentKeyMaterialId"], current)
        self.assertEqual(len(self.there().all("ListKeyRotations", "Rotations", KeyId=key["KeyId"])), 1)
        new = self.there()("Encrypt", KeyId=key["KeyId"], Plaintext=b"new")["CiphertextBlob"]
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=new)["KeyMaterialId"], current)
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=old)["Plaintext"], b"old")
        self.refused("UnsupportedOperationException", f"{self.arn(key, OTHER)} is a multi-region replica key which is not "
                     "valid for RotateKeyOnDemand.", "RotateKeyOnDemand", by=self.there(), KeyId=key["KeyId"])

    def test_an_automatic_rotation_reaches_every_region_also_after_a_restart(self):
        key = self.primary()
        self.replicate(key)
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=90)
        first = self.metadata(key)["CurrentKeyMaterialId"]
        wire.set_clock(self.service, days=91)
        wait_until(lambda: self.metadata(key, OTHER)["CurrentKeyMaterialId"] != first, what="the rotation")
        self.assertEqual(self.metadata(key)["CurrentKeyMaterialId"], self.metadata(key, OTHER)["CurrentKeyMaterialId"])
        self.service.restart()
        self.callers.clear()
        type(self).kms = self.caller()
        blob = self.there()("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob)["Plaintext"], b"x")


class Deletion(RegionsCase):
    def test_a_primary_waits_for_its_replicas_and_its_material_with_it(self):
        key = self.primary()
        self.replicate(key)
        blob = self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        before = objects_on(self.service, "p11kms-dev")
        answer = self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"], PendingWindowInDays=8)
        self.assertEqual(answer, {"KeyId": key["Arn"], "KeyState": "PendingReplicaDeletion", "PendingWindowInDays": 8})
        waiting = self.metadata(key)
        self.assertEqual((waiting["KeyState"], waiting["PendingDeletionWindowInDays"]), ("PendingReplicaDeletion", 8))
        self.assertNotIn("DeletionDate", waiting)
        wire.set_clock(self.service, days=40)
        self.assertEqual(self.there()("Decrypt", CiphertextBlob=blob)["Plaintext"], b"x")

        self.there()("ScheduleKeyDeletion", KeyId=key["KeyId"], PendingWindowInDays=7)
        wire.set_clock(self.service, days=48)
        wait_until(lambda: self.metadata(key)["KeyState"] == "PendingDeletion", what="the replica's end")
        left = self.metadata(key)["DeletionDate"] - datetime.datetime.now(datetime.timezone.utc)
        self.assertLess(abs(left - datetime.timedelta(days=56)), datetime.timedelta(minutes=2))
        self.assertEqual(objects_on(self.service, "p11kms-dev"), before)
        wire.set_clock(self.service, days=57)
        wait_until(lambda: objects_on(self.service, "p11kms-dev") == before - 1, what="the material's end")
        wait_until(lambda: key["KeyId"] not in {k["KeyId"] for k in self.kms.all("ListKeys", "Keys")}, what="the key's end")
        self.refused("NotFoundException", re.compile("does not exist"), "DescribeKey", KeyId=key["KeyId"])

    def test_a_primary_that_waits_keeps_its_rotation_and_a_replica_that_goes_shows_none(self):
        key = self.primary()
        self.replicate(key)
        self.kms("EnableKeyRotation", KeyId=key["KeyId"])
        enabled = self.kms("GetKeyRotationStatus", KeyId=key["KeyId"])
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"])
        self.assertEqual(self.kms("GetKeyRotationStatus", KeyId=key["KeyId"]), enabled)
        self.there()("ScheduleKeyDeletion", KeyId=key["KeyId"])
        self.assertEqual(self.there()("GetKeyRotationStatus", KeyId=key["KeyId"]),
                         {"KeyId": self.arn(key, OTHER), "KeyRotationEnabled": False})

    def test_a_primary_that_waits_can_be_had_back(self):
        key = self.primary()
        self.replicate(key)
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"])
        self.refused("KMSInvalidStateException", f"{key['Arn']} is pending replica deletion.", "TagResource",
                     KeyId=key["KeyId"], Tags=[])
        self.kms("CancelKeyDeletion", KeyId=key["KeyId"])
        self.assertEqual(self.metadata(key)["KeyState"], "Disabled")

    def test_a_replica_is_deleted_and_made_again(self):
        key = self.primary()
        self.replicate(key)
        blob = self.there()("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.there()("ScheduleKeyDeletion", KeyId=key["KeyId"], PendingWindowInDays=7)
        wire.set_clock(self.service, days=8)
        wait_until(lambda: not self.metadata(key)["MultiRegionConfiguration"]["ReplicaKeys"], what="the replica's end")
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob)["Plaintext"], b"x")
        self.replicate(key)
        self.assertEqual(self.there()("Decrypt", CiphertextBlob=blob)["Plaintext"], b"x")


if __name__ == "__main__":
    tap.main()
