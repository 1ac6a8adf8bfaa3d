"""Ways around a policy that were found open once, and stay closed."""

import json
import re
import time

import tap
import wire
from kms_case import KmsCase, arn_of
from p11kms_test import ACCOUNT, ADMIN, APP

WAITING = 200  # changes that keep the store busy

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


def policy_for(*users):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/{user}" for user in users]},
         "Action": "kms:*", "Resource": "*"}]})


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


class Costs(BypassCase):
    """Conditions look at each tag, and a policy may have thousands of values to hold against each."""

    def test_more_tags_than_a_key_can_have_are_refused_unseen(self):
        tags = [{"TagKey": str(i), "TagValue": ""} for i in range(51)]
        key = self.new_key(Policy=policy_for("admin"))["KeyId"]
        for operation, parameters in (("CreateKey", {"Tags": tags}), ("TagResource", {"KeyId": key, "Tags": tags}),
                                      ("UntagResource", {"KeyId": key, "TagKeys": [tag["TagKey"] for tag in tags]})):
            self.refused("TagException", "Too many tags", operation, by=self.app, **parameters)


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


class ChangesInARow(BypassCase):
    """Of changes that wait for the store each is judged by what the ones before it left."""

    def pile_up(self, *requests):
        """Sends all before the first has reached the store; their answers in order."""
        key = self.new_key()["KeyId"]
        slow = [wire.sign(wire.request_for(self.service, "UpdateKeyDescription",
                                           {"KeyId": key, "Description": "d" * 8000})) for _ in range(WAITING)]
        asked = slow + [wire.sign(wire.request_for(self.service, operation, parameters), credentials)
                        for credentials, operation, parameters in requests]
        connections = [wire.connect(self.service) for _ in asked]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.connect()
        for i, (connection, request) in enumerate(zip(connections, asked)):
            connection.request("POST", "/", body=request.data, headers=dict(request.headers.items()))
            if i >= WAITING:
                time.sleep(0.005)  # in this order
        answers = [wire.Answer(response, response.read())
                   for response in (connection.getresponse() for connection in connections)]
        return answers[len(slow):]

    def test_a_permission_taken_away_does_not_serve_once_more(self):
        key = self.new_key(Policy=policy_for("admin", "app"))["KeyId"]
        taken, used = self.pile_up(
            (ADMIN, "PutKeyPolicy", {"KeyId": key, "Policy": policy_for("admin")}),
            (APP, "PutKeyPolicy", {"KeyId": key, "Policy": policy_for("app")}))
        self.assertEqual((taken.status, used.code), (200, "AccessDeniedException"))
        self.assertEqual(self.kms("GetKeyPolicy", KeyId=key)["Policy"], policy_for("admin"))

    def test_an_alias_that_has_moved_is_not_taken_from_its_new_key(self):
        ours = self.new_key(Policy=policy_for("admin"))["KeyId"]
        shared = self.new_key(Policy=policy_for("admin", "app"))["KeyId"]
        self.kms("CreateAlias", AliasName="alias/moving", TargetKeyId=shared)
        self.addCleanup(self.kms, "DeleteAlias", AliasName="alias/moving")
        for operation, more in (("DeleteAlias", {}), ("UpdateAlias", {"TargetKeyId": shared})):
            with self.subTest(operation):
                self.kms("UpdateAlias", AliasName="alias/moving", TargetKeyId=shared)
                moved, refused = self.pile_up(
                    (ADMIN, "UpdateAlias", {"AliasName": "alias/moving", "TargetKeyId": ours}),
                    (APP, operation, {"AliasName": "alias/moving", **more}))
                self.assertEqual((moved.status, refused.code), (200, "AccessDeniedException"))
                self.assertEqual(self.kms("DescribeKey", KeyId="alias/moving")["KeyMetadata"]["KeyId"], ours)


if __name__ == "__main__":
    tap.main()
