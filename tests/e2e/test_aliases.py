"""Aliases: names, quotas, moves, and the permission they need on both sides."""

import re

import tap
from kms_case import ABSENT, KmsCase, Refused, arn_of

PREFIX = ('Alias must start with the prefix "alias/". Please see '
          "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")


class Aliases(KmsCase):
    def setUp(self):
        self.key = self.new_key()
        self.name = "alias/of-" + self.key["KeyId"]

    def listed(self, **parameters):
        return {alias["AliasName"]: alias for alias in self.kms.all("ListAliases", "Aliases", **parameters)}

    def test_an_alias_names_its_key_at_once(self):
        self.kms("CreateAlias", AliasName=self.name, TargetKeyId=self.key["Arn"])
        self.assertEqual(self.kms("DescribeKey", KeyId=self.name)["KeyMetadata"], self.key)
        alias = self.listed()[self.name]
        self.assertEqual((alias["AliasArn"], alias["TargetKeyId"]), (arn_of(self.name), self.key["KeyId"]))
        self.assertEqual(alias["CreationDate"], alias["LastUpdatedDate"])

    def test_an_alias_moves_and_tells_when(self):
        self.kms("CreateAlias", AliasName=self.name, TargetKeyId=self.key["KeyId"])
        other = self.new_key()
        self.kms("UpdateAlias", AliasName=self.name, TargetKeyId=other["KeyId"])
        self.assertEqual(self.kms("DescribeKey", KeyId=self.name)["KeyMetadata"], other)
        alias = self.listed()[self.name]
        self.assertGreater(alias["LastUpdatedDate"], alias["CreationDate"])
        self.assertEqual(self.listed(KeyId=self.key["KeyId"]), {})
        self.assertEqual(list(self.listed(KeyId=other["Arn"])), [self.name])

    def test_an_alias_moves_to_a_key_of_the_same_kind_alone(self):
        kinds = {name: self.new_key(KeySpec=spec, KeyUsage=usage)["KeyId"] for name, spec, usage in (
            ("symmetric", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), ("mac", "HMAC_256", "GENERATE_VERIFY_MAC"),
            ("encrypting", "RSA_2048", "ENCRYPT_DECRYPT"), ("signing", "ECC_NIST_P256", "SIGN_VERIFY"),
            ("agreeing", "ECC_NIST_P256", "KEY_AGREEMENT"))}
        for kind, key_id in kinds.items():
            name = self.name + "-" + kind
            self.kms("CreateAlias", AliasName=name, TargetKeyId=key_id)
            for other in set(kinds) - {kind}:
                self.refused("ValidationException", re.compile("same type .* same key usage"), "UpdateAlias",
                             AliasName=name, TargetKeyId=kinds[other])
            self.assertEqual(self.listed()[name]["TargetKeyId"], key_id)
        self.kms("UpdateAlias", AliasName=self.name + "-signing",
                 TargetKeyId=self.new_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyId"])

    def test_a_deleted_alias_is_gone_and_its_name_free(self):
        self.kms("CreateAlias", AliasName=self.name, TargetKeyId=self.key["KeyId"])
        self.kms("DeleteAlias", AliasName=self.name)
        for operation, rest in (("DescribeKey", {"KeyId": self.name}), ("DeleteAlias", {"AliasName": self.name}),
                                ("UpdateAlias", {"AliasName": self.name, "TargetKeyId": self.key["KeyId"]})):
            self.refused("NotFoundException", f"Alias {arn_of(self.name)} is not found.", operation, **rest)
        self.kms("CreateAlias", AliasName=self.name, TargetKeyId=self.key["KeyId"])

    def test_a_name_is_given_once(self):
        self.kms("CreateAlias", AliasName=self.name, TargetKeyId=self.key["KeyId"])
        for target in (self.key, self.new_key()):
            self.refused("AlreadyExistsException", f"An alias with the name {arn_of(self.name)} already exists",
                         "CreateAlias", AliasName=self.name, TargetKeyId=target["KeyId"])

    def test_a_name_without_the_prefix_is_refused(self):
        for name in ("name", "Alias/name", "aliasname", "/alias/name", "alias"):
            self.refused("ValidationException", PREFIX, "CreateAlias", AliasName=name, TargetKeyId=self.key["KeyId"])

    def test_names_of_aws_are_reserved(self):
        for operation, rest in (("CreateAlias", {"TargetKeyId": self.key["KeyId"]}), ("DeleteAlias", {}),
                                ("UpdateAlias", {"TargetKeyId": self.key["KeyId"]})):
            self.refused("NotAuthorizedException", re.compile("."), operation, AliasName="alias/aws/s3", **rest)
        self.kms("CreateAlias", AliasName="alias/aws-" + self.key["KeyId"], TargetKeyId=self.key["KeyId"])

    def test_a_colon_passes_the_model_and_not_the_service(self):
        self.refused("InvalidAliasNameException", re.compile("invalid characters"), "CreateAlias",
                     AliasName="alias/a:b", TargetKeyId=self.key["KeyId"])

    def test_other_characters_do_not_pass_the_model(self):
        for name in ("alias/a b", "alias/ä", "alias/🔑", "alias/a.b", "alias/a\nb", "alias/a$"):
            self.refused("ValidationException",
                         f"1 validation error detected: Value '{name}' at 'aliasName' failed to satisfy constraint: "
                         "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$", "CreateAlias",
                         AliasName=name, TargetKeyId=self.key["KeyId"])

    def test_a_name_has_at_most_256_characters_and_one_behind_the_prefix(self):
        longest = "alias/" + "n" * (256 - 6 - 36) + self.key["KeyId"]
        self.kms("CreateAlias", AliasName=longest, TargetKeyId=self.key["KeyId"])
        self.assertEqual(self.kms("DescribeKey", KeyId=longest)["KeyMetadata"], self.key)
        self.refused("ValidationException", re.compile("less than or equal to 256$"), "CreateAlias",
                     AliasName=longest + "n", TargetKeyId=self.key["KeyId"])
        with self.assertRaises(Refused):
            self.kms("CreateAlias", AliasName="alias/", TargetKeyId=self.key["KeyId"])

    def test_names_may_look_like_paths_and_differ_in_case(self):
        for name in (self.name + "/a/b", self.name + "/A/b", self.name + "_-/0"):
            self.kms("CreateAlias", AliasName=name, TargetKeyId=self.key["KeyId"])
        self.assertEqual(len(self.listed(KeyId=self.key["KeyId"])), 3)

    def test_a_key_has_at_most_50_aliases(self):
        names = [f"{self.name}/{i:02}" for i in range(51)]
        for name in names[:50]:
            self.kms("CreateAlias", AliasName=name, TargetKeyId=self.key["KeyId"])
        self.refused("LimitExceededException", re.compile("."), "CreateAlias", AliasName=names[50],
                     TargetKeyId=self.key["KeyId"])
        other = self.new_key()
        self.kms("CreateAlias", AliasName=names[50], TargetKeyId=other["KeyId"])
        self.refused("LimitExceededException", re.compile("."), "UpdateAlias", AliasName=names[50],
                     TargetKeyId=self.key["KeyId"])
        self.assertEqual(sorted(self.listed(KeyId=self.key["KeyId"])), names[:50])

    def test_an_alias_never_points_to_an_alias_or_to_nothing(self):
        self.kms("CreateAlias", AliasName=self.name, TargetKeyId=self.key["KeyId"])
        self.refused("ValidationException", "Aliases must refer to keys. Not aliases", "CreateAlias",
                     AliasName=self.name + "-more", TargetKeyId=self.name)
        for target, message in ((ABSENT, f"Key '{arn_of('key/' + ABSENT)}' does not exist"),
                                ("fake", "Invalid keyId 'fake'")):
            self.refused("NotFoundException", message, "CreateAlias", AliasName=self.name + "-more",
                         TargetKeyId=target)
            self.refused("NotFoundException", message, "UpdateAlias", AliasName=self.name, TargetKeyId=target)
        self.assertEqual(self.kms("DescribeKey", KeyId=self.name)["KeyMetadata"], self.key)

    def test_listing_by_an_unknown_key_is_refused(self):
        self.refused("NotFoundException", f"Key '{arn_of('key/' + ABSENT)}' does not exist", "ListAliases",
                     KeyId=ABSENT)


if __name__ == "__main__":
    tap.main()
