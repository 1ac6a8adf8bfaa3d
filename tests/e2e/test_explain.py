"""p11kms policy: explain, who-can and lint, offline and against what a running service decides."""

import itertools
import json
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import botocore.exceptions

import tap
from p11kms_test import COMMAND, clean_environment, run
from real import RealService

ALLOWED, DENIED, ERROR, USAGE = 0, 1, 2, 64
ACCOUNT, OTHER = "111122223333", "444455556666"
ADMIN, APP, NOBODY = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("admin", "app", "nobody"))
PIPELINE = f"arn:aws:iam::{ACCOUNT}:role/ci/pipeline"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/ci.example"
PARTNER = f"arn:aws:iam::{OTHER}:user/partner"

CONF = """
listen: ["unix:DIR/socket"]
tokens:
  - name: prod
    uri: "pkcs11:token=prod"
    module: /usr/lib/softhsm/libsofthsm2.so
    pin-source: "file:DIR/pin"
store: store.db
audit: {dir: audit}
identities: identities.d
keys: keys.d
"""

IDENTITIES = """
accounts:
  - id: "111122223333"
    oidc-providers:
      - issuer: https://ci.example
        audiences: [sts.amazonaws.com]
        jwks: "file:/nowhere"
    users:
      - name: admin
        administrator: true
      - name: nobody
      - name: app
        groups: [backups]
        tags: {team: payments}
        permissions-boundary:
          name: keys-alone
          document:
            Version: 2012-10-17
            Statement: [{Effect: Allow, Action: "kms:*", Resource: "*"}]
        policies:
          - name: use-its-key
            document:
              Version: 2012-10-17
              Statement:
                - Sid: Use
                  Effect: Allow
                  Action: ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"]
                  Resource: "arn:aws:kms:*:111122223333:key/*"
                  Condition:
                    StringEquals: {"kms:EncryptionContext:app": payments}
                - Sid: See
                  Effect: Allow
                  Action: ["kms:ListKeys", "kms:DescribeKey"]
                  Resource: "*"
    groups:
      - name: backups
        policies:
          - name: keep
            document: |
              {"Version": "2012-10-17", "Statement":
                {"Sid": "Keep", "Effect": "Deny", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}}
    roles:
      - name: pipeline
        path: /ci/
        trust:
          Version: 2012-10-17
          Statement:
            - Effect: Allow
              Principal: {Federated: "arn:aws:iam::111122223333:oidc-provider/ci.example"}
              Action: "sts:AssumeRoleWithWebIdentity"
              Condition:
                StringEquals: {"ci.example:sub": "repo:app:main"}
        policies:
          - name: decrypt
            document:
              Version: 2012-10-17
              Statement:
                - Effect: Allow
                  Action: "kms:Decrypt"
                  Resource: "arn:aws:kms:*:111122223333:key/*"
                  Condition:
                    DateLessThan: {"aws:CurrentTime": "2030-01-01T00:00:00Z"}
                    "ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}
  - id: "444455556666"
    users:
      - name: partner
        policies:
          - name: theirs
            document:
              Version: 2012-10-17
              Statement: [{Effect: Allow, Action: "kms:*", Resource: "arn:aws:kms:*:111122223333:key/*"}]
"""

KEYS = """
keys:
  - alias: alias/app
    account: "111122223333"
    tags: {stage: test}
    policy:
      Version: 2012-10-17
      Statement:
        - Sid: users by their own policies
          Effect: Allow
          Principal: {AWS: "arn:aws:iam::111122223333:root"}
          Action: "kms:*"
          Resource: "*"
        - Sid: from our networks alone
          Effect: Deny
          Principal: "*"
          Action: "kms:*"
          Resource: "*"
          Condition:
            NotIpAddress: {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}
            "Null": {"aws:SourceIp": "false"}
        - Sid: partner
          Effect: Allow
          Principal: {AWS: "arn:aws:iam::444455556666:root"}
          Action: ["kms:Decrypt", "kms:PutKeyPolicy"]
          Resource: "*"
  - alias: alias/plain
    account: "111122223333"
"""


class Folder(unittest.TestCase):
    """A configuration and declarations; neither daemon nor store."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="p11kms-e2e-"))
        self.addCleanup(shutil.rmtree, self.dir)
        for folder in ("identities.d", "keys.d"):
            (self.dir / folder).mkdir()
        self.conf = self.write("p11kmsd.yaml", CONF.replace("DIR", str(self.dir)))
        self.identities = self.write("identities.d/users.yaml", IDENTITIES)
        self.keys = self.write("keys.d/keys.yaml", KEYS)

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text, encoding="utf-8")
        return path

    def tool(self, *words, status):
        done = run(COMMAND, "policy", *words, env=clean_environment() | {"P11KMS_CONFIG": str(self.conf)}, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def explain(self, principal, action, resource, *more, status):
        return self.tool("explain", "--principal", principal, "--action", action, "--resource", resource, *more,
                         status=status).stdout

    def explained(self, principal, action, resource, *more, status):
        answer = json.loads(self.explain(principal, action, resource, *more, "--json", status=status))
        self.assertEqual(answer["allowed"], status == ALLOWED)
        return answer

    def line_of(self, path, text):
        """The number of the line of a file that holds this text alone."""
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [number for number, line in enumerate(lines, 1) if text in line]
        self.assertEqual(len(found), 1, text)
        return found[0]

    def refused(self, sentence, *words):
        done = self.tool(*words, status=ERROR)
        self.assertIn(sentence, done.stderr)
        self.assertEqual(done.stdout, "")


class Explain(Folder):
    def test_a_denial_names_what_is_lacking_and_where_it_would_come_from(self):
        text = self.explain(APP, "kms:Decrypt", "alias/app", status=DENIED)
        use = self.line_of(self.identities, "Sid: Use")
        self.assertIn("DENIED: kms:Decrypt on arn:aws:kms:us-east-1:111122223333:key/", text)
        self.assertIn("(alias/app)\n", text)
        self.assertIn("since no policy of its own or of its groups allows it\n", text)
        self.assertIn('Statement[0] "Use" does not allow it (its condition does not hold)  '
                      f'{self.identities}:{use}:', text)
        self.assertIn('StringEquals kms:EncryptionContext:app "payments", and the request has none\n', text)
        self.assertIn('- the condition of Statement[0] "Use" of policy use-its-key of user app '
                      f'({self.identities}:{use}:', text)
        self.assertIn(f"- the key policy allowed kms:Decrypt to {APP}\n", text)

    def test_what_would_turn_it_does(self):
        self.explain(APP, "kms:Decrypt", "alias/app", "--context", "app=other", status=DENIED)
        text = self.explain(APP, "kms:Decrypt", "alias/app", "--context", "app=payments", status=ALLOWED)
        self.assertIn("ALLOWED: ", text)
        self.assertIn('since Statement[0] "Use" of policy use-its-key of user app', text)
        text = self.explain(APP, "kms:Decrypt", "alias/app", "--context", "app=payments",
                            "--source-ip", "198.51.100.7", status=DENIED)
        deny = self.line_of(self.keys, "Sid: from our networks alone")
        self.assertRegex(text, r'since Statement\[1\] "from our networks alone" of key policy of alias/app, yet to '
                               rf'be made \({re.escape(str(self.keys))}:{deny}:\d+\) denies it\n')
        self.explain(APP, "kms:Decrypt", "alias/app", "--context", "app=payments", "--source-ip", "203.0.113.7",
                     status=ALLOWED)
        self.keys.write_text(KEYS.replace('Action: "kms:*"\n          Resource: "*"\n        - Sid: from',
                                          'Action: "kms:Put*"\n          Resource: "*"\n        - Sid: from'),
                             encoding="utf-8")
        text = self.explain(APP, "kms:Decrypt", "alias/app", "--context", "app=payments", status=DENIED)
        self.assertIn("since the key policy does not allow it, nor leave it to the policies of its account\n", text)

    def test_every_document_says_what_it_said(self):
        answer = self.explained(APP, "kms:ScheduleKeyDeletion", "alias/app", "--source-ip", "10.1.1.1", status=DENIED)
        decision = answer["decisions"][0]
        self.assertEqual((decision["decision"], decision["basis"]), ("explicit-deny", "identity"))
        self.assertEqual([(found["kind"], found["policy"], found["says"]) for found in decision["consulted"]],
                         [("resource", "key policy of alias/app, yet to be made", "denies"),
                          ("identity", "policy use-its-key of user app", "nothing"),
                          ("identity", "policy keep of group backups", "denies"),
                          ("boundary", "permissions boundary keys-alone of user app", "allows")])
        key = decision["consulted"][0]["statements"]
        self.assertEqual([(s["index"], s.get("sid"), s["effect"], s["applies"], s["misses"]) for s in key],
                         [(0, "users by their own policies", "Allow", True, []),
                          (1, "from our networks alone", "Deny", True, []),
                          (2, "partner", "Allow", False, ["action", "principal"])])
        self.assertEqual(key[1]["conditions"][0],
                         {"operator": "NotIpAddress", "key": "aws:SourceIp", "has": ["10.1.1.1"], "holds": True,
                          "wants": ["203.0.113.0/24", "2001:db8::/32"]})
        self.assertEqual(key[2]["line"], self.line_of(self.keys, "Sid: partner"))
        turn = min(decision["turns"], key=len)
        self.assertEqual([change["change"] for change in turn],
                         ["statement-gone", "statement-gone", "identity-allows"])

    def test_documents_that_a_string_holds_are_placed_where_they_begin(self):
        answer = self.explained(APP, "kms:ScheduleKeyDeletion", "alias/app", status=DENIED)
        statement = answer["decisions"][0]["statement"]
        self.assertEqual((statement["policy"], statement["sid"]), ("policy keep of group backups", "Keep"))
        self.assertEqual(statement["line"], self.line_of(self.identities, "document: |"))

    def test_an_administrator_is_told_as_one(self):
        text = self.explain(ADMIN, "kms:EnableKey", "alias/plain", status=ALLOWED)
        line = self.line_of(self.identities, "name: admin")
        self.assertIn(f"since it is an administrator ({self.identities}:{line}:", text)
        self.assertIn(f"- {ADMIN} were no administrator\n", text)

    def test_a_role_asks_as_a_session_of_it(self):
        answer = self.explained(PIPELINE, "kms:Decrypt", "alias/app", status=ALLOWED)
        self.assertEqual(answer["principal"], f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/any")
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/build-7"
        answer = self.explained(session, "kms:Decrypt", "alias/app", status=ALLOWED)
        self.assertEqual(answer["principal"], session)
        self.explain(session, "kms:Encrypt", "alias/app", status=DENIED)

    def test_time_is_given(self):
        self.explain(PIPELINE, "kms:Decrypt", "alias/app", "--at", "2029-12-31T23:59:59Z", status=ALLOWED)
        text = self.explain(PIPELINE, "kms:Decrypt", "alias/app", "--at", "2030-01-01", status=DENIED)
        self.assertIn('DateLessThan aws:CurrentTime "2030-01-01T00:00:00Z", '
                      'and the request has "2030-01-01T00:00:00Z"', text)

    def test_condition_keys_are_given_one_value_or_several(self):
        self.explain(PIPELINE, "kms:Decrypt", "alias/app", "--set", "aws:TagKeys=a", "--set", "AWS:tagkeys=b",
                     status=ALLOWED)
        self.explain(PIPELINE, "kms:Decrypt", "alias/app", "--set", "aws:TagKeys=a", "--set", "aws:TagKeys=c",
                     status=DENIED)

    def test_a_web_identity_meets_a_trust_policy(self):
        about = (PROVIDER, "sts:AssumeRoleWithWebIdentity", PIPELINE)
        text = self.explain(*about, status=DENIED)
        self.assertIn("since the trust policy does not allow it\n", text)
        self.explain(*about, "--set", "ci.example:sub=repo:app:branch", status=DENIED)
        text = self.explain(*about, "--set", "ci.example:sub=repo:app:main", status=ALLOWED)
        self.assertIn("Statement[0] of trust policy of role pipeline (", text)
        self.explain(APP, "sts:AssumeRole", PIPELINE, status=DENIED)

    def test_an_alias_operation_asks_for_the_alias_and_for_its_key(self):
        answer = self.explained(ADMIN, "kms:DeleteAlias", "alias/app", status=ALLOWED)
        self.assertEqual([decision["resource"].split(":", 5)[5][:6] for decision in answer["decisions"]],
                         ["alias/", "key/00"])
        answer = self.explained(ADMIN, "kms:CreateAlias", "alias/new", status=ALLOWED)
        self.assertEqual(len(answer["decisions"]), 1)
        self.explain(PARTNER, "kms:DeleteAlias", "arn:aws:kms:us-east-1:111122223333:alias/app", status=DENIED)

    def test_across_accounts_both_sides_and_the_operation_must_allow(self):
        key = self.explained(ADMIN, "kms:Decrypt", "alias/app", status=ALLOWED)["decisions"][0]["resource"]
        self.explain(PARTNER, "kms:Decrypt", key, status=ALLOWED)
        self.explain(PARTNER, "kms:Encrypt", key, status=DENIED)
        text = self.explain(PARTNER, "kms:PutKeyPolicy", key, status=DENIED)
        self.assertIn("because it belongs to another account\n", text)

    def test_names_are_found_in_any_case_and_told_as_they_are(self):
        answer = self.explained(APP, "KMS:listkeys", "*", status=ALLOWED)
        self.assertEqual(answer["action"], "kms:ListKeys")

    def test_what_is_unknown_is_an_error_with_the_nearest_name(self):
        ask = ("explain", "--principal", APP, "--action")
        self.refused("there is no action 'kms:Decyrpt'; did you mean kms:Decrypt?", *ask, "kms:Decyrpt")
        self.refused("there is no action 's3:GetObject'\n", *ask, "s3:GetObject")
        self.refused("no request carries the key 'aws:SourceIP4'; did you mean aws:SourceIp?", *ask, "kms:ListKeys",
                     "--set", "aws:SourceIP4=1")
        self.refused("did you mean aws:PrincipalTag/team?", *ask, "kms:ListKeys", "--set", "aws:PrincipleTag/team=x")
        self.refused("--context takes NAME=VALUE, not 'app'", *ask, "kms:ListKeys", "--context", "app")
        self.refused("--at takes a time", *ask, "kms:ListKeys", "--at", "tomorrow")
        self.refused("--source-ip takes an address", *ask, "kms:ListKeys", "--source-ip", "10.0.0.0/8")
        self.refused("user/ap is not declared", "explain", "--principal", APP[:-1], "--action", "kms:ListKeys")
        self.refused("alias/ap is not found", *ask, "kms:Decrypt", "--resource", "alias/ap")
        self.refused("Invalid keyId 'x'", *ask, "kms:Decrypt", "--resource", "x")
        self.refused("kms:Decrypt is about KMS keys: --resource says which", *ask, "kms:Decrypt")
        self.refused("""kms:ListKeys is about no single resource ("*"), not 'alias/app'""", *ask, "kms:ListKeys",
                     "--resource", "alias/app")
        self.refused("sts:AssumeRole is about roles", *ask, "sts:AssumeRole", "--resource", "alias/app")
        self.refused("needs --principal ARN and --action ACTION", "explain", "--action", "kms:ListKeys")
        self.tool("explain", "--frobnicate", status=USAGE)

    def test_a_broken_configuration_is_an_error_with_its_place(self):
        self.identities.write_text(IDENTITIES.replace("Action: \"kms:Decrypt\"", "Action: \"kms\""), encoding="utf-8")
        self.refused(f"{self.identities}:", "explain", "--principal", APP, "--action", "kms:ListKeys")


class WhoCan(Folder):
    def who(self, *words, status):
        return json.loads(self.tool("who-can", *words, "--json", status=status).stdout)

    def test_users_and_roles_are_listed_with_why(self):
        done = self.tool("who-can", "kms:Decrypt", "--resource", "alias/app", "--context", "app=payments",
                         status=ALLOWED)
        lines = [re.sub(r" \(/\S+\)", "", line) for line in done.stdout.splitlines()]
        self.assertRegex(lines.pop(0), rf"^kms:Decrypt on arn:aws:kms:us-east-1:{ACCOUNT}:key/\S+ \(alias/app\)$")
        self.assertEqual(lines, [
            "  allowed",
            f"    {ADMIN}", "        it is an administrator",
            f"    {APP}", '        Statement[0] "Use" of policy use-its-key of user app allows it',
            f"    {PIPELINE}", "        Statement[0] of policy decrypt of role pipeline allows it",
            f"    {PARTNER}",
            '        Statement[2] "partner" of key policy of alias/app, yet to be made allows it'])

    def test_those_whom_the_request_keeps_from_it_are_listed_apart(self):
        found = self.who("kms:Encrypt", "--resource", "alias/app", status=ALLOWED)
        self.assertEqual([row["principal"] for row in found["allowed"]], [ADMIN])
        self.assertEqual([row["principal"] for row in found["allowedIf"]], [APP])
        self.assertIn('StringEquals kms:EncryptionContext:app "payments"', found["allowedIf"][0]["conditions"][0])
        found = self.who("kms:Encrypt", "--resource", "alias/app", "--source-ip", "10.0.0.1", status=DENIED)
        self.assertEqual(found["allowed"], [])
        self.assertEqual([row["principal"] for row in found["allowedIf"]], [ADMIN, APP])

    def test_nobody_is_an_answer(self):
        self.identities.write_text(IDENTITIES.replace("administrator: true", "administrator: false"), encoding="utf-8")
        done = self.tool("who-can", "kms:CreateKey", status=DENIED)
        self.assertEqual(done.stdout, "kms:CreateKey on *\n  nobody\n")

    def test_an_alias_of_several_accounts_must_be_told_apart(self):
        self.keys.write_text(KEYS + '  - {alias: alias/app, account: "444455556666"}\n', encoding="utf-8")
        self.refused("several accounts have alias/app: give its ARN", "who-can", "kms:Decrypt", "--resource",
                     "alias/app")
        found = self.who("kms:Decrypt", "--resource", f"arn:aws:kms:us-east-1:{OTHER}:alias/app", status=DENIED)
        self.assertEqual(found["allowed"], [])

    def test_what_is_unknown_is_an_error(self):
        self.refused("did you mean kms:Encrypt?", "who-can", "kms:Encypt")
        self.refused("there is no key alias/x", "who-can", "kms:Encrypt", "--resource", "alias/x")
        self.tool("who-can", status=USAGE)


class Lint(Folder):
    def lint(self, *files, status=DENIED):
        return self.tool("lint", *map(str, files), status=status).stdout

    def rules(self, *files, status=DENIED):
        found = json.loads(self.tool("lint", *map(str, files), "--json", status=status).stdout)["findings"]
        return [(finding["rule"], finding["path"]) for finding in found]

    def test_what_reaches_not_too_far_is_clean(self):
        self.identities.write_text(IDENTITIES.replace('Action: ["kms:ListKeys", "kms:DescribeKey"]',
                                                      'Action: ["kms:ListKeys"]'), encoding="utf-8")
        self.assertEqual(self.lint(status=ALLOWED), "")

    def test_a_finding_has_its_place_document_part_and_rule(self):
        line = self.line_of(self.identities, 'Action: ["kms:ListKeys", "kms:DescribeKey"]') + 1
        self.assertEqual(self.lint(), f"{self.identities}:{line}:29: policy use-its-key of user app: "
                                      'Statement[1].Resource: any-resource: "*" takes in all KMS keys: name those that '
                                      'are meant\n')

    def test_keys_and_roles_are_looked_at_too(self):
        self.identities.write_text(IDENTITIES.replace("ci.example:sub", "ci.exampl:sub"), encoding="utf-8")
        self.keys.write_text(KEYS.replace("111122223333:root", "111122223333:user/ap"), encoding="utf-8")
        self.assertEqual(self.rules(), [("any-resource", "Statement[1].Resource"),
                                        ("unknown-key", "Statement[0].Condition.StringEquals.ci.exampl:sub"),
                                        ("unknown-principal", "Statement[0].Principal"), ("lock-out", "")])

    def test_a_file_of_one_policy_is_looked_at_by_its_kind(self):
        policy = self.write("policy.json", json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["kms:Decyrpt", "kms:ListKeys"],
             "Resource": "arn:aws:kms:*:1:key/${aws:usernam}",
             "Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}]}, indent=2))
        found = self.lint(policy)
        self.assertEqual([line.removeprefix(f"{policy}:") for line in found.splitlines()], [
            "7:9: policy: Statement[0].Action[0]: unknown-action: there is no action kms:Decyrpt; did you mean "
            "kms:Decrypt?",
            '8:9: policy: Statement[0].Action[1]: never-applies: kms:ListKeys is about no single resource ("*"): no '
            "Resource of this statement takes that in",
            "13:30: policy: Statement[0].Condition.DateLessThan.aws:CurrentTime: date-past: the date is past: this "
            "condition never holds again",
            "10:19: policy: Statement[0].Resource: unknown-variable: no request here carries ${aws:usernam}, so this "
            "matches nothing; did you mean aws:username?"])

    def test_the_kind_of_a_file_is_guessed_or_given(self):
        key = self.write("key.yaml", """
Statement:
  - {Effect: Allow, Principal: "*", Action: "kms:*", Resource: "*"}
  - {Effect: Allow, Principal: {AWS: "arn:aws:iam::1:user/x"}, Action: "kms:Decrypt", Resource: "*"}
""".replace("::1:", f"::{ACCOUNT}:"))
        self.assertEqual(self.rules(key), [("everything-to-everyone", "Statement[0].Principal"),
                                           ("unreachable", "Statement[1]")])
        trust = self.write("trust.yaml", """
Statement: {Effect: Allow, Principal: {AWS: "*"}, Action: "sts:AssumeRole"}
""")
        self.assertEqual(self.rules(trust), [("everyone", "Statement[0].Principal")])
        wide = self.write("wide.yaml", 'Statement: {Effect: Allow, Action: "kms:*", Resource: "*"}\n')
        self.assertEqual(self.rules(wide), [("any-resource", "Statement[0].Resource")])
        self.assertEqual(self.rules("--kind", "boundary", wide, status=ALLOWED), [])
        self.assertEqual(self.rules("--kind", "key", wide), [("malformed", "")])
        self.refused("--kind takes identity", "lint", "--kind", "x", str(wide))

    def test_files_of_declarations_need_no_configuration(self):
        self.conf.unlink()
        self.assertEqual(self.rules(self.identities, self.keys), [("any-resource", "Statement[1].Resource")])

    def test_a_malformed_document_is_a_finding_at_its_place(self):
        broken = self.write("broken.yaml", 'Statement:\n  - {Effect: Allow, Action: kms, Resource: "*"}\n')
        self.assertTrue(self.lint(broken).startswith(f"{broken}:2:29: policy: malformed: Statement[0].Action: "))

    def test_what_cannot_be_read_is_an_error(self):
        self.refused("nowhere.json", "lint", str(self.dir / "nowhere.json"))
        self.refused("unclosed", "lint", str(self.write("unclosed.json", '{"a": ["unclosed"')))


class AgainstTheService(unittest.TestCase):
    """What explain says offline is what the service does."""

    identities = """
accounts:
  - id: "123456789012"
    users:
      - name: admin
        administrator: true
      - name: app
        tags: {team: red}
        policies:
          - name: some
            document:
              Version: 2012-10-17
              Statement:
                - {Effect: Allow, Action: ["kms:Encrypt", "kms:ListKeys", "kms:DescribeKey"], Resource: "*"}
                - Effect: Deny
                  Action: "kms:Encrypt"
                  Resource: "*"
                  Condition: {StringEquals: {"kms:EncryptionContext:app": "forbidden"}}
                - Effect: Allow
                  Action: "kms:GenerateDataKey"
                  Resource: "*"
                  Condition: {StringEquals: {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
  - id: "444455556666"
    users: [{name: partner}]
peers:
  - unix: {uid: UID}
    principal: arn:aws:iam::123456789012:user/admin
"""

    keys = """
keys:
  - alias: alias/red
    account: "123456789012"
    tags: {team: red}
  - alias: alias/blue
    account: "123456789012"
    tags: {team: blue}
    policy:
      Version: 2012-10-17
      Statement:
        - {Effect: Allow, Principal: {AWS: "arn:aws:iam::123456789012:root"}, Action: "kms:*", Resource: "*"}
        - Effect: Deny
          Principal: {AWS: "arn:aws:iam::123456789012:user/app"}
          Action: "kms:DescribeKey"
          Resource: "*"
          Condition: {StringLike: {"kms:RequestAlias": "alias/*"}}
"""

    @classmethod
    def setUpClass(cls):
        cls.service = RealService(identities=cls.identities.replace("UID", str(os.getuid())), keys=cls.keys)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()
        cls.clients = {name: cls.service.kms(cls.service.add_key(name)) for name in ("admin", "app")}
        # A policy that no file has.
        cls.loose = cls.clients["admin"].create_key()["KeyMetadata"]["KeyId"]
        policy = {"Version": "2012-10-17", "Statement": [
            {"Sid": "all of it", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
             "Principal": {"AWS": "arn:aws:iam::123456789012:user/admin"}},
            {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:ListKeys"], "Resource": "*",
             "Principal": {"AWS": "arn:aws:iam::123456789012:user/app"}}]}
        cls.clients["admin"].put_key_policy(KeyId=cls.loose, PolicyName="default", Policy=json.dumps(policy))

    def served(self, user, action, resource, context):
        client = self.clients[user]
        calls = {"kms:Encrypt": lambda: client.encrypt(KeyId=resource, Plaintext=b"x", EncryptionContext=context),
                 "kms:GenerateDataKey": lambda: client.generate_data_key(KeyId=resource, KeySpec="AES_256",
                                                                         EncryptionContext=context),
                 "kms:DescribeKey": lambda: client.describe_key(KeyId=resource),
                 "kms:ListKeys": client.list_keys}
        try:
            calls[action]()
        except botocore.exceptions.ClientError as error:
            self.assertEqual(error.response["Error"]["Code"], "AccessDeniedException")
            return DENIED
        return ALLOWED

    def explain(self, user, action, resource, *words):
        return self.service.p11kms("policy", "explain", "--principal", f"arn:aws:iam::123456789012:user/{user}",
                                   "--action", action, "--resource", resource, *words, check=False)

    def told(self, user, action, resource, context):
        words = [word for name, value in context.items() for word in ("--context", f"{name}={value}")]
        done = self.explain(user, action, resource, "--source-ip", "127.0.0.1", *words)
        return done.returncode

    def test_every_answer_is_the_service_s(self):
        cases = [(user, action, resource, context)
                 for user, action, resource, context in itertools.product(
                     ("admin", "app"), ("kms:Encrypt", "kms:GenerateDataKey"),
                     ("alias/red", "alias/blue", self.loose), ({}, {"app": "x"}, {"app": "forbidden"}))]
        cases += [(user, "kms:DescribeKey", resource, {}) for user in ("admin", "app")
                  for resource in ("alias/red", "alias/blue", self.loose)]
        cases += [(user, "kms:ListKeys", "*", {}) for user in ("admin", "app")]
        answers = {ALLOWED: 0, DENIED: 0}
        for case in cases:
            with self.subTest(case):
                said = self.told(*case)
                self.assertEqual(said, self.served(*case))
                answers[said] += 1
        self.assertGreaterEqual(min(answers.values()), 10, answers)

    def test_a_grant_that_allows_is_told(self):
        key = self.clients["admin"].create_key()["KeyMetadata"]
        grant = self.clients["admin"].create_grant(
            KeyId=key["KeyId"], Operations=["GenerateDataKey"], GranteePrincipal="arn:aws:iam::123456789012:user/app",
            Constraints={"EncryptionContextSubset": {"job": "nightly"}})["GrantId"]
        for context in ({}, {"job": "nightly"}):
            case = ("app", "kms:GenerateDataKey", key["KeyId"], context)
            self.assertEqual(self.told(*case), self.served(*case))
        done = self.explain("app", "kms:GenerateDataKey", key["KeyId"], "--context", "job=nightly")
        self.assertEqual(done.returncode, ALLOWED)
        self.assertIn(f"since the grant {grant} allows it\n", done.stdout)
        self.assertIn(f"- the grant {grant} were revoked, and no other allowed it\n", done.stdout)
        told = json.loads(self.explain("app", "kms:GenerateDataKey", key["KeyId"], "--context", "job=nightly",
                                       "--json").stdout)
        self.assertEqual([(one["basis"], one["grant"]) for one in told["decisions"]], [("grant", grant)])

    def test_who_retires_a_grant_is_told_by_the_grants_of_the_key(self):
        app = "arn:aws:iam::123456789012:user/app"
        statements = [{"Effect": "Allow", "Principal": {"AWS": [app, "arn:aws:iam::123456789012:user/admin"]},
                       "Action": "kms:*", "Resource": "*"}]
        key = self.clients["admin"].create_key(
            Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))["KeyMetadata"]["KeyId"]
        self.assertEqual(self.explain("app", "kms:RetireGrant", key).returncode, DENIED)  # whatever the key policy allows
        make = {"KeyId": key, "Operations": ["Encrypt"], "GranteePrincipal": "arn:aws:iam::123456789012:user/admin"}
        self.clients["admin"].create_grant(**make)
        self.assertEqual(self.explain("app", "kms:RetireGrant", key).returncode, DENIED)
        grant = self.clients["admin"].create_grant(RetiringPrincipal=app, **make)["GrantId"]
        done = self.explain("app", "kms:RetireGrant", key)
        self.assertEqual(done.returncode, ALLOWED, done.stdout)
        self.assertIn(f"since the grant {grant} allows it\n", done.stdout)
        statements.append({"Effect": "Deny", "Principal": {"AWS": app}, "Action": "kms:RetireGrant", "Resource": "*"})
        self.clients["admin"].put_key_policy(
            KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        self.assertEqual(self.explain("app", "kms:RetireGrant", key).returncode, DENIED)

    def test_a_retiring_principal_of_another_account_needs_no_allow_of_its_own(self):
        key = self.clients["admin"].create_key()["KeyMetadata"]["Arn"]
        retires = ("policy", "explain", "--principal", PARTNER, "--action", "kms:RetireGrant", "--resource", key)
        self.assertEqual(self.service.p11kms(*retires, check=False).returncode, DENIED)
        grant = self.clients["admin"].create_grant(
            KeyId=key, Operations=["Encrypt"], GranteePrincipal="arn:aws:iam::123456789012:user/app",
            RetiringPrincipal=PARTNER)["GrantId"]
        done = self.service.p11kms(*retires, check=False)
        self.assertEqual(done.returncode, ALLOWED, done.stdout)
        self.assertIn(f"since the grant {grant} allows it\n", done.stdout)

    def test_a_policy_of_the_store_is_told_by_the_id_of_its_key(self):
        done = self.explain("admin", "kms:EnableKey", self.loose)
        self.assertIn(f'since Statement[0] "all of it" of key policy of key {self.loose} allows it\n', done.stdout)
        found = json.loads(self.service.p11kms("policy", "lint", "--json", check=False).stdout)["findings"]
        self.assertEqual([(finding["rule"], finding["path"], "file" in finding) for finding in found
                          if finding["document"] == f"key policy of key {self.loose}"],
                         [("never-applies", "Statement[1].Action[1]", False)])


if __name__ == "__main__":
    tap.main()
