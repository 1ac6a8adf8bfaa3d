"""Keys: made, described, switched, tagged, deleted. Codes and sentences are AWS's."""

import datetime
import re

import tap
from kms_case import ABSENT, KmsCase, Refused, arn_of
from p11kms_test import ACCOUNT, APP, b64

NOT_SUPPORTED = re.compile("not supported")


class MakingKeys(KmsCase):
    def test_a_key_made_without_parameters_is_symmetric_enabled_and_empty(self):
        before = datetime.datetime.now(datetime.timezone.utc)
        made = self.new_key()
        self.assertEqual(made["Arn"], arn_of("key/" + made["KeyId"]))
        self.assertRegex(made["KeyId"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertRegex(made["CurrentKeyMaterialId"], "^[0-9a-f]{64}$")
        self.assertLess(abs((made["CreationDate"] - before).total_seconds()), 30)
        expected = {"AWSAccountId": ACCOUNT, "Enabled": True, "Description": "", "KeyUsage": "ENCRYPT_DECRYPT",
                    "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
                    "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT",
                    "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": False}
        self.assertEqual({name: made[name] for name in expected}, expected)
        self.assertEqual(set(made) - set(expected), {"Arn", "KeyId", "CreationDate", "CurrentKeyMaterialId"})

    def test_what_create_answers_describe_answers_too(self):
        made = self.new_key(Description="d", Tags=[{"TagKey": "a", "TagValue": "b"}])
        self.assertEqual(self.kms("DescribeKey", KeyId=made["KeyId"])["KeyMetadata"], made)

    def test_what_makes_a_symmetric_key_may_be_said_in_full(self):
        for parameters in ({"KeySpec": "SYMMETRIC_DEFAULT"}, {"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
                           {"KeyUsage": "ENCRYPT_DECRYPT", "Origin": "AWS_KMS", "MultiRegion": False},
                           {"Description": "", "Tags": [], "BypassPolicyLockoutSafetyCheck": True}):
            with self.subTest(parameters):
                self.assertEqual(self.new_key(**parameters)["KeySpec"], "SYMMETRIC_DEFAULT")

    def test_two_specs_in_one_request_are_refused(self):
        self.refused("ValidationException", re.compile("^You cannot specify KeySpec and CustomerMasterKeySpec"),
                     "CreateKey", KeySpec="SYMMETRIC_DEFAULT", CustomerMasterKeySpec="SYMMETRIC_DEFAULT")

    def test_every_spec_but_the_symmetric_one_needs_a_usage(self):
        self.refused("ValidationException", "You must specify a KeyUsage value for all KMS keys except for symmetric "
                                            "encryption keys.", "CreateKey", KeySpec="RSA_2048")

    def test_a_usage_that_does_not_fit_the_spec_is_refused(self):
        self.refused("ValidationException", "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT",
                     "CreateKey", KeyUsage="SIGN_VERIFY")

    def test_kinds_of_keys_this_version_lacks_are_refused_and_not_made_as_others(self):
        for parameters in ({"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"},
                           {"KeySpec": "ML_DSA_65", "KeyUsage": "SIGN_VERIFY"}):
            with self.subTest(parameters):
                before = len(self.kms.all("ListKeys", "Keys"))
                self.refused("UnsupportedOperationException", NOT_SUPPORTED, "CreateKey", **parameters)
                self.assertEqual(len(self.kms.all("ListKeys", "Keys")), before)

    def test_a_description_keeps_every_character(self):
        for text in ("", "x" * 8192, "äöü ß — 漢字 🔑👩‍💻 \u0001\t\n\\\"'/ \u2028 </script>", "é" * 8192):
            made = self.new_key(Description=text)
            self.assertEqual(made["Description"], text)
            self.assertEqual(self.kms("DescribeKey", KeyId=made["Arn"])["KeyMetadata"]["Description"], text)
            self.kms("UpdateKeyDescription", KeyId=made["KeyId"], Description=text[::-1])
            self.assertEqual(self.kms("DescribeKey", KeyId=made["KeyId"])["KeyMetadata"]["Description"], text[::-1])

    def test_a_description_with_a_nul_is_refused_rather_than_cut(self):
        self.refused("ValidationException", re.compile("'description' failed to satisfy constraint"), "CreateKey",
                     Description="seen\0lost")

    def test_a_key_without_permission_is_not_made(self):
        self.refused("AccessDeniedException",
                     f"User: arn:aws:iam::{ACCOUNT}:user/app is not authorized to perform: kms:CreateKey on resource: "
                     "* because no identity-based policy allows the kms:CreateKey action", "CreateKey",
                     by=self.caller(APP))


class SwitchingKeys(KmsCase):
    def state(self, key):
        found = self.kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]
        return found["KeyState"], found["Enabled"]

    def test_disable_and_enable_are_seen_at_once_and_may_be_repeated(self):
        key = self.new_key()
        for _ in range(2):
            self.kms("DisableKey", KeyId=key["KeyId"])
            self.assertEqual(self.state(key), ("Disabled", False))
            self.refused("DisabledException", key["Arn"] + " is disabled.", "Encrypt", KeyId=key["KeyId"],
                         Plaintext=b"x")
        for _ in range(2):
            self.kms("EnableKey", KeyId=key["Arn"])
            self.assertEqual(self.state(key), ("Enabled", True))
            self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")

    def test_scheduling_deletion_answers_the_date_and_shows_it_in_the_metadata(self):
        key = self.new_key()
        now = datetime.datetime.now(datetime.timezone.utc)
        answer = self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"], PendingWindowInDays=7)
        self.assertEqual((answer["KeyId"], answer["KeyState"], answer["PendingWindowInDays"]),
                         (key["Arn"], "PendingDeletion", 7))
        self.assertLess(abs((answer["DeletionDate"] - now - datetime.timedelta(days=7)).total_seconds()), 30)
        found = self.kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]
        self.assertEqual((found["KeyState"], found["Enabled"], found["DeletionDate"]),
                         ("PendingDeletion", False, answer["DeletionDate"]))

    def test_the_window_is_30_days_unless_said_and_7_to_30_at_all(self):
        self.assertEqual(self.kms("ScheduleKeyDeletion", KeyId=self.new_key()["KeyId"])["PendingWindowInDays"], 30)
        self.kms("ScheduleKeyDeletion", KeyId=self.new_key()["KeyId"], PendingWindowInDays=30)
        key = self.new_key()
        for days in (-1, 0, 1, 6, 31, 365, 366):
            with self.subTest(days=days):
                with self.assertRaises(Refused) as caught:
                    self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"], PendingWindowInDays=days)
                self.assertEqual(caught.exception.code, "ValidationException")
        self.assertEqual(self.state(key), ("Enabled", True))

    def test_a_cancelled_deletion_leaves_the_key_disabled_and_without_a_date(self):
        key = self.new_key()
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"])
        self.assertEqual(self.kms("CancelKeyDeletion", KeyId=key["Arn"]), {"KeyId": key["Arn"]})
        self.assertEqual(self.state(key), ("Disabled", False))
        self.assertNotIn("DeletionDate", self.kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"])
        self.kms("EnableKey", KeyId=key["KeyId"])
        self.assertEqual(self.state(key), ("Enabled", True))

    def test_what_was_encrypted_before_a_cancelled_deletion_decrypts_after_it(self):
        key = self.new_key()
        blob = self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"kept")["CiphertextBlob"]
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"])
        self.kms("CancelKeyDeletion", KeyId=key["KeyId"])
        self.kms("EnableKey", KeyId=key["KeyId"])
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob)["Plaintext"], b"kept")


def tags(n, first=0):
    return [{"TagKey": f"key-{i:03}", "TagValue": f"value {i}"} for i in range(first, first + n)]


class Tags(KmsCase):
    def listed(self, key):
        return self.kms.all("ListResourceTags", "Tags", KeyId=key["KeyId"])

    def test_tags_of_creation_are_listed_in_order_of_their_names(self):
        key = self.new_key(Tags=tags(5)[::-1])
        self.assertEqual(self.listed(key), tags(5))

    def test_a_tag_is_set_changed_and_removed(self):
        key = self.new_key(Tags=tags(2))
        self.kms("TagResource", KeyId=key["Arn"], Tags=[{"TagKey": "key-001", "TagValue": "new"}] + tags(1, 2))
        self.assertEqual({tag["TagKey"]: tag["TagValue"] for tag in self.listed(key)},
                         {"key-000": "value 0", "key-001": "new", "key-002": "value 2"})
        self.kms("UntagResource", KeyId=key["KeyId"], TagKeys=["key-000", "key-002", "never was"])
        self.assertEqual([tag["TagKey"] for tag in self.listed(key)], ["key-001"])

    def test_tags_keep_every_character_they_may_have(self):
        strange = [{"TagKey": "ключ 🔑", "TagValue": "значение 🗝️"}, {"TagKey": "k" * 128, "TagValue": "v" * 256},
                   {"TagKey": "empty", "TagValue": ""}, {"TagKey": "Case", "TagValue": "1"},
                   {"TagKey": "case", "TagValue": "2"}, {"TagKey": "é" * 128, "TagValue": "漢" * 256}]
        key = self.new_key(Tags=strange)
        self.assertEqual(sorted(map(str, self.listed(key))), sorted(map(str, strange)))

    def test_fifty_tags_fit_and_one_more_does_not(self):
        key = self.new_key(Tags=tags(50))
        self.assertEqual(len(self.listed(key)), 50)
        self.refused("TagException", "Too many tags", "TagResource", KeyId=key["KeyId"], Tags=tags(1, 50))
        self.assertEqual(self.listed(key), tags(50))
        self.kms("TagResource", KeyId=key["KeyId"], Tags=tags(50))
        self.refused("TagException", "Too many tags", "CreateKey", Tags=tags(51))

    def test_a_tag_named_twice_is_refused(self):
        twice = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]
        self.refused("TagException", "Duplicate tag keys", "CreateKey", Tags=twice)
        key = self.new_key()
        self.refused("TagException", "Duplicate tag keys", "TagResource", KeyId=key["KeyId"], Tags=twice)
        self.assertEqual(self.listed(key), [])

    def test_names_beginning_with_aws_are_reserved_in_any_case(self):
        key = self.new_key()
        for name in ("aws:x", "AWS:x", "Aws:"):
            reserved = [{"TagKey": name, "TagValue": "v"}]
            with self.subTest(name):
                self.refused("TagException", "Tags beginning with aws: are reserved", "CreateKey", Tags=reserved)
                self.refused("TagException", "Tags beginning with aws: are reserved", "TagResource",
                             KeyId=key["KeyId"], Tags=reserved)
                self.refused("TagException", "Tags beginning with aws: are reserved", "UntagResource",
                             KeyId=key["KeyId"], TagKeys=[name])
        self.assertEqual(len(self.new_key(Tags=[{"TagKey": "awsome", "TagValue": "v"}])["KeyId"]), 36)

    def test_a_tag_too_long_is_a_validation_error_that_says_where(self):
        long_name = "k" * 129
        self.refused("ValidationException",
                     f"1 validation error detected: Value '{long_name}' at 'tags.1.member.tagKey' failed to satisfy "
                     "constraint: Member must have length less than or equal to 128", "CreateKey",
                     Tags=[{"TagKey": long_name, "TagValue": "v"}])
        key = self.new_key()
        self.refused("ValidationException", re.compile("'tags.2.member.tagValue' failed to satisfy constraint: Member "
                                                       "must have length less than or equal to 256$"),
                     "TagResource", KeyId=key["KeyId"],
                     Tags=[{"TagKey": "a", "TagValue": "v"}, {"TagKey": "b", "TagValue": "v" * 257}])


class NamingKeys(KmsCase):
    """Identifiers: who takes aliases, and what is said to those who name no key."""

    BY_ALIAS = ("DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext")
    NOT_BY_ALIAS = ("CancelKeyDeletion", "DisableKey", "EnableKey", "GetKeyPolicy", "ListAliases", "ListKeyPolicies",
                    "ListResourceTags", "PutKeyPolicy", "ScheduleKeyDeletion", "TagResource", "UntagResource",
                    "UpdateKeyDescription")
    NOT_BY_ALIAS_OTHERWISE = ("DisableKeyRotation", "EnableKeyRotation", "GetKeyRotationStatus", "ListKeyRotations",
                              "ReplicateKey", "RotateKeyOnDemand", "UpdatePrimaryRegion")
    REST = {"Encrypt": {"Plaintext": b"x"}, "GenerateDataKey": {"KeySpec": "AES_256"},
            "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"}, "PutKeyPolicy": {"Policy": "{}"},
            "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, "UntagResource": {"TagKeys": ["a"]},
            "UpdateKeyDescription": {"Description": ""}, "ReplicateKey": {"ReplicaRegion": "eu-west-1"},
            "UpdatePrimaryRegion": {"PrimaryRegion": "eu-west-1"}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.kms("CreateKey")["KeyMetadata"]
        cls.kms("CreateAlias", AliasName="alias/named", TargetKeyId=cls.key["KeyId"])

    def each(self, operations, check):
        for operation in operations:
            with self.subTest(operation):
                check(operation, self.REST.get(operation, {}))

    def test_an_id_or_arn_of_no_key_is_told_by_its_arn(self):
        def check(operation, rest):
            for name in (ABSENT, arn_of("key/" + ABSENT)):
                self.refused("NotFoundException", f"Key '{arn_of('key/' + ABSENT)}' does not exist", operation,
                             KeyId=name, **rest)

        self.each(self.BY_ALIAS + self.NOT_BY_ALIAS + self.NOT_BY_ALIAS_OTHERWISE, check)

    def test_what_is_no_id_is_told_as_it_was_written(self):
        def check(operation, rest):
            self.refused("NotFoundException", "Invalid keyId 'fake'", operation, KeyId="fake", **rest)

        self.each(self.BY_ALIAS + self.NOT_BY_ALIAS + self.NOT_BY_ALIAS_OTHERWISE, check)

    def test_an_arn_of_another_region_is_told_by_the_region(self):
        def check(operation, rest):
            self.refused("NotFoundException", "Invalid arn eu-west-1", operation,
                         KeyId=arn_of("key/" + self.key["KeyId"], "eu-west-1"), **rest)

        self.each(self.BY_ALIAS + self.NOT_BY_ALIAS + self.NOT_BY_ALIAS_OTHERWISE, check)

    def test_cryptographic_operations_and_describe_take_every_form(self):
        def check(operation, rest):
            for name in (self.key["KeyId"], self.key["Arn"], "alias/named", arn_of("alias/named")):
                answer = self.kms(operation, KeyId=name, **rest)
                self.assertEqual(answer.get("KeyMetadata", {}).get("Arn") or answer["KeyId"], self.key["Arn"])

        self.each(self.BY_ALIAS, check)
        blob = self.kms("Encrypt", KeyId="alias/named", Plaintext=b"x")["CiphertextBlob"]
        for name in (self.key["KeyId"], self.key["Arn"], "alias/named", arn_of("alias/named")):
            self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob, KeyId=name)["KeyId"], self.key["Arn"])
            self.assertEqual(self.kms("ReEncrypt", CiphertextBlob=blob, SourceKeyId=name,
                                      DestinationKeyId=name)["KeyId"], self.key["Arn"])

    def test_all_other_operations_refuse_aliases(self):
        def check(operation, rest):
            self.refused("NotFoundException", "Invalid keyId alias/named", operation, KeyId="alias/named", **rest)
            self.refused("NotFoundException", re.compile("^Invalid keyId "), operation, KeyId=arn_of("alias/named"),
                         **rest)

        def check_otherwise(operation, rest):
            for name in ("alias/named", arn_of("alias/named"), "alias/nobody"):
                self.refused("InvalidArnException", "Key Aliases are not supported for this operation.", operation,
                             KeyId=name, **rest)

        self.each(self.NOT_BY_ALIAS, check)
        self.each(self.NOT_BY_ALIAS_OTHERWISE, check_otherwise)

    def test_an_alias_of_no_key_is_told_by_its_arn(self):
        def check(operation, rest):
            for name in ("alias/nobody", arn_of("alias/nobody")):
                self.refused("NotFoundException", f"Alias {arn_of('alias/nobody')} is not found.", operation,
                             KeyId=name, **rest)

        self.each(self.BY_ALIAS, check)

    def test_strange_arns_are_refused_and_never_crash(self):
        for name in ("arn:", "arn:aws", "arn:aws:kms:us-east-1", "arn:aws:kms:us-east-1:123456789012",
                     "arn:aws:kms:us-east-1:123456789012:", "arn:aws:s3:::bucket", "arn:aws:kms:::key/x",
                     arn_of("key/"), arn_of("key/" + self.key["KeyId"] + "/x"), arn_of("grant/x"), arn_of("key/fake"),
                     "/" * 2048, "🔑", "alias/🔑", "alias/", self.key["KeyId"].upper() + "x",
                     "{" + self.key["KeyId"] + "}"):
            with self.subTest(name[:60]), self.assertRaises(Refused) as caught:
                self.kms("DescribeKey", KeyId=name)
            self.assertIn(caught.exception.code, ("NotFoundException", "InvalidArnException", "ValidationException"))

    def test_an_account_that_is_not_here_is_one_whose_keys_allow_nobody(self):
        name = arn_of("key/" + self.key["KeyId"], account="999999999999")
        self.refused("AccessDeniedException", re.compile(f"{name} because the resource does not exist in this Region, "),
                     "DescribeKey", KeyId=name)

    def test_answers_name_the_key_by_arn_but_for_metadata_and_listings(self):
        key = self.new_key()
        for operation, rest in (("GetKeyRotationStatus", {}), ("RotateKeyOnDemand", {}),
                                ("Encrypt", {"Plaintext": b"x"}), ("ScheduleKeyDeletion", {}),
                                ("CancelKeyDeletion", {})):
            self.assertEqual(self.kms(operation, KeyId=key["KeyId"], **rest)["KeyId"], key["Arn"], operation)
        listed = [entry for entry in self.kms.all("ListKeys", "Keys") if entry["KeyArn"] == key["Arn"]]
        self.assertEqual(listed, [{"KeyArn": key["Arn"], "KeyId": key["KeyId"]}])


class Regions(KmsCase):
    NAMES = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "eu-north-1", "ap-southeast-2", "ap-northeast-1",
             "ca-central-1", "sa-east-1", "af-south-1")

    def test_ten_regions_on_one_port_do_not_see_each_other(self):
        made = {}
        for region in self.NAMES:
            by = self.caller(region=region)
            made[region] = self.new_key(by, Description=region)
            self.assertEqual(made[region]["Arn"], arn_of("key/" + made[region]["KeyId"], region))
            by("CreateAlias", AliasName="alias/same", TargetKeyId=made[region]["KeyId"])
        for region, key in made.items():
            by = self.caller(region=region)
            self.assertEqual([entry["KeyId"] for entry in by.all("ListKeys", "Keys")], [key["KeyId"]])
            self.assertEqual(by("DescribeKey", KeyId="alias/same")["KeyMetadata"]["Arn"], key["Arn"])
            self.assertEqual([(alias["AliasArn"], alias["TargetKeyId"]) for alias in by.all("ListAliases", "Aliases")],
                             [(arn_of("alias/same", region), key["KeyId"])])

    def test_a_key_of_one_region_is_not_found_in_another(self):
        west = self.caller(region="eu-west-3")
        key = self.new_key(west)
        blob = west("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.refused("NotFoundException", f"Key '{arn_of('key/' + key['KeyId'])}' does not exist", "DescribeKey",
                     KeyId=key["KeyId"])
        self.refused("NotFoundException", "Invalid arn eu-west-3", "DescribeKey", KeyId=key["Arn"])
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob)
        self.refused("IncorrectKeyException", re.compile("does not identify a CMK"), "Decrypt", CiphertextBlob=blob,
                     KeyId=key["Arn"])


class Recording(KmsCase):
    def test_a_change_is_recorded_with_what_was_asked_and_answered(self):
        key = self.new_key(Description="for the record", Tags=tags(1))
        record = self.service.audit("CreateKey")[-1]
        self.assertEqual(record["requestParameters"]["description"], "for the record")
        self.assertEqual(record["responseElements"]["keyMetadata"]["keyId"], key["KeyId"])
        self.assertEqual(record["resources"], [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key["Arn"]}])
        self.assertEqual((record["readOnly"], record["eventType"]), (False, "AwsApiCall"))

    def test_a_refusal_is_recorded_with_its_code_and_sentence(self):
        refusal = self.refused("NotFoundException", "Invalid keyId 'fake'", "DescribeKey", KeyId="fake")
        record = self.service.audit("DescribeKey")[-1]
        self.assertEqual((record["requestID"], record["errorCode"], record["errorMessage"]),
                         (refusal.request_id, "NotFoundException", "Invalid keyId 'fake'"))

    def test_plaintext_and_ciphertext_are_nowhere_in_the_log(self):
        key = self.new_key()
        secret = b"a plaintext to look for in the log"
        blob = self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=secret,
                        EncryptionContext={"logged": "in clear"})["CiphertextBlob"]
        data_key = self.kms("GenerateDataKey", KeyId=key["KeyId"], NumberOfBytes=48)["Plaintext"]
        random = self.kms("GenerateRandom", NumberOfBytes=48)["Plaintext"]
        record = self.service.audit("Encrypt")[-1]
        self.assertEqual(record["requestParameters"]["encryptionContext"], {"logged": "in clear"})
        self.assertEqual((record["readOnly"], record["responseElements"]), (True, None))
        text = self.service.written().decode(errors="replace")
        for unwanted in (secret.decode(), b64(secret), b64(blob)[:48], b64(data_key), b64(random)):
            self.assertNotIn(unwanted, text)


if __name__ == "__main__":
    tap.main()
