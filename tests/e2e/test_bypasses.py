"""Ways around a policy that were found open once, and stay closed."""

import re

import tap
import wire
from kms_case import KmsCase, arn_of
from p11kms_test import ADMIN, APP

SEED = """
accounts:
  - id: "123456789012"
    users:
      - name: admin
        administrator: true
        access-keys: [{id: FOOBARKEY, secret: FOOBARSECRET}]
      - name: boss
      - name: clerk
      - name: app
        access-keys: [{id: APPKEY, secret: APPSECRET}]
        policies:
          - name: narrow
            document:
              Version: "2012-10-17"
              Statement:
                - {Effect: Allow, Action: "p11kms:*", Resource: "*"}
                - {Effect: Deny, Action: "p11kms:*", Resource: "arn:aws:iam::123456789012:user/boss"}
                - {Effect: Allow, Action: ["kms:CreateKey", "kms:ReEncryptFrom"], Resource: "*"}
                - {Effect: Allow, Action: ["kms:UpdateAlias", "kms:DeleteAlias"], Resource: "arn:aws:kms:*:*:alias/*"}
                - {Effect: Deny, Action: "kms:CreateKey", Resource: "*",
                   Condition: {StringEquals: {"kms:KeySpec": SYMMETRIC_DEFAULT}}}
                - {Effect: Allow, Action: "kms:ReEncryptTo", Resource: "*",
                   Condition: {StringEquals: {"kms:EncryptionContext:tenant": A}}}
                - {Effect: Allow, Action: "kms:ReEncryptTo", Resource: "*",
                   Condition: {StringEquals: {"kms:RequestAlias": alias/open}}}
                - {Effect: Allow, Action: "kms:DescribeKey", Resource: "*",
                   Condition: {StringEquals: {"kms:RequestAlias": alias/open}}}
"""


class BypassCase(KmsCase):
    seed = SEED
    listen = ("http://127.0.0.1:0",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.app = cls.caller(APP)

    def denied(self, operation, **parameters):
        self.refused("AccessDeniedException", re.compile(""), operation, by=self.app, **parameters)


class BothSidesOfReEncrypt(BypassCase):
    """Each side's conditions are about that side."""

    def setUp(self):
        super().setUp()
        self.source = self.new_key()["KeyId"]
        self.destination = self.new_key()["KeyId"]
        self.blob = self.kms("Encrypt", KeyId=self.source, Plaintext=b"x",
                             EncryptionContext={"tenant": "A"})["CiphertextBlob"]

    def re_encrypt(self, **parameters):
        return self.app("ReEncrypt", CiphertextBlob=self.blob, SourceEncryptionContext={"tenant": "A"},
                        **({"DestinationKeyId": self.destination} | parameters))

    def test_the_source_s_context_is_not_the_destination_s(self):
        self.re_encrypt(DestinationEncryptionContext={"tenant": "A"})
        for context in ({}, {"DestinationEncryptionContext": {}}, {"DestinationEncryptionContext": {"tenant": "B"}}):
            with self.subTest(context):
                self.denied("ReEncrypt", CiphertextBlob=self.blob, SourceEncryptionContext={"tenant": "A"},
                            DestinationKeyId=self.destination, **context)

    def test_the_source_s_alias_is_not_the_destination_s(self):
        self.kms("CreateAlias", AliasName="alias/open", TargetKeyId=self.source)
        self.addCleanup(self.kms, "DeleteAlias", AliasName="alias/open")
        self.re_encrypt(DestinationKeyId="alias/open")
        self.denied("ReEncrypt", CiphertextBlob=self.blob, SourceEncryptionContext={"tenant": "A"},
                    SourceKeyId="alias/open", DestinationKeyId=self.destination)


class Conditions(BypassCase):
    def test_a_default_is_as_good_as_said(self):
        for parameters in ({}, {"KeySpec": "SYMMETRIC_DEFAULT"}, {"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}):
            with self.subTest(parameters):
                self.denied("CreateKey", BypassPolicyLockoutSafetyCheck=True, **parameters)

    def test_an_alias_is_one_by_its_name_and_by_its_arn(self):
        key = self.new_key()
        self.kms("CreateAlias", AliasName="alias/open", TargetKeyId=key["KeyId"])
        self.addCleanup(self.kms, "DeleteAlias", AliasName="alias/open")
        for name in ("alias/open", arn_of("alias/open")):
            self.assertEqual(self.app("DescribeKey", KeyId=name)["KeyMetadata"]["KeyId"], key["KeyId"])
        self.denied("DescribeKey", KeyId=key["KeyId"])


class AccessKeysOfOthers(BypassCase):
    def ask(self, operation, by, **parameters):
        return wire.ask(self.service, operation, parameters, "p11kms", credentials=by)

    def make_key(self, user):
        answer = self.ask("CreateAccessKey", ADMIN, UserName=user)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json["AccessKey"]["AccessKeyId"]

    def test_a_deny_on_a_user_covers_the_keys_of_that_user(self):
        key = self.make_key("boss")
        for operation, more in (("UpdateAccessKey", {"Status": "Inactive"}), ("DeleteAccessKey", {})):
            answer = self.ask(operation, APP, AccessKeyId=key, **more)
            self.assertEqual(answer.code, "AccessDeniedException", operation)
        self.assertEqual(self.ask("UpdateAccessKey", APP, AccessKeyId=self.make_key("clerk"), Status="Inactive").status,
                         200)


if __name__ == "__main__":
    tap.main()
