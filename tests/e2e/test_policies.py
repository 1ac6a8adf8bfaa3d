"""Who may do what: identity and key policies put together as AWS does, within an account and across."""

import json
import re

import tap
from kms_case import KmsCase, Refused, arn_of
from p11kms_test import ACCOUNT

OTHER = "999988887777"

SEED = """
accounts:
  - id: "123456789012"
    groups:
      - name: encrypters
        policies:
          - name: encrypt
            document: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "kms:Encrypt", Resource: "*"}]}
    users:
      - name: admin
        administrator: true
        access-keys: [{id: FOOBARKEY, secret: FOOBARSECRET}]
      - name: app
        access-keys: [{id: APPKEY, secret: APPSECRET}]
      - name: member
        groups: [encrypters]
        access-keys: [{id: MEMBERKEY, secret: MEMBERSECRET}]
      - name: all
        policies:
          - name: all
            document: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "kms:*", Resource: "*"}]}
        access-keys: [{id: ALLKEY, secret: ALLSECRET}]
      - name: careful
        path: /ops/
        policies:
          - name: all-but-decrypt
            document: |
              {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "NotAction": "kms:ScheduleKeyDeletion", "Resource": "*"},
                {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}]}
        access-keys: [{id: CAREFULKEY, secret: CAREFULSECRET}]
      - name: tagged
        tags: {team: payments}
        policies:
          - name: of-its-team
            document:
              Version: 2012-10-17
              Statement:
                - Effect: Allow
                  Action: ["kms:Encrypt", "kms:GenerateDataKey"]
                  Resource: "*"
                  Condition:
                    StringEquals: {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}
        access-keys: [{id: TAGGEDKEY, secret: TAGGEDSECRET}]
  - id: "999988887777"
    users:
      - name: admin
        administrator: true
        access-keys: [{id: OTHERKEY, secret: OTHERSECRET}]
      - name: app
        access-keys: [{id: OTHERAPPKEY, secret: OTHERAPPSECRET}]
      - name: partner
        policies:
          - name: use-theirs
            document:
              Version: 2012-10-17
              Statement: [{Effect: Allow, Action: "kms:*", Resource: "arn:aws:kms:*:123456789012:key/*"}]
        access-keys: [{id: PARTNERKEY, secret: PARTNERSECRET}]
      - name: everything
        policies:
          - name: all
            document: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}
        access-keys: [{id: EVERYTHINGKEY, secret: EVERYTHINGSECRET}]
"""


def user(name, account=ACCOUNT):
    return f"arn:aws:iam::{account}:user/{name}"


def root(account=ACCOUNT):
    return f"arn:aws:iam::{account}:root"


def statement(principal, action="kms:*", effect="Allow", **rest):
    return {"Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"} | rest


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def denied(who, action, resource, why):
    return f"User: {who} is not authorized to perform: kms:{action} on resource: {resource} {why}"


def nothing_allows(action, basis):
    return f"because no {basis}-based policy allows the kms:{action} action"


class PolicyCase(KmsCase):
    seed = SEED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("app", "member", "all", "careful", "tagged", "other", "otherapp", "partner",
                     "everything"):
            setattr(cls, name, cls.caller((name.upper() + "KEY", name.upper() + "SECRET")))

    def key_with(self, *statements, **parameters):
        return self.new_key(Policy=policy(*statements), BypassPolicyLockoutSafetyCheck=True, **parameters)

    def may(self, by, key, operation="Encrypt", **parameters):
        try:
            by(operation, KeyId=key["Arn"], **(parameters or {"Plaintext": b"x"}))
            return True
        except Refused as refusal:
            self.assertEqual(refusal.code, "AccessDeniedException", refusal)
            return False


class WithinAnAccount(PolicyCase):
    def test_the_default_policy_delegates_to_the_account_s_identity_policies(self):
        key = self.new_key()
        document = json.loads(self.kms("GetKeyPolicy", KeyId=key["KeyId"], PolicyName="default")["Policy"])
        self.assertEqual(document, {
            "Version": "2012-10-17", "Id": "key-default-1",
            "Statement": [{"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": root()},
                           "Action": "kms:*", "Resource": "*"}]})
        self.assertTrue(self.may(self.all, key))
        self.assertTrue(self.may(self.member, key))
        self.assertFalse(self.may(self.app, key))

    def test_what_no_identity_policy_allows_is_denied_in_those_words(self):
        key = self.new_key()
        self.refused("AccessDeniedException",
                     denied(user("app"), "Encrypt", key["Arn"], nothing_allows("Encrypt", "identity")), "Encrypt",
                     self.app, KeyId=key["KeyId"], Plaintext=b"x")
        record = self.service.audit("Encrypt")[-1]
        self.assertEqual((record["errorCode"], record["requestParameters"], record["responseElements"]),
                         ("AccessDenied", None, None))

    def test_without_delegation_identity_policies_allow_nothing(self):
        key = self.key_with(statement(user("app"), "kms:Encrypt"))
        for by, may in ((self.app, True), (self.all, False), (self.member, False)):
            self.assertEqual(self.may(by, key), may)
        self.refused("AccessDeniedException",
                     denied(user("all"), "Encrypt", key["Arn"], nothing_allows("Encrypt", "resource")), "Encrypt",
                     self.all, KeyId=key["KeyId"], Plaintext=b"x")

    def test_without_delegation_an_identity_policy_s_deny_still_counts(self):
        key = self.key_with(statement(user("ops/careful")), statement(user("admin")))
        blob = self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.assertTrue(self.may(self.careful, key))
        self.refused("AccessDeniedException",
                     denied(user("ops/careful"), "Decrypt", key["Arn"],
                            "with an explicit deny in an identity-based policy"), "Decrypt", self.careful,
                     CiphertextBlob=blob)

    def test_an_explicit_deny_in_the_key_policy_wins_over_every_allow(self):
        key = self.key_with(statement(root()), statement(user("all"), "kms:Encrypt", "Deny"))
        self.refused("AccessDeniedException",
                     denied(user("all"), "Encrypt", key["Arn"], "with an explicit deny in a resource-based policy"),
                     "Encrypt", self.all, KeyId=key["KeyId"], Plaintext=b"x")
        self.assertTrue(self.may(self.all, key, "GenerateDataKey", KeySpec="AES_256"))

    def test_a_deny_holds_for_the_administrator_too(self):
        key = self.key_with(statement(root()), statement("*", "kms:Decrypt", "Deny"))
        blob = self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.refused("AccessDeniedException", re.compile("explicit deny in a resource-based policy$"), "Decrypt",
                     CiphertextBlob=blob)

    def test_forms_of_principals_actions_and_resources(self):
        for allowed in (statement(user("app")), statement([user("app")]), statement("*"), statement(user("app"),
                        "kms:Enc*"), statement(user("app"), ["kms:Decrypt", "kms:EncryPT"]),
                        statement(user("app"), "*"), statement(user("app"), "kms:E?crypt")):
            with self.subTest(allowed):
                self.assertTrue(self.may(self.app, self.key_with(allowed)))
        as_is = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
        self.assertTrue(self.may(self.app, self.key_with(as_is)))
        for useless in (statement(user("all")), statement(user("app"), "kms:Decrypt"), statement(user("ap*")),
                        statement(user("app"), Resource="arn:aws:kms:*:*:key/other"),
                        {"Effect": "Allow", "Principal": {"AWS": user("app")}, "Resource": "*"},
                        {"Effect": "Allow", "Principal": {"AWS": user("app")}, "Action": "kms:*"},
                        {"Effect": "Allow", "NotPrincipal": {"AWS": user("app")}, "Action": "kms:*",
                         "Resource": "*"}):
            with self.subTest(useless):
                try:
                    key = self.key_with(useless)
                except Refused as refusal:
                    self.assertEqual(refusal.code, "MalformedPolicyDocumentException")
                    continue
                self.assertFalse(self.may(self.app, key))

    def test_conditions_on_the_encryption_context_are_kept(self):
        key = self.key_with(statement(user("app"), "kms:Encrypt", Condition={
            "StringEquals": {"kms:EncryptionContext:tenant": "a"}}))
        self.assertTrue(self.may(self.app, key, Plaintext=b"x", EncryptionContext={"tenant": "a", "more": "b"}))
        self.assertFalse(self.may(self.app, key, Plaintext=b"x", EncryptionContext={"tenant": "b"}))
        self.assertFalse(self.may(self.app, key))

    def test_the_name_in_a_condition_on_the_encryption_context_is_equal_in_any_case(self):
        key = self.key_with(statement(user("app"), "kms:Encrypt"),
                            statement(user("app"), "kms:Encrypt", "Deny", Condition={
                                "StringEquals": {"kms:EncryptionContext:Stage": "secret"}}),
                            statement(user("app"), "kms:GenerateDataKey", Condition={
                                "StringEquals": {"kms:EncryptionContext:Tenant": "a"}}))
        for context, may in (({"Stage": "open"}, True), ({"sTAGE": "secret"}, False),
                             ({"Stage": "open", "stage": "secret"}, False)):
            self.assertEqual(self.may(self.app, key, Plaintext=b"x", EncryptionContext=context), may, context)
        for context, may in (({"tenant": "a"}, True), ({"tenant": "A"}, False), ({"tenant": "a", "TENANT": "b"}, False)):
            self.assertEqual(self.may(self.app, key, "GenerateDataKey", KeySpec="AES_256", EncryptionContext=context),
                             may, context)

    def test_conditions_on_tags_compare_caller_and_key(self):
        for team, may in (("payments", True), ("shipping", False)):
            key = self.new_key(Tags=[{"TagKey": "team", "TagValue": team}])
            self.assertEqual(self.may(self.tagged, key), may)
        self.assertFalse(self.may(self.tagged, self.new_key()))
        self.kms("TagResource", KeyId=key["KeyId"], Tags=[{"TagKey": "team", "TagValue": "payments"}])
        self.assertTrue(self.may(self.tagged, key))

    def test_conditions_on_the_window_and_the_alias_are_kept(self):
        key = self.key_with(statement(root()), statement(user("all"), "kms:ScheduleKeyDeletion", "Deny", Condition={
            "NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "20"}}))
        self.assertFalse(self.may(self.all, key, "ScheduleKeyDeletion", PendingWindowInDays=7))
        self.assertTrue(self.may(self.all, key, "ScheduleKeyDeletion", PendingWindowInDays=20))
        key = self.key_with(statement(root()), statement(user("app"), "kms:Encrypt", Condition={
            "StringEquals": {"kms:RequestAlias": "alias/asked"}}))
        self.kms("CreateAlias", AliasName="alias/asked", TargetKeyId=key["KeyId"])
        self.assertFalse(self.may(self.app, key))
        self.app("Encrypt", KeyId="alias/asked", Plaintext=b"x")

    def test_a_policy_counts_from_the_next_request_on(self):
        key = self.new_key()
        for _ in range(3):
            self.assertFalse(self.may(self.app, key))
            self.kms("PutKeyPolicy", KeyId=key["KeyId"], PolicyName="default",
                     Policy=policy(statement(root()), statement(user("app"))))
            self.assertTrue(self.may(self.app, key))
            self.kms("PutKeyPolicy", KeyId=key["KeyId"], Policy=policy(statement(root())))

    def test_a_change_of_an_alias_needs_both_the_alias_and_the_key(self):
        key = self.key_with(statement(root()), statement(user("app"), "kms:CreateAlias"))
        self.refused("AccessDeniedException",
                     denied(user("app"), "CreateAlias", arn_of("alias/mine"), nothing_allows("CreateAlias",
                                                                                            "identity")),
                     "CreateAlias", self.app, AliasName="alias/mine", TargetKeyId=key["KeyId"])
        closed = self.key_with(statement(user("admin")))
        self.refused("AccessDeniedException", re.compile(re.escape(closed["Arn"])), "CreateAlias", self.all,
                     AliasName="alias/mine", TargetKeyId=closed["KeyId"])
        self.all("CreateAlias", AliasName="alias/mine", TargetKeyId=key["KeyId"])
        self.refused("AccessDeniedException", re.compile(re.escape(closed["Arn"])), "UpdateAlias", self.all,
                     AliasName="alias/mine", TargetKeyId=closed["KeyId"])
        self.all("DeleteAlias", AliasName="alias/mine")

    def test_re_encryption_needs_permission_on_both_sides(self):
        here = self.key_with(statement(root()), statement(user("app"), ["kms:ReEncryptFrom", "kms:Encrypt"]))
        there = self.key_with(statement(root()), statement(user("app"), "kms:ReEncryptTo"))
        blob = self.app("Encrypt", KeyId=here["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        moved = self.app("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=there["KeyId"])["CiphertextBlob"]
        self.refused("AccessDeniedException",
                     denied(user("app"), "ReEncryptFrom", there["Arn"], nothing_allows("ReEncryptFrom", "identity")),
                     "ReEncrypt", self.app, CiphertextBlob=moved, DestinationKeyId=there["KeyId"])
        self.refused("AccessDeniedException", re.compile("kms:ReEncryptTo on resource: " + re.escape(here["Arn"])),
                     "ReEncrypt", self.app, CiphertextBlob=blob, DestinationKeyId=here["KeyId"])

    def test_a_denied_caller_learns_nothing_of_the_key_s_state(self):
        key = self.new_key()
        self.kms("DisableKey", KeyId=key["KeyId"])
        self.assertFalse(self.may(self.app, key))


class Documents(PolicyCase):
    def put(self, key, text, **parameters):
        return self.kms("PutKeyPolicy", KeyId=key["KeyId"], Policy=text, **parameters)

    def test_a_policy_is_answered_as_it_was_given(self):
        text = json.dumps({"Version": "2012-10-17", "Id": "ключ 🔑", "Statement": [statement(root(), Sid="ß")]},
                          indent=3)
        key = self.new_key(Policy=text)
        self.assertEqual(self.kms("GetKeyPolicy", KeyId=key["KeyId"], PolicyName="default"),
                         {"Policy": text, "PolicyName": "default"})
        self.put(key, policy(statement(root())))
        self.assertEqual(self.kms("GetKeyPolicy", KeyId=key["KeyId"])["Policy"], policy(statement(root())))

    def test_users_and_roles_of_declared_accounts_that_a_policy_names_must_be_declared(self):
        key = self.new_key(MultiRegion=True)
        before = self.kms("GetKeyPolicy", KeyId=key["KeyId"])
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/nobody/s"
        for stranger in (user("nobody"), user("careful"), user("app").replace(":user/", ":role/"), session,
                         user("nobody", "999988887777"), [user("app"), user("nobody")]):
            text = policy(statement(root()), statement(stranger))
            for operation, rest in (("PutKeyPolicy", {"KeyId": key["KeyId"]}), ("CreateKey", {}),
                                    ("ReplicateKey", {"KeyId": key["KeyId"], "ReplicaRegion": "eu-west-3"})):
                with self.subTest(stranger, operation=operation):
                    self.refused("MalformedPolicyDocumentException",
                                 "Policy contains a statement with one or more invalid principals.", operation,
                                 Policy=text, BypassPolicyLockoutSafetyCheck=True, **rest)
        spared = {"Effect": "Deny", "NotPrincipal": {"AWS": [root(), user("nobody")]}, "Action": "kms:Sign", "Resource": "*"}
        self.refused("MalformedPolicyDocumentException", re.compile("invalid principals"), "PutKeyPolicy",
                     KeyId=key["KeyId"], Policy=policy(statement(root()), spared))
        self.assertEqual(self.kms("GetKeyPolicy", KeyId=key["KeyId"]), before)

    def test_whom_nobody_here_can_know_a_policy_may_name(self):
        key = self.new_key()
        for name in (user("x", "444455556666"), "arn:aws:iam::444455556666:role/x", root("444455556666"), "444455556666",
                     "*", user("ops/careful"), f"arn:aws:sts::{ACCOUNT}:federated-user/x"):
            self.put(key, policy(statement(root()), statement(name, "kms:Sign")))
        self.put(key, policy(statement(root()), {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"},
                                                 "Action": "kms:Sign", "Resource": "*"}))

    def test_what_is_no_policy_is_malformed(self):
        key = self.new_key()
        before = self.kms("GetKeyPolicy", KeyId=key["KeyId"])
        for text in ("x", "{}", "[]", '{"Version":"2012-10-17"}', policy(), policy({"Effect": "Allow"})[:-1],
                     policy(statement(root(), effect="Perhaps")), policy(statement(root(), Condition={"Like": {}})),
                     policy(statement(root(), Extra="x")), policy(statement(root())) + "x",
                     json.dumps({"Version": "2011-01-01", "Statement": [statement(root())]}),
                     policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})):
            with self.subTest(text[:60]):
                for operation, rest in (("PutKeyPolicy", {"KeyId": key["KeyId"]}), ("CreateKey", {})):
                    self.refused("MalformedPolicyDocumentException", re.compile("."), operation, Policy=text, **rest)
        self.assertEqual(self.kms("GetKeyPolicy", KeyId=key["KeyId"]), before)

    def test_a_policy_may_have_32_kib_and_no_more(self):
        def padded(size):
            text = policy(statement(root(), Sid="PAD"))
            return text.replace("PAD", "x" * (size - len(text) + 3))

        key = self.new_key(Policy=padded(32768))
        self.assertEqual(len(self.kms("GetKeyPolicy", KeyId=key["KeyId"])["Policy"]), 32768)
        self.put(key, padded(32768))
        self.refused("LimitExceededException", re.compile("32768"), "PutKeyPolicy", KeyId=key["KeyId"],
                     Policy=padded(32769))
        self.refused("LimitExceededException", re.compile("32768"), "CreateKey", Policy=padded(32769))

    def test_the_author_must_be_able_to_change_it_again(self):
        key = self.new_key()
        message = "The new key policy will not allow you to update the key policy in the future."
        locked = policy(statement(user("app")))
        self.refused("MalformedPolicyDocumentException", message, "PutKeyPolicy", KeyId=key["KeyId"], Policy=locked)
        self.refused("MalformedPolicyDocumentException", message, "CreateKey", Policy=locked)
        self.refused("MalformedPolicyDocumentException", message, "PutKeyPolicy", self.all, KeyId=key["KeyId"],
                     Policy=policy(statement(root(), "kms:Encrypt")))
        self.put(key, locked, BypassPolicyLockoutSafetyCheck=True)
        self.refused("AccessDeniedException", re.compile("."), "PutKeyPolicy", KeyId=key["KeyId"],
                     Policy=policy(statement(root())))
        self.app("PutKeyPolicy", KeyId=key["KeyId"], Policy=policy(statement([user("app"), root()])))
        self.kms("DescribeKey", KeyId=key["KeyId"])

    def test_there_is_one_policy_and_it_is_called_default(self):
        key = self.new_key()
        self.assertEqual(self.kms("ListKeyPolicies", KeyId=key["KeyId"])["PolicyNames"], ["default"])
        self.refused("NotFoundException", re.compile("No such policy"), "GetKeyPolicy", KeyId=key["KeyId"],
                     PolicyName="other")
        with self.assertRaises(Refused) as caught:
            self.put(key, policy(statement(root())), PolicyName="other")
        self.assertIn(caught.exception.code, ("ValidationException", "NotFoundException"))


class AcrossAccounts(PolicyCase):
    def test_accounts_do_not_see_each_other(self):
        mine, theirs = self.new_key(), self.new_key(self.other)
        self.assertEqual(theirs["Arn"], arn_of("key/" + theirs["KeyId"], account=OTHER))
        for by, key, account in ((self.kms, theirs, ACCOUNT), (self.other, mine, OTHER)):
            self.assertNotIn(key["KeyId"], [entry["KeyId"] for entry in by.all("ListKeys", "Keys")])
            self.refused("NotFoundException",
                         f"Key '{arn_of('key/' + key['KeyId'], account=account)}' does not exist", "DescribeKey", by,
                         KeyId=key["KeyId"])
        for by in (self.kms, self.other):
            by("CreateAlias", AliasName="alias/same", TargetKeyId=(mine if by is self.kms else theirs)["KeyId"])
        self.assertEqual(self.kms("DescribeKey", KeyId="alias/same")["KeyMetadata"]["Arn"], mine["Arn"])
        self.assertEqual(self.other("DescribeKey", KeyId="alias/same")["KeyMetadata"]["Arn"], theirs["Arn"])

    def test_across_accounts_both_the_key_s_and_the_caller_s_policies_must_allow(self):
        opened = self.key_with(statement([root(), root(OTHER)]))
        closed = self.new_key()
        for by, key, may in ((self.partner, opened, True), (self.otherapp, opened, False),
                             (self.partner, closed, False)):
            self.assertEqual(self.may(by, key), may)
        by_name = self.key_with(statement(root()), statement(user("app", OTHER)))
        self.assertFalse(self.may(self.otherapp, by_name), "its own account must allow it as well")
        by_name = self.key_with(statement(root()), statement(user("partner", OTHER), "kms:Encrypt"))
        self.assertTrue(self.may(self.partner, by_name))
        self.assertFalse(self.may(self.partner, by_name, "GenerateDataKey", KeySpec="AES_256"))

    def test_whether_another_account_has_a_key_is_not_found_out_by_asking(self):
        closed = self.new_key()
        self.kms("CreateAlias", AliasName="alias/closed", TargetKeyId=closed["KeyId"])
        denying = self.key_with(statement([root(), root(OTHER)]), statement("*", "kms:Encrypt", effect="Deny"))
        unknown = arn_of("key/00000000-0000-4000-8000-000000000000")
        for by, who in ((self.partner, "partner"), (self.other, "admin")):
            for name in (closed["Arn"], arn_of("alias/closed"), denying["Arn"], unknown, arn_of("alias/none")):
                self.refused("AccessDeniedException", denied(
                    user(who, OTHER), "Encrypt", name, "because the resource does not exist in this Region, no "
                    "resource-based policies allow access, or a resource-based policy explicitly denies access"),
                    "Encrypt", by, KeyId=name, Plaintext=b"x")
            for name in (closed["Arn"], unknown):
                self.refused("AccessDeniedException",
                             denied(user(who, OTHER), "DisableKey", name, "because it belongs to another account"),
                             "DisableKey", by, KeyId=name)

    def test_an_administrator_of_another_account_is_nobody_here(self):
        self.assertFalse(self.may(self.other, self.new_key()))

    def test_across_accounts_keys_are_used_and_not_managed(self):
        key = self.key_with(statement([root(), user("partner", OTHER)]))
        blob = self.partner("Encrypt", KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
        self.partner("Decrypt", CiphertextBlob=blob)
        self.partner("DescribeKey", KeyId=key["Arn"])
        self.partner("GetKeyRotationStatus", KeyId=key["Arn"])
        self.partner("GenerateDataKey", KeyId=key["Arn"], KeySpec="AES_256")
        for operation, rest in (("DisableKey", {}), ("EnableKey", {}), ("ScheduleKeyDeletion", {}),
                                ("CancelKeyDeletion", {}), ("PutKeyPolicy", {"Policy": policy(statement("*"))}),
                                ("GetKeyPolicy", {}), ("ListKeyPolicies", {}), ("ListResourceTags", {}),
                                ("TagResource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
                                ("UntagResource", {"TagKeys": ["a"]}), ("UpdateKeyDescription", {"Description": ""}),
                                ("EnableKeyRotation", {}), ("DisableKeyRotation", {}), ("RotateKeyOnDemand", {}),
                                ("ListKeyRotations", {})):
            with self.subTest(operation):
                with self.assertRaises(Refused) as caught:
                    self.partner(operation, KeyId=key["Arn"], **rest)
                self.assertIn(caught.exception.code, ("AccessDeniedException", "NotFoundException"))
        self.assertEqual(self.kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]["KeyState"], "Enabled")

    def test_an_alias_arn_of_another_account_leads_to_its_key(self):
        key = self.key_with(statement([root(), root(OTHER)]))
        self.kms("CreateAlias", AliasName="alias/shared", TargetKeyId=key["KeyId"])
        answer = self.partner("Encrypt", KeyId=arn_of("alias/shared"), Plaintext=b"x")
        self.assertEqual(answer["KeyId"], key["Arn"])
        self.refused("NotFoundException", re.compile("alias/shared"), "Encrypt", self.partner, KeyId="alias/shared",
                     Plaintext=b"x")

    def test_an_alias_of_one_account_never_points_into_another(self):
        key = self.key_with(statement([root(), root(OTHER), user("everything", OTHER)]))
        self.everything("Encrypt", KeyId=key["Arn"], Plaintext=b"x")
        self.everything("CreateAlias", AliasName="alias/own", TargetKeyId=self.new_key(self.other)["KeyId"])
        for by in (self.everything, self.other, self.partner):
            for operation, name in (("CreateAlias", "alias/across"), ("UpdateAlias", "alias/own")):
                with self.assertRaises(Refused) as caught:
                    by(operation, AliasName=name, TargetKeyId=key["Arn"])
                self.assertIn(caught.exception.code, ("AccessDeniedException", "NotFoundException"))

    def test_a_use_across_accounts_is_recorded_with_caller_and_owner(self):
        key = self.key_with(statement([root(), root(OTHER)]))
        self.partner("Encrypt", KeyId=key["Arn"], Plaintext=b"x")
        record = self.service.audit("Encrypt")[-1]
        self.assertEqual(record["userIdentity"]["accountId"], OTHER)
        self.assertEqual(record["resources"][0]["accountId"], ACCOUNT)


if __name__ == "__main__":
    tap.main()
