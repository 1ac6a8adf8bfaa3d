"""Grants: whom they let do what, what they never do, how they end; by boto3 and the aws command."""

import json
import re

import tap
from kms_case import KmsCase, Refused, arn_of
from p11kms_test import ACCOUNT

OTHER = "999988887777"
TRUST = '{Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: "*"}, Action: "sts:AssumeRole"}]}'

SEED = f"""
accounts:
  - id: "{ACCOUNT}"
    users:
      - name: admin
        administrator: true
        access-keys: [{{id: FOOBARKEY, secret: FOOBARSECRET}}]
      - name: app
        access-keys: [{{id: APPKEY, secret: APPSECRET}}]
        policies:
          - name: assume
            document: {{Version: 2012-10-17, Statement: [{{Effect: Allow, Action: "sts:*", Resource: "*"}}]}}
      - name: second
        path: /ops/
        access-keys: [{{id: SECONDKEY, secret: SECONDSECRET}}]
      - name: barred
        access-keys: [{{id: BARREDKEY, secret: BARREDSECRET}}]
        policies:
          - name: never-decrypts
            document:
              Version: 2012-10-17
              Statement: [{{Effect: Deny, Action: ["kms:Decrypt", "kms:RetireGrant"], Resource: "*"}}]
      - name: delegate
        access-keys: [{{id: DELEGATEKEY, secret: DELEGATESECRET}}]
        policies:
          - name: account-s-share
            document:
              Version: 2012-10-17
              Statement: [{{Effect: Allow, Action: ["kms:Encrypt", "kms:RetireGrant"], Resource: "*"}}]
    roles:
      - name: worker
        path: /jobs/
        trust: {TRUST}
      - name: bounded
        trust: {TRUST}
        permissions-boundary:
          name: encrypts-alone
          document: {{Version: 2012-10-17, Statement: [{{Effect: Allow, Action: "kms:Encrypt", Resource: "*"}}]}}
  - id: "{OTHER}"
    users:
      - name: admin
        administrator: true
        access-keys: [{{id: OTHERKEY, secret: OTHERSECRET}}]
      - name: app
        access-keys: [{{id: OTHERAPPKEY, secret: OTHERAPPSECRET}}]
      - name: partner
        access-keys: [{{id: PARTNERKEY, secret: PARTNERSECRET}}]
        policies:
          - name: use-theirs
            document:
              Version: 2012-10-17
              Statement: [{{Effect: Allow, Action: "kms:*", Resource: "arn:aws:kms:*:{ACCOUNT}:key/*"}}]
"""


def user(name, account=ACCOUNT):
    return f"arn:aws:iam::{account}:user/{name}"


def role(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def root(account=ACCOUNT):
    return f"arn:aws:iam::{account}:root"


def statement(principal, action="kms:*", effect="Allow", **rest):
    return {"Effect": effect, "Principal": {"AWS": principal}, "Action": action, "Resource": "*"} | rest


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


APP, SECOND = user("app"), user("ops/second")
OPEN = statement(root())  # leaves all to the account, as a key without a policy does


class GrantCase(KmsCase):
    seed = SEED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in ("app", "second", "barred", "delegate", "other", "otherapp", "partner"):
            setattr(cls, name, cls.caller((name.upper() + "KEY", name.upper() + "SECRET")))

    def session(self, name, session="s1", **more):
        made = self.service.client("sts", ("APPKEY", "APPSECRET")).assume_role(
            RoleArn=role(name), RoleSessionName=session, **more)["Credentials"]
        return self.caller((made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))

    def key_with(self, *statements):
        return self.new_key(Policy=policy(*statements), BypassPolicyLockoutSafetyCheck=True)

    def grant(self, key, to=APP, operations=("Encrypt", "Decrypt"), by=None, **more):
        return (by or self.kms)("CreateGrant", KeyId=key["Arn"], GranteePrincipal=to, Operations=list(operations), **more)

    def grants(self, key, **more):
        return self.kms.all("ListGrants", "Grants", KeyId=key["KeyId"], **more)

    def may(self, by, key, operation="Encrypt", **parameters):
        try:
            by(operation, KeyId=key["Arn"], **(parameters or {"Plaintext": b"x"}))
            return True
        except Refused as refusal:
            self.assertEqual(refusal.code, "AccessDeniedException", refusal)
            return False

    def denied(self, operation, by, **parameters):
        return self.refused("AccessDeniedException", re.compile("is not authorized"), operation, by, **parameters)


class Allowing(GrantCase):
    def test_a_grant_lets_its_grantee_do_what_it_says_at_once_and_nobody_else(self):
        key = self.new_key()
        self.assertFalse(self.may(self.app, key))
        self.grant(key)
        blob = self.app("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.assertEqual(self.app("Decrypt", CiphertextBlob=blob)["Plaintext"], b"x")
        self.assertFalse(self.may(self.app, key, "GenerateDataKey", KeySpec="AES_256"))
        self.assertFalse(self.may(self.second, key))
        self.assertFalse(self.may(self.app, self.new_key()))

    def test_every_grantable_operation_of_a_symmetric_key(self):
        key = self.new_key()
        self.grant(key, operations=["Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DescribeKey",
                                    "ReEncryptFrom", "ReEncryptTo"])
        blob = self.app("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.app("GenerateDataKey", KeyId=key["KeyId"], KeySpec="AES_256")
        self.app("GenerateDataKeyWithoutPlaintext", KeyId=key["KeyId"], KeySpec="AES_256")
        self.app("DescribeKey", KeyId=key["KeyId"])
        self.app("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key["KeyId"])
        self.denied("Decrypt", self.app, CiphertextBlob=blob)

    def test_reencrypt_needs_both_sides(self):
        source, destination = self.new_key(), self.new_key()
        blob = self.kms("Encrypt", KeyId=source["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        ask = {"CiphertextBlob": blob, "DestinationKeyId": destination["KeyId"]}
        self.grant(source, operations=["ReEncryptFrom"])
        self.denied("ReEncrypt", self.app, **ask)
        self.grant(destination, operations=["ReEncryptTo"])
        self.app("ReEncrypt", **ask)

    def test_a_grant_does_not_need_the_key_policy_to_name_anybody(self):
        key = self.key_with(statement(user("admin")))
        self.grant(key)
        self.assertTrue(self.may(self.app, key))

    def test_an_explicit_deny_anywhere_beats_a_grant(self):
        in_key_policy = self.key_with(OPEN, statement(APP, "kms:Encrypt", "Deny"))
        self.grant(in_key_policy)
        self.assertFalse(self.may(self.app, in_key_policy))
        key = self.new_key()
        self.grant(key, user("barred"))
        blob = self.barred("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        refusal = self.denied("Decrypt", self.barred, CiphertextBlob=blob)
        self.assertIn("with an explicit deny in an identity-based policy", refusal.message)

    def test_a_grant_to_a_role_is_its_sessions_within_boundary_and_session_policy(self):
        key = self.new_key()
        self.grant(key, role("jobs/worker"))
        self.grant(key, role("bounded"))
        self.assertTrue(self.may(self.session("jobs/worker"), key))
        bounded = self.session("bounded")
        blob = bounded("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.denied("Decrypt", bounded, CiphertextBlob=blob)
        narrow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}
        narrowed = self.session("jobs/worker", Policy=json.dumps(narrow))
        self.assertFalse(self.may(narrowed, key))
        narrowed("Decrypt", CiphertextBlob=blob)
        narrow["Statement"][0]["Effect"] = "Deny"
        self.denied("Decrypt", self.session("jobs/worker", Policy=json.dumps(narrow)), CiphertextBlob=blob)

    def test_a_grant_to_one_session_is_not_for_another(self):
        key = self.new_key()
        self.grant(key, f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/s1")
        self.assertTrue(self.may(self.session("jobs/worker", "s1"), key))
        self.assertFalse(self.may(self.session("jobs/worker", "s2"), key))

    def test_a_user_s_own_session_has_its_grants(self):
        key = self.new_key()
        self.grant(key)
        made = self.service.client("sts", ("APPKEY", "APPSECRET")).get_session_token()["Credentials"]
        self.assertTrue(self.may(self.caller((made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])), key))

    def test_a_grant_to_the_account_leaves_it_to_identity_policies(self):
        key = self.key_with(statement(user("admin")))
        self.assertFalse(self.may(self.delegate, key))
        self.grant(key, root())
        self.assertTrue(self.may(self.delegate, key))
        self.assertFalse(self.may(self.app, key))
        self.assertFalse(self.may(self.delegate, key, "GenerateDataKey", KeySpec="AES_256"))

    def test_across_accounts_the_grantee_s_own_policies_must_allow_it_too(self):
        key = self.new_key()
        self.grant(key, user("partner", OTHER))
        self.grant(key, user("app", OTHER))
        self.assertTrue(self.may(self.partner, key))
        self.assertFalse(self.may(self.otherapp, key))
        self.assertFalse(self.may(self.partner, key, "GenerateDataKey", KeySpec="AES_256"))

    def test_a_key_that_cannot_be_used_is_not_by_a_grant(self):
        key = self.new_key()
        self.grant(key)
        self.kms("DisableKey", KeyId=key["KeyId"])
        self.refused("DisabledException", re.compile("is disabled"), "Encrypt", self.app, KeyId=key["KeyId"],
                     Plaintext=b"x")
        self.refused("DisabledException", re.compile("is disabled"), "CreateGrant", KeyId=key["KeyId"],
                     GranteePrincipal=APP, Operations=["Encrypt"])


class Constraints(GrantCase):
    def encrypts(self, key, context):
        return self.may(self.app, key, "Encrypt", Plaintext=b"x", EncryptionContext=context)

    def test_subset_and_equals_hold_the_encryption_context(self):
        for constraint, right, wrong in (
                ("EncryptionContextSubset", ({"a": "1"}, {"b": "2", "a": "1"}), ({}, {"a": "2"}, {"A": "1"})),
                ("EncryptionContextEquals", ({"a": "1"},), ({}, {"b": "2", "a": "1"}, {"a": "11"}))):
            key = self.new_key()
            self.grant(key, operations=["Encrypt", "DescribeKey"], Constraints={constraint: {"a": "1"}})
            for context in right:
                self.assertTrue(self.encrypts(key, context), (constraint, context))
            for context in wrong:
                self.assertFalse(self.encrypts(key, context), (constraint, context))
            self.app("DescribeKey", KeyId=key["KeyId"])

    def test_each_side_of_reencrypt_is_held_to_its_own_context(self):
        source, destination = self.new_key(), self.new_key()
        self.grant(source, operations=["ReEncryptFrom"], Constraints={"EncryptionContextEquals": {"a": "1"}})
        self.grant(destination, operations=["ReEncryptTo"], Constraints={"EncryptionContextEquals": {"b": "2"}})
        blob = self.kms("Encrypt", KeyId=source["KeyId"], Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
        ask = {"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": destination["KeyId"]}
        self.app("ReEncrypt", DestinationEncryptionContext={"b": "2"}, **ask)
        self.denied("ReEncrypt", self.app, DestinationEncryptionContext={"a": "1"}, **ask)
        self.denied("ReEncrypt", self.app, **ask)

    def test_what_cannot_be_granted_is_refused(self):
        key = self.new_key()
        signing = self.new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        pairs = {str(i): "x" for i in range(9)}
        for code, message, on, parameters in (
                ("ValidationException", "Sign is not valid", key, {"Operations": ["Sign"]}),
                ("ValidationException", "GetPublicKey is not valid", key, {"Operations": ["GetPublicKey"]}),
                ("ValidationException", "Encrypt is not valid", signing, {"Operations": ["Encrypt"]}),
                ("ValidationException", "supported only when creating a grant for a symmetric", signing,
                 {"Operations": ["Sign"], "Constraints": {"EncryptionContextEquals": {"a": "1"}}}),
                ("ValidationException", "more than 8", key, {"Constraints": {"EncryptionContextSubset": pairs}}),
                ("ValidationException", "longer than 384", key, {"Constraints": {"EncryptionContextSubset": {"a": "x" * 385}}}),
                ("ValidationException", "'operations'", key, {"Operations": []}),
                ("ValidationException", "operations", key, {"Operations": ["DisableKey"]}),
                ("InvalidArnException", "valid principal", key, {"GranteePrincipal": user("nobody")}),
                ("InvalidArnException", "valid principal", key, {"GranteePrincipal": "s3.amazonaws.com"}),
                ("InvalidArnException", "valid principal", key, {"GranteePrincipal": ACCOUNT}),
                ("InvalidArnException", "valid principal", key,
                 {"GranteePrincipal": f"arn:aws:sts::{ACCOUNT}:assumed-role/none/s"}),
                ("InvalidArnException", "valid principal", key, {"RetiringPrincipal": role("none")})):
            with self.subTest(str(parameters)):
                self.refused(code, re.compile(message), "CreateGrant",
                             **({"KeyId": on["KeyId"], "GranteePrincipal": APP, "Operations": ["Encrypt"]} | parameters))
        self.assertEqual(self.grants(key) + self.grants(signing), [])

    def test_a_grant_on_a_signing_key(self):
        key = self.new_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.grant(key, operations=["Sign", "GetPublicKey"])
        ask = {"KeyId": key["KeyId"], "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
        signature = self.app("Sign", **ask)["Signature"]
        self.app("GetPublicKey", KeyId=key["KeyId"])
        self.denied("Verify", self.app, Signature=signature, **ask)


class ThroughGrants(GrantCase):
    def test_a_grant_may_hand_on_what_it_has_and_no_more(self):
        key = self.new_key()
        self.grant(key, operations=["CreateGrant", "Decrypt", "Encrypt"],
                   Constraints={"EncryptionContextSubset": {"a": "1"}})
        narrower = {"EncryptionContextSubset": {"a": "1", "b": "2"}}
        self.grant(key, SECOND, ["Encrypt"], self.app, Constraints=narrower)
        self.assertTrue(self.may(self.second, key, Plaintext=b"x", EncryptionContext={"a": "1", "b": "2"}))
        self.assertFalse(self.may(self.second, key, Plaintext=b"x", EncryptionContext={"a": "1"}))
        self.grant(key, SECOND, ["CreateGrant"], self.app, Constraints={"EncryptionContextEquals": {"a": "1"}})
        ask = {"KeyId": key["KeyId"], "GranteePrincipal": SECOND}
        for operations, constraints in ((["Encrypt"], {}), (["Encrypt"], {"EncryptionContextSubset": {"b": "2"}}),
                                        (["Encrypt"], {"EncryptionContextEquals": {"a": "2"}}),
                                        (["GenerateDataKey"], narrower), (["Encrypt", "DescribeKey"], narrower)):
            with self.subTest(f"{operations} {constraints}"):
                self.denied("CreateGrant", self.app, Operations=operations, Constraints=constraints, **ask)
        self.denied("CreateGrant", self.second, Operations=["Encrypt"], **ask,
                    Constraints={"EncryptionContextEquals": {"a": "1"}})

    def test_the_child_outlives_its_parent(self):
        key = self.new_key()
        parent = self.grant(key, operations=["CreateGrant", "Encrypt"])
        child = self.grant(key, SECOND, ["Encrypt"], self.app)
        self.kms("RevokeGrant", KeyId=key["KeyId"], GrantId=parent["GrantId"])
        self.assertTrue(self.may(self.second, key))
        self.assertEqual([grant["GrantId"] for grant in self.grants(key)], [child["GrantId"]])
        self.denied("CreateGrant", self.app, KeyId=key["KeyId"], GranteePrincipal=SECOND, Operations=["Encrypt"])

    def test_listing_and_revoking_are_for_policies_alone(self):
        key = self.new_key()
        grant = self.grant(key, operations=["CreateGrant", "RetireGrant", "Encrypt"])
        self.denied("ListGrants", self.app, KeyId=key["KeyId"])
        self.denied("RevokeGrant", self.app, KeyId=key["KeyId"], GrantId=grant["GrantId"])

    def test_policies_may_say_which_grants_are_made(self):
        when = {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]},
                "StringEquals": {"kms:GranteePrincipal": SECOND, "kms:RetiringPrincipal": APP,
                                 "kms:GrantConstraintType": "EncryptionContextSubset"}}
        key = self.key_with(statement(user("admin")), statement(APP, "kms:CreateGrant", Condition=when),
                            statement(user("delegate"), "kms:CreateGrant",
                                      Condition={"Bool": {"kms:GrantIsForAWSResource": "true"}}))
        right = {"RetiringPrincipal": APP, "Constraints": {"EncryptionContextSubset": {"a": "1"}}}
        self.grant(key, SECOND, ["Encrypt"], self.app, **right)
        for to, operations, change in ((APP, ["Encrypt"], {}), (SECOND, ["Encrypt", "DescribeKey"], {}),
                                       (SECOND, ["Encrypt"], {"RetiringPrincipal": SECOND}),
                                       (SECOND, ["Encrypt"], {"Constraints": {"EncryptionContextEquals": {"a": "1"}}})):
            with self.assertRaises(Refused) as caught:
                self.grant(key, to, operations, self.app, **(right | change))
            self.assertEqual(caught.exception.code, "AccessDeniedException")
        self.denied("CreateGrant", self.delegate, KeyId=key["Arn"], GranteePrincipal=APP, Operations=["Encrypt"])

    def test_policies_may_say_for_which_encryption_context_grants_are_made(self):
        when = {"StringEquals": {"kms:EncryptionContext:App": "a"},
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["App", "Stage"]}}
        never = {"StringEquals": {"kms:EncryptionContext:stage": "secret"}}
        key = self.key_with(statement(user("admin")), statement(APP, "kms:CreateGrant", Condition=when),
                            statement(APP, "kms:CreateGrant", "Deny", Condition=never))
        for constraints, allowed in (({"EncryptionContextEquals": {"App": "a"}}, True),
                                     ({"EncryptionContextSubset": {"App": "a", "Stage": "open"}}, True),
                                     ({"EncryptionContextSubset": {"App": "a"}, "EncryptionContextEquals": {"App": "a"}}, True),
                                     ({"EncryptionContextSubset": {"App": "b"}, "EncryptionContextEquals": {"App": "a"}}, False),
                                     ({"EncryptionContextSubset": {"App": "a", "Other": "x"}}, False),
                                     ({"EncryptionContextSubset": {"App": "a", "Stage": "secret"}}, False),
                                     ({"EncryptionContextEquals": {"App": "b"}}, False), ({}, False)):
            with self.subTest(constraints):
                ask = {"KeyId": key["Arn"], "GranteePrincipal": SECOND, "Operations": ["Encrypt"], "Constraints": constraints}
                if allowed:
                    self.app("CreateGrant", **ask)
                else:
                    self.denied("CreateGrant", self.app, **ask)


class Ending(GrantCase):
    def test_a_revoked_grant_is_void_at_once_and_gone(self):
        key = self.new_key()
        grant = self.grant(key)
        self.assertTrue(self.may(self.app, key))
        self.kms("RevokeGrant", KeyId=key["KeyId"], GrantId=grant["GrantId"])
        self.assertFalse(self.may(self.app, key))
        self.assertEqual(self.grants(key), [])
        self.refused("NotFoundException", f"Grant ID {grant['GrantId']} is not found", "RevokeGrant",
                     KeyId=key["KeyId"], GrantId=grant["GrantId"])
        self.refused("InvalidGrantIdException", re.compile("GrantId"), "RevokeGrant", KeyId=key["KeyId"], GrantId="x")

    def retires(self, by, **which):
        try:
            by("RetireGrant", **which)
            return True
        except Refused as refusal:
            self.assertEqual(refusal.code, "AccessDeniedException", refusal)
            return False

    def test_who_may_retire_a_grant(self):
        closed = statement(user("admin"))
        for name, on, parameters, by, may in (
                ("the retiring principal", (closed,), {"RetiringPrincipal": SECOND}, self.second, True),
                ("the grantee alone", (closed,), {}, self.app, False),
                ("the grantee with RetireGrant", (closed,), {"operations": ["Encrypt", "RetireGrant"]}, self.app, True),
                ("whom the key policy lets", (closed, statement(SECOND)), {}, self.second, False),
                ("the account, by an identity policy", (closed,), {}, self.delegate, True),
                ("an administrator of the account", (closed,), {}, self.kms, True),
                ("one whom a policy denies it", (closed,), {"RetiringPrincipal": user("barred")}, self.barred, False),
                ("one whom the key policy denies it", (closed, statement(SECOND, "kms:RetireGrant", "Deny")),
                 {"RetiringPrincipal": SECOND}, self.second, False),
                ("a retiring principal of another account", (closed,), {"RetiringPrincipal": user("app", OTHER)},
                 self.otherapp, True),
                ("another account's delegate", (closed,), {"RetiringPrincipal": root(OTHER)}, self.partner, True),
                ("another account's user", (closed,), {"RetiringPrincipal": root(OTHER)}, self.otherapp, False),
                ("anybody of another account", (closed,), {}, self.partner, False)):
            with self.subTest(name):
                key = self.key_with(*on)
                grant = self.grant(key, **parameters)
                self.assertEqual(self.retires(by, KeyId=key["Arn"], GrantId=grant["GrantId"]), may)
                self.assertEqual(len(self.grants(key)), 0 if may else 1)

    def test_who_may_not_retire_is_not_told_whether_there_is_such_a_grant(self):
        key = self.key_with(statement(user("admin")))
        grants = [self.grant(key, **parameters) for parameters in (
            {}, {"RetiringPrincipal": user("admin")}, {"RetiringPrincipal": root(OTHER)}, {"to": root(OTHER)},
            {"to": root(OTHER), "operations": ["Encrypt", "RetireGrant"]})]
        tokens = [grant["GrantToken"] for grant in grants]
        ended = self.grant(key)
        self.kms("RevokeGrant", KeyId=key["KeyId"], GrantId=ended["GrantId"])
        for by in (self.app, self.otherapp):
            answers = set()
            for which in [{"KeyId": key["Arn"], "GrantId": grant["GrantId"]} for grant in (*grants, ended)] + [
                    {"KeyId": key["Arn"], "GrantId": "0" * 64}] + [
                    {"GrantToken": token} for token in (*tokens, ended["GrantToken"])]:
                with self.assertRaises(Refused) as caught:
                    by("RetireGrant", **which)
                answers.add((caught.exception.code, str(caught.exception)))
            self.assertEqual(len(answers), 1, answers)
            self.assertEqual({code for code, _ in answers}, {"AccessDeniedException"})
        for by in (self.kms, self.delegate):
            self.refused("NotFoundException", f"Grant ID {'0' * 64} is not found", "RetireGrant", by, KeyId=key["Arn"],
                         GrantId="0" * 64)

    def test_whether_another_account_has_a_key_is_not_found_out_by_retiring(self):
        there = self.key_with(statement(user("admin")))["Arn"]
        for by, who in ((self.otherapp, "app"), (self.partner, "partner")):
            for key in (there, there[:-36] + "00000000-0000-4000-8000-000000000000"):
                self.refused("AccessDeniedException", f"User: {user(who, OTHER)} is not authorized to perform: "
                             f"kms:RetireGrant on resource: {key}", "RetireGrant", by, KeyId=key, GrantId="0" * 64)

    def test_a_role_retires_by_its_sessions(self):
        key = self.new_key()
        self.grant(key, RetiringPrincipal=role("jobs/worker"))
        token = self.grant(key, RetiringPrincipal=role("jobs/worker"))["GrantToken"]
        self.session("jobs/worker")("RetireGrant", GrantToken=token)
        nothing = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}]}
        narrowed = self.session("jobs/worker", Policy=json.dumps(nothing))
        self.denied("RetireGrant", narrowed, KeyId=key["Arn"], GrantId=self.grants(key)[0]["GrantId"])

    def test_retiring_needs_a_token_or_a_key_and_an_id(self):
        key = self.new_key()
        grant = self.grant(key)
        which = {"KeyId": key["Arn"], "GrantId": grant["GrantId"]}
        for parameters in ({}, {"KeyId": key["Arn"]}, {"GrantId": grant["GrantId"]},
                           which | {"GrantToken": grant["GrantToken"]}):
            self.refused("ValidationException", re.compile("either the grant token"), "RetireGrant", **parameters)
        self.refused("InvalidGrantTokenException", re.compile("not valid"), "RetireGrant", GrantToken="AAAA")
        self.kms("RetireGrant", GrantToken=grant["GrantToken"])
        self.refused("NotFoundException", re.compile("not found"), "RetireGrant", GrantToken=grant["GrantToken"])
        self.refused("NotFoundException", re.compile("not found"), "RetireGrant", **which)

    def test_a_rehearsal_changes_nothing_and_refuses_as_the_act_would(self):
        key = self.new_key()
        grant = self.grant(key)
        which = {"KeyId": key["Arn"], "GrantId": grant["GrantId"], "DryRun": True}
        ask = {"KeyId": key["Arn"], "GranteePrincipal": APP, "Operations": ["Encrypt"], "DryRun": True}
        for operation, parameters in (("CreateGrant", ask), ("RetireGrant", which), ("RevokeGrant", which)):
            self.refused("DryRunOperationException",
                         "The request would have succeeded, but the DryRun option is set.", operation, **parameters)
            self.denied(operation, self.second, **parameters)
        self.assertEqual(len(self.grants(key)), 1)


class Tokens(GrantCase):
    def test_a_token_of_ours_is_taken_and_no_other(self):
        key = self.new_key()
        grant = self.grant(key)
        token = grant["GrantToken"]
        self.app("Encrypt", KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=[token])
        self.kms("DescribeKey", KeyId=key["KeyId"], GrantTokens=[token] * 10)
        forged = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
        for bad in (forged, token[:-4], "x", token + token):
            self.refused("InvalidGrantTokenException", re.compile("not valid"), "Encrypt", self.app, KeyId=key["KeyId"],
                         Plaintext=b"x", GrantTokens=[token, bad])
        self.kms("RevokeGrant", KeyId=key["KeyId"], GrantId=grant["GrantId"])
        self.denied("Encrypt", self.app, KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=[token])

    def test_a_token_of_another_grant_gives_nothing(self):
        key = self.new_key()
        token = self.grant(key)["GrantToken"]
        self.denied("Encrypt", self.second, KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=[token])

    def test_tokens_stay_out_of_the_log_and_ids_do_not(self):
        key = self.new_key()
        grant = self.grant(key, Name="logged", Constraints={"EncryptionContextSubset": {"a": "1"}})
        self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=[grant["GrantToken"]])
        self.kms("RetireGrant", GrantToken=grant["GrantToken"])
        created = self.service.audit("CreateGrant")[-1]
        self.assertEqual(created["responseElements"], {"grantId": grant["GrantId"]})
        self.assertEqual(created["requestParameters"], {
            "constraints": {"encryptionContextSubset": {"a": "1"}}, "granteePrincipal": APP, "keyId": key["Arn"],
            "name": "logged", "operations": ["Encrypt", "Decrypt"]})
        self.assertFalse(created["readOnly"])
        retired = self.service.audit("RetireGrant")[-1]
        self.assertEqual(retired["additionalEventData"]["grantId"], grant["GrantId"])
        self.assertEqual(retired["resources"][0]["ARN"], key["Arn"])
        self.assertNotIn(grant["GrantToken"], json.dumps(self.service.audit()))
        self.assertNotIn(grant["GrantToken"], self.service.log_text())


class Listing(GrantCase):
    def test_a_grant_is_listed_with_all_it_says(self):
        key = self.new_key()
        made = self.grant(key, Name="a:b/c_d-e", RetiringPrincipal=SECOND, operations=["Decrypt", "Encrypt"],
                          Constraints={"EncryptionContextEquals": {"b": "2", "a": ""}})
        listed = self.grants(key)
        created = listed[0].pop("CreationDate")
        self.assertEqual(created.year, created.now().year)
        self.assertEqual(listed, [{
            "KeyId": key["Arn"], "GrantId": made["GrantId"], "Name": "a:b/c_d-e", "GranteePrincipal": APP,
            "RetiringPrincipal": SECOND, "IssuingAccount": root(), "Operations": ["Decrypt", "Encrypt"],
            "Constraints": {"EncryptionContextEquals": {"a": "", "b": "2"}}}])
        self.assertRegex(made["GrantId"], "^[0-9a-f]{64}$")

    def test_pages_and_filters(self):
        key = self.new_key()
        made = [self.grant(key, SECOND if i % 3 else APP, ["Encrypt"])["GrantId"] for i in range(12)]
        pages, marker = [], {}
        while True:
            page = self.kms("ListGrants", KeyId=key["KeyId"], Limit=5, **marker)
            pages.append([grant["GrantId"] for grant in page["Grants"]])
            if not page["Truncated"]:
                break
            marker = {"Marker": page["NextMarker"]}
        self.assertEqual([len(page) for page in pages], [5, 5, 2])
        self.assertEqual(sum(pages, []), sorted(made))
        of_app = [grant["GrantId"] for grant in self.grants(key, GranteePrincipal=APP, Limit=3)]
        self.assertEqual(of_app, sorted(made[::3]))
        self.assertEqual([grant["GrantId"] for grant in self.grants(key, GrantId=made[4])], [made[4]])
        self.assertEqual(self.grants(key, GrantId=made[4], GranteePrincipal=APP), [])
        self.assertEqual(self.grants(key, GrantId="0" * 64), [])
        self.refused("InvalidGrantIdException", re.compile("GrantId"), "ListGrants", KeyId=key["KeyId"], GrantId="x")
        self.refused("InvalidMarkerException", re.compile("marker"), "ListGrants", KeyId=self.new_key()["KeyId"], **marker)
        self.refused("ValidationException", re.compile("less than or equal to 100"), "ListGrants", KeyId=key["KeyId"],
                     Limit=101)

    def test_what_a_principal_may_retire_is_listed_over_all_keys(self):
        keys = [self.new_key() for _ in range(2)]
        made = [self.grant(key, RetiringPrincipal=role("bounded"))["GrantId"] for key in keys for _ in range(2)]
        listed = self.kms.all("ListRetirableGrants", "Grants", RetiringPrincipal=role("bounded"), Limit=3)
        self.assertEqual([grant["GrantId"] for grant in listed], sorted(made))
        self.assertEqual({grant["KeyId"] for grant in listed}, {key["Arn"] for key in keys})
        self.assertEqual(self.kms("ListRetirableGrants", RetiringPrincipal=root())["Grants"], [])
        self.denied("ListRetirableGrants", self.other, RetiringPrincipal=role("bounded"))
        self.denied("ListRetirableGrants", self.app, RetiringPrincipal=APP)
        self.refused("InvalidArnException", re.compile("valid principal"), "ListRetirableGrants", RetiringPrincipal="x")

    def test_a_name_makes_creation_idempotent(self):
        key = self.new_key()
        ask = {"Name": "once", "RetiringPrincipal": SECOND, "Constraints": {"EncryptionContextSubset": {"a": "1", "b": "2"}}}
        first = self.grant(key, **ask)
        again = self.grant(key, operations=["Decrypt", "Encrypt"],
                           **(ask | {"Constraints": {"EncryptionContextSubset": {"b": "2", "a": "1"}}}))
        self.assertEqual(first["GrantId"], again["GrantId"])
        self.assertNotEqual(first["GrantToken"], again["GrantToken"])
        for change in ({"Name": "twice"}, {"RetiringPrincipal": APP}, {"Constraints": {}}, {"operations": ["Encrypt"]},
                       {"to": SECOND}):
            self.assertNotEqual(self.grant(key, **(ask | change))["GrantId"], first["GrantId"])
        self.assertNotEqual(self.grant(key)["GrantId"], self.grant(key)["GrantId"])
        self.kms("RetireGrant", GrantToken=again["GrantToken"])
        self.assertNotEqual(self.grant(key, **ask)["GrantId"], first["GrantId"])

    def test_grants_of_another_account_s_key(self):
        key = self.key_with(OPEN, statement(user("partner", OTHER)))
        made = self.grant(key, user("app", OTHER), by=self.partner)
        self.assertEqual(self.partner("ListGrants", KeyId=key["Arn"])["Grants"][0]["IssuingAccount"], root(OTHER))
        self.assertTrue(self.partner("RevokeGrant", KeyId=key["Arn"], GrantId=made["GrantId"]) is not None)
        self.denied("ListGrants", self.other, KeyId=key["Arn"])

    def test_the_aws_command_makes_lists_and_revokes(self):
        key = self.new_key()
        made = self.service.aws("create-grant", "--key-id", key["KeyId"], "--grantee-principal", APP, "--operations",
                                "Encrypt", "--constraints", "EncryptionContextSubset={a=1}")
        listed = self.service.aws("list-grants", "--key-id", key["KeyId"])["Grants"]
        self.assertEqual([grant["GrantId"] for grant in listed], [made["GrantId"]])
        self.service.aws("revoke-grant", "--key-id", key["KeyId"], "--grant-id", made["GrantId"])
        self.assertEqual(self.service.aws("list-grants", "--key-id", key["KeyId"])["Grants"], [])


class Lasting(GrantCase):
    def test_grants_and_tokens_outlive_a_kill_and_two_thousand_are_no_matter(self):
        key = self.new_key()
        made = self.grant(key, RetiringPrincipal=SECOND)
        for i in range(2000):
            self.grant(key, SECOND, ["Encrypt"], Constraints={"EncryptionContextSubset": {"app": "x", "id": str(i)}})
        self.service.kill()
        self.service.start()
        type(self).callers.clear()
        kms = self.caller()
        self.assertEqual(len(kms.all("ListGrants", "Grants", KeyId=key["KeyId"], Limit=100)), 2001)
        app, second = self.caller(("APPKEY", "APPSECRET")), self.caller(("SECONDKEY", "SECONDSECRET"))
        self.assertTrue(self.may(app, key))
        self.assertTrue(self.may(second, key, Plaintext=b"x", EncryptionContext={"app": "x", "id": "1999"}))
        self.assertFalse(self.may(second, key, Plaintext=b"x", EncryptionContext={"app": "x", "id": "2000"}))
        app("Encrypt", KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=[made["GrantToken"]])
        second("RetireGrant", GrantToken=made["GrantToken"])
        self.assertFalse(self.may(app, key))


if __name__ == "__main__":
    tap.main()
