"""Ways around a policy that were found open once, and stay closed."""

import json
import re
import time

import botocore.exceptions

import tap
import wire
from kms_case import Caller, KmsCase, arn_of
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
                - {Effect: Deny, Action: "kms:CreateKey", Resource: "*",
                   Condition: {StringEquals: {"aws:RequestedRegion": eu-west-1}}}
                - {Effect: Allow, Action: "kms:ReEncryptTo", Resource: "*",
                   Condition: {StringEquals: {"kms:EncryptionContext:tenant": A}}}
                - {Effect: Allow, Action: "kms:ReEncryptTo", Resource: "*",
                   Condition: {StringEquals: {"kms:RequestAlias": alias/open}}}
                - {Effect: Allow, Action: "kms:DescribeKey", Resource: "*",
                   Condition: {StringEquals: {"kms:RequestAlias": alias/open}}}
                - {Effect: Deny, Action: "kms:ReEncryptTo", Resource: "*",
                   Condition: {StringNotEquals: {"aws:ResourceAccount": "123456789012"}}}
                - {Effect: Allow, Action: "kms:UntagResource", Resource: "*",
                   Condition: {"ForAllValues:StringEquals": {"aws:TagKeys": [env]}}}
                - {Effect: Allow, Action: "kms:GenerateMac", Resource: "*",
                   Condition: {StringEquals: {"aws:RequestTag/team": blue}}}
    roles:
      - name: tagged
        trust:
          Version: "2012-10-17"
          Statement:
            - {Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:user/app"},
               Action: ["sts:AssumeRole", "sts:TagSession"]}
            - {Effect: Deny, Principal: "*", Action: "sts:TagSession",
               Condition: {StringEquals: {"aws:RequestTag/Team": red}}}
  - id: "210987654321"
    users:
      - name: neighbour
        administrator: true
        access-keys: [{id: NEIGHBOURKEY, secret: NEIGHBOURSECRET}]
"""

NEIGHBOUR = ("NEIGHBOURKEY", "NEIGHBOURSECRET")
OPEN_TO_BOTH = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": [ACCOUNT, "210987654321"]}, "Action": "kms:*", "Resource": "*"}]})


def statement(*users, effect="Allow", action="kms:*", condition=None):
    return {"Effect": effect, "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/{user}" for user in users]},
            "Action": action, "Resource": "*"} | ({"Condition": condition} if condition else {})


def policy_for(*users, further=()):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement(*users), *further]})


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

    def test_the_source_s_account_is_not_the_destination_s(self):
        theirs = self.new_key(by=self.caller(NEIGHBOUR), Policy=OPEN_TO_BOTH)["Arn"]
        context = {"DestinationEncryptionContext": {"tenant": "A"}}
        self.kms("ReEncrypt", CiphertextBlob=self.blob, SourceEncryptionContext={"tenant": "A"}, DestinationKeyId=theirs)
        self.re_encrypt(**context)
        self.denied("ReEncrypt", CiphertextBlob=self.blob, SourceEncryptionContext={"tenant": "A"},
                    DestinationKeyId=theirs, **context)


class Conditions(BypassCase):
    def test_a_default_is_as_good_as_said(self):
        for parameters in ({}, {"KeySpec": "SYMMETRIC_DEFAULT"}, {"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"}):
            with self.subTest(parameters):
                self.denied("CreateKey", BypassPolicyLockoutSafetyCheck=True, **parameters)

    def test_where_it_is_left_out_the_default_is_what_a_deny_is_about(self):
        for key, operation, condition, said, other in (
                ({}, "ScheduleKeyDeletion", {"NumericEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": "30"}},
                 {"PendingWindowInDays": 30}, {"PendingWindowInDays": 29}),
                ({}, "EnableKeyRotation", {"NumericEquals": {"kms:RotationPeriodInDays": "365"}},
                 {"RotationPeriodInDays": 365}, {"RotationPeriodInDays": 364}),
                ({"Origin": "EXTERNAL"}, "ImportKeyMaterial",
                 {"StringEquals": {"kms:ExpirationModel": "KEY_MATERIAL_EXPIRES"}},
                 {"ExpirationModel": "KEY_MATERIAL_EXPIRES"}, {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"})):
            material = {"ImportToken": b"x", "EncryptedKeyMaterial": b"x"} if key else {}
            made = self.new_key(**key, Policy=policy_for("admin", "app", further=[
                statement("app", effect="Deny", action="kms:" + operation, condition=condition)]))["KeyId"]
            with self.subTest(operation):
                self.denied(operation, KeyId=made, **material)
                self.denied(operation, KeyId=made, **material, **said)
                if key:
                    self.refused("InvalidImportTokenException", re.compile(""), operation, by=self.app, KeyId=made,
                                 **material, **other)
                else:
                    self.app(operation, KeyId=made, **other)

    def test_a_grant_constrained_by_nothing_is_not_a_constrained_one(self):
        constrained = {"StringEquals": {"kms:GrantConstraintType": ["EncryptionContextEquals", "EncryptionContextSubset"]}}
        key = self.new_key(Policy=policy_for("admin", further=[
            statement("app", action="kms:CreateGrant", condition=constrained)]))["KeyId"]
        grant = {"KeyId": key, "GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:user/clerk", "Operations": ["Decrypt"]}
        for constraints in ({}, {"Constraints": {}}, {"Constraints": {"EncryptionContextSubset": {}}}):
            with self.subTest(constraints):
                self.denied("CreateGrant", **grant, **constraints)
        for constraint in ({"EncryptionContextSubset": {"tenant": "A"}}, {"EncryptionContextEquals": {}}):
            self.app("CreateGrant", **grant, Constraints=constraint)

    def test_a_replica_is_made_in_its_own_region(self):
        further = [statement("app", effect="Deny", condition={"StringEquals": {name: "us-west-2"}})
                   for name in ("kms:ReplicaRegion", "kms:PrimaryRegion")]
        key = self.new_key(MultiRegion=True, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC",
                           Policy=policy_for("admin", "app", further=further))["KeyId"]
        for region in ("us-west-2", "eu-west-1"):  # the key's policy, the user's
            self.denied("ReplicateKey", KeyId=key, ReplicaRegion=region)
        self.app("ReplicateKey", KeyId=key, ReplicaRegion="eu-central-1", BypassPolicyLockoutSafetyCheck=True)
        self.kms("ReplicateKey", KeyId=key, ReplicaRegion="us-west-2")
        self.denied("UpdatePrimaryRegion", KeyId=key, PrimaryRegion="us-west-2")

    def test_a_tag_in_another_case_passes_no_deny_and_meets_no_allow_beside_its_twin(self):
        def about(name, effect, operation):
            return statement("app", effect=effect, action="kms:" + operation,
                             condition={"StringEquals": {f"aws:{name}/Env": "prod"}})
        key = self.new_key(Policy=policy_for("admin", "app", further=[
            about("RequestTag", "Deny", "TagResource"), about("ResourceTag", "Deny", "GetKeyPolicy")]))["KeyId"]
        for name in ("Env", "env", "ENV"):
            self.denied("TagResource", KeyId=key, Tags=[{"TagKey": name, "TagValue": "prod"}])
        self.app("TagResource", KeyId=key, Tags=[{"TagKey": "env", "TagValue": "test"}])
        self.app("GetKeyPolicy", KeyId=key)
        self.kms("TagResource", KeyId=key, Tags=[{"TagKey": "ENV", "TagValue": "prod"}])
        self.denied("GetKeyPolicy", KeyId=key)
        allowing = self.new_key(Policy=policy_for("admin", further=[about("ResourceTag", "Allow", "GetKeyPolicy")]),
                                Tags=[{"TagKey": "env", "TagValue": "prod"}])["KeyId"]
        self.app("GetKeyPolicy", KeyId=allowing)
        self.kms("TagResource", KeyId=allowing, Tags=[{"TagKey": "Env", "TagValue": "test"}])
        self.denied("GetKeyPolicy", KeyId=allowing)

    def test_a_session_s_tag_in_another_case_passes_no_deny(self):
        sts = self.service.client("sts", APP)
        for name, value, passes in (("Team", "red", False), ("team", "red", False), ("team", "blue", True)):
            ask = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/tagged", "RoleSessionName": "s1",
                   "Tags": [{"Key": name, "Value": value}]}
            with self.subTest(name=name, value=value):
                if passes:
                    sts.assume_role(**ask)
                else:
                    with self.assertRaisesRegex(botocore.exceptions.ClientError, "sts:TagSession"):
                        sts.assume_role(**ask)

    def test_a_member_that_the_operation_does_not_have_meets_no_condition(self):
        tags = [{"TagKey": "owner", "TagValue": "x"}, {"TagKey": "env", "TagValue": "x"}]
        tagged = self.new_key(Tags=tags)["KeyId"]
        mac = self.new_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyId"]
        for operation, parameters in (
                ("UntagResource", {"KeyId": tagged, "TagKeys": ["owner"], "Tags": [tags[1]]}),
                ("GenerateMac", {"KeyId": mac, "MacAlgorithm": "HMAC_SHA_256", "Message": "eA==",
                                 "Tags": [{"TagKey": "team", "TagValue": "blue"}]})):
            answer = wire.ask(self.service, operation, parameters, credentials=APP)
            self.assertEqual(answer.code, "AccessDeniedException", operation)
        self.assertEqual(self.kms.all("ListResourceTags", "Tags", KeyId=tagged), [tags[1], tags[0]])
        self.app("UntagResource", KeyId=tagged, TagKeys=["env"])

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


    def test_a_deny_that_costs_too_much_to_find_still_keeps_a_grant_from_being_retired(self):
        costly = ["*" + "a" * 200 + str(i) for i in range(20)] + ["*evil*"]
        key = self.new_key(Policy=policy_for("admin", further=[
            statement("app", effect="Deny", action="kms:RetireGrant", condition={"StringLike": {"aws:UserAgent": costly}})]))
        app = f"arn:aws:iam::{ACCOUNT}:user/app"
        grant = self.kms("CreateGrant", KeyId=key["KeyId"], GranteePrincipal=app, RetiringPrincipal=app,
                         Operations=["Decrypt"])["GrantId"]
        of_app = Caller(self.service, APP, seen=self.seen)
        for agent in ("evil", "a" * 7000 + "evil"):
            self.agent = agent
            of_app.client.meta.events.register("before-sign.kms", self.say_agent)
            self.refused("AccessDeniedException", re.compile(""), "RetireGrant", by=of_app, KeyId=key["Arn"], GrantId=grant)
        self.agent = "good"
        of_app("RetireGrant", KeyId=key["Arn"], GrantId=grant)

    def say_agent(self, request, **_):
        del request.headers["User-Agent"]
        request.headers["User-Agent"] = self.agent


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


class RevokedSessions(BypassCase):
    def test_a_second_revocation_under_a_clock_set_back_gives_none_back(self):
        self.addCleanup(wire.set_clock, self.service)
        wire.set_clock(self.service, hours=1)
        made = self.service.client("sts", APP).assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/tagged", RoleSessionName="s1")["Credentials"]
        session = self.service.client("sts", (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))
        session.get_caller_identity()
        for hours in (1, 0):
            wire.set_clock(self.service, hours=hours)
            answer = wire.ask(self.service, "RevokeSessions", {"RoleName": "tagged"}, "p11kms")
            self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(wire.ask(self.service, "CreateAccessKey", {"UserName": "clerk"}, "p11kms").status,
                         200)  # which builds all identities anew
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "InvalidClientTokenId"):
            session.get_caller_identity()


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
