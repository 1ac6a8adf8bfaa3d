"""Temporary credentials: peers with a role, credential_process, revocation, boundaries, last uses."""

import datetime
import json
import os
import shutil
import subprocess
import sys
import time
import unittest

import boto3
import botocore.config
import botocore.exceptions
import botocore.session

import p11kms_test
import tap
import wire
from p11kms_test import ACCOUNT, AWS, COMMAND, REGION, clean_environment, run
from real import IDENTITIES, RealService

ROLE = f"arn:aws:iam::{ACCOUNT}:role/services/worker"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker"

ROLES = IDENTITIES.replace("    users:", f"""
    roles:
      - name: worker
        path: /services/
        max-session: 2h
        trust:
          Version: 2012-10-17
          Statement:
            - Effect: Allow
              Principal: {{AWS: "arn:aws:iam::{ACCOUNT}:user/app"}}
              Action: ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        policies:
          - name: work
            document:
              Version: 2012-10-17
              Statement:
                - {{Effect: Allow, Action: ["kms:*", "p11kms:*"], Resource: "*"}}
        permissions-boundary:
          document:
            Version: 2012-10-17
            Statement:
              - {{Effect: Allow, Action: ["kms:ListKeys", "kms:ListAliases", "kms:GenerateRandom"], Resource: "*"}}
      - name: closed
        trust:
          Version: 2012-10-17
          Statement: {{Effect: Deny, Principal: "*", Action: "sts:AssumeRole"}}
        policies:
          - name: look
            document: {{Version: 2012-10-17, Statement: {{Effect: Allow, Action: "kms:ListKeys", Resource: "*"}}}}
    users:""") + """
  - unix: {uid: 65534}
    principal: arn:aws:iam::123456789012:role/closed
    session-name: nightly
  - certificate: {san: "DNS:worker.example"}
    principal: arn:aws:iam::123456789012:role/services/worker
"""


class SessionCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = RealService(identities=ROLES, client_ca=True)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()
        cls.app = cls.service.add_key("app")

    def client(self, name, credentials, token=None):
        return boto3.client(name, endpoint_url=self.service.url, region_name=REGION, verify=self.service.ca,
                            aws_access_key_id=credentials[0], aws_secret_access_key=credentials[1],
                            aws_session_token=token,
                            config=botocore.config.Config(retries={"total_max_attempts": 1}))

    def assume(self, session="s-1", **parameters):
        """Temporary credentials of the role worker, as STS gives them."""
        made = self.client("sts", self.app).assume_role(RoleArn=ROLE, RoleSessionName=session, **parameters)
        return made["Credentials"]

    def as_session(self, credentials, name="kms"):
        return self.client(name, (credentials["AccessKeyId"], credentials["SecretAccessKey"]),
                           credentials["SessionToken"])

    def fault(self, call, *args, **kwargs):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(*args, **kwargs)
        return caught.exception.response["Error"]["Code"], caught.exception.response["Error"]["Message"]

    def ours(self, operation, credentials=None, **parameters):
        """One of our own operations; over the socket, where the administrator asks, unless signed."""
        if credentials is None:
            return wire.ask_unix(self.service, operation, parameters, "p11kms")
        request = wire.request_for(self.service, operation, parameters, "p11kms")
        keys = (credentials["AccessKeyId"], credentials["SecretAccessKey"])
        return wire.send(self.service, wire.sign(request, keys, scope="p11kms", token=credentials["SessionToken"]))


class Sessions(SessionCase):
    def test_a_session_works_and_is_recorded_as_one(self):
        self.as_session(self.assume("recorded", SourceIdentity="alice")).list_keys()
        who = self.service.audit("ListKeys")[-1]["userIdentity"]
        self.assertEqual((who["type"], who["arn"]), ("AssumedRole", SESSION + "/recorded"))
        self.assertTrue(who["accessKeyId"].startswith("ASIA"))
        issuer = who["sessionContext"]["sessionIssuer"]
        self.assertEqual((issuer["type"], issuer["arn"], issuer["userName"]), ("Role", ROLE, "worker"))
        self.assertEqual(who["principalId"], issuer["principalId"] + ":recorded")
        self.assertEqual(who["sessionContext"]["attributes"]["mfaAuthenticated"], "false")
        self.assertEqual(who["sessionContext"]["sourceIdentity"], "alice")

    def test_a_boundary_limits_what_policies_give(self):
        session = self.as_session(self.assume())
        session.generate_random(NumberOfBytes=1)
        code, message = self.fault(session.create_key)
        self.assertEqual(code, "AccessDeniedException")
        self.assertIn("because no permissions boundary allows the kms:CreateKey action", message)

    def test_a_session_policy_narrows(self):
        policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}}
        session = self.as_session(self.assume(Policy=json.dumps(policy)))
        session.list_keys()
        code, message = self.fault(session.list_aliases)
        self.assertEqual(code, "AccessDeniedException")
        self.assertIn("because no session policy allows the kms:ListAliases action", message)

    def test_broken_tokens_are_refused(self):
        good = self.assume()
        other = self.assume()
        token = good["SessionToken"]
        flipped = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
        for broken in (token[:-4], token[:10], flipped, other["SessionToken"], "AQ==", "FwoGZXIvYXdzEBYaD"):
            code, message = self.fault(self.as_session(good | {"SessionToken": broken}).list_keys)
            self.assertEqual((code, message),
                             ("UnrecognizedClientException", "The security token included in the request is invalid."))
            record = self.service.audit("ListKeys")[-1]
            self.assertEqual((record["errorCode"], record["userIdentity"]["type"]), (code, "Unknown"))
        code, _ = self.fault(self.client("kms", (good["AccessKeyId"], good["SecretAccessKey"])).list_keys)
        self.assertEqual(code, "UnrecognizedClientException")
        code, _ = self.fault(self.as_session(good | {"SecretAccessKey": other["SecretAccessKey"]}).list_keys)
        self.assertEqual(code, "InvalidSignatureException")
        self.as_session(good).list_keys()

    def test_sessions_survive_a_restart_and_a_reload(self):
        session = self.as_session(self.assume())
        session.list_keys()
        self.service.reload()
        session.list_keys()
        self.service.restart()
        session.list_keys()

    def test_a_session_ends_with_its_role(self):
        session = self.as_session(self.assume())
        session.list_keys()
        self.service.identities.write_text(ROLES.replace("name: worker", "name: other").replace("services/worker", "services/other"),
                                           encoding="utf-8")
        self.service.reload()
        code, _ = self.fault(session.list_keys)
        self.assertEqual(code, "UnrecognizedClientException")
        self.service.identities.write_text(ROLES, encoding="utf-8")
        self.service.reload()
        session.list_keys()

    def test_presigned_requests_may_carry_a_token(self):
        good = self.assume()
        keys = botocore.credentials.Credentials(good["AccessKeyId"], good["SecretAccessKey"], good["SessionToken"])
        request = wire.request_for(self.service, "ListKeys", {})
        botocore.auth.SigV4QueryAuth(keys, "kms", REGION, expires=60).add_auth(request)
        self.assertEqual(wire.send(self.service, request).status, 200)

    def test_role_sessions_must_name_the_user_of_access_keys(self):
        answer = self.ours("ListAccessKeys", self.assume())
        self.assertEqual((answer.code, answer.message),
                         ("ValidationException", "Must specify userName when calling with non-User credentials"))

    def test_a_users_session_makes_no_access_keys(self):
        made = self.client("sts", self.app).get_session_token()["Credentials"]
        for operation in ("CreateAccessKey", "ListAccessKeys"):
            self.assertEqual(self.ours(operation, made).code, "AccessDeniedException")


class Revocation(SessionCase):
    def test_revoked_sessions_end_at_once_and_for_good(self):
        old = self.as_session(self.assume("old"))
        old.list_keys()
        said = self.service.p11kms("identity", "revoke-sessions", "worker").stdout
        self.assertRegex(said, f"^sessions of {ROLE} issued until .* are refused$")
        self.assertEqual(self.fault(old.list_keys)[0], "UnrecognizedClientException")
        new = self.as_session(self.assume("new"))
        new.list_keys()
        for again in (self.service.reload, self.service.restart):
            again()
            self.assertEqual(self.fault(old.list_keys)[0], "UnrecognizedClientException")
            new.list_keys()
        record = [record for record in self.service.audit("RevokeSessions") if "errorCode" not in record][-1]
        self.assertEqual((record["requestParameters"], record["resources"][0]["ARN"]), ({"roleName": "worker"}, ROLE))
        self.assertEqual(record["responseElements"]["roleArn"], ROLE)

    def test_only_who_may_revokes(self):
        session = self.assume()
        answer = self.ours("RevokeSessions", session, RoleName="worker")
        self.assertEqual(answer.code, "AccessDeniedException")  # its boundary
        self.as_session(session).list_keys()
        self.assertEqual(self.ours("RevokeSessions", RoleName="nobody").code, "NotFoundException")


class Peers(SessionCase):
    def as_nobody(self, *argv):
        if os.getuid() != 0:
            self.skipTest("only root can be another user")
        self.service.root.chmod(0o755)
        self.service.dir.chmod(0o755)
        env = clean_environment() | {"P11KMS_SOCKET": self.service.socket, "HOME": "/nonexistent"}
        program = shutil.copy(COMMAND, self.service.root)  # the build may lie where nobody else can go, as in /root
        return subprocess.run([program, *map(str, argv)], user=65534, group=65534, extra_groups=[], env=env,
                              capture_output=True, text=True, timeout=30, check=False)

    def test_a_uid_with_a_role_is_a_session_of_it(self):
        done = self.as_nobody("call", "--socket", self.service.socket, "kms", "ListKeys")
        self.assertEqual(done.returncode, 0, done.stderr)
        who = self.service.audit("ListKeys")[-1]
        self.assertEqual(who["userIdentity"]["arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/closed/nightly")
        self.assertEqual(who["additionalEventData"]["authentication"], "UnixPeer")
        done = self.as_nobody("call", "--socket", self.service.socket, "kms", "CreateKey")
        self.assertIn("assumed-role/closed/nightly is not authorized to perform: kms:CreateKey", done.stderr)

    def test_credentials_over_the_socket_are_its_sessions(self):
        done = self.as_nobody("credentials", "--duration", "900")
        self.assertEqual(done.returncode, 0, done.stderr)
        made = json.loads(done.stdout)
        self.assertEqual(sorted(made), ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"])
        left = datetime.datetime.fromisoformat(made["Expiration"].replace("Z", "+00:00")).timestamp() - time.time()
        self.assertTrue(880 < left <= 900, left)
        who = self.as_session(made, "sts").get_caller_identity()
        self.assertEqual(who["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/closed/nightly")
        record = self.service.audit("GetCredentials")[-1]
        self.assertEqual(record["responseElements"]["credentials"]["accessKeyId"], made["AccessKeyId"])
        self.assertNotIn(made["SecretAccessKey"], json.dumps(record))
        self.assertNotIn(made["SessionToken"], json.dumps(record))
        # and they make no others, so that they end
        answer = self.ours("GetCredentials", made)
        self.assertEqual((answer.code, answer.message),
                         ("AccessDeniedException", "Cannot call GetCredentials with session credentials"))
        done = self.as_nobody("credentials", "--duration", "7200")
        self.assertEqual(done.returncode, 1)
        self.assertIn("MaxSessionDuration", done.stderr)

    def test_credentials_by_certificate(self):
        certificate, key = self.service.authority.issue("worker.example", "DNS:worker.example")
        done = self.service.p11kms("credentials", "--url", self.service.url, "--cert", certificate, "--key", key)
        made = json.loads(done.stdout)
        who = self.as_session(made, "sts").get_caller_identity()
        self.assertEqual(who["Arn"], SESSION + "/worker.example")
        # GetCallerIdentity lets everyone; a decision lets the session what the role may
        self.as_session(made).list_keys()
        stranger, its_key = self.service.authority.issue("stranger", "DNS:stranger.example")
        done = self.service.p11kms("credentials", "--url", self.service.url, "--cert", stranger, "--key", its_key,
                                   check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("MissingAuthenticationTokenException", done.stderr)

    def test_a_user_gets_credentials_of_its_own(self):
        made = json.loads(self.service.p11kms("credentials").stdout)
        who = self.as_session(made, "sts").get_caller_identity()
        self.assertEqual(who["Arn"], f"arn:aws:iam::{ACCOUNT}:user/admin")
        self.as_session(made).create_key()

    def test_sdks_renew_by_credential_process(self):
        config = self.service.root / "aws-config"
        config.write_text(f"[default]\nregion = {REGION}\ncredential_process = {COMMAND} credentials --socket "
                          f"{self.service.socket}\n", encoding="utf-8")
        env = clean_environment() | {"AWS_CONFIG_FILE": str(config), "AWS_CA_BUNDLE": self.service.ca,
                                     "AWS_ENDPOINT_URL": self.service.url}
        before = len(self.service.audit("GetCredentials"))
        done = run(AWS, "--endpoint-url", self.service.url, "--output", "json", "sts", "get-caller-identity", env=env)
        self.assertEqual(json.loads(done.stdout)["Arn"], f"arn:aws:iam::{ACCOUNT}:user/admin")
        code = ("import boto3, os\n"
                "kms = boto3.client('kms', endpoint_url=os.environ['AWS_ENDPOINT_URL'])\n"
                "kms.list_keys()\n"
                "print(kms._request_signer._credentials.method)\n")
        done = run(sys.executable, "-c", code, env=env)
        self.assertEqual(done.stdout.strip(), "custom-process")
        self.assertEqual(len(self.service.audit("GetCredentials")), before + 2)

    def test_what_makes_no_sense_is_told(self):
        for words, says in ((("--duration", "soon"), "number of seconds"), (("--url", "https://x"), "go together"),
                            (("--url", self.service.url, "--cert", "/nonexistent"), "no certificate can be read")):
            done = self.service.p11kms("credentials", *words, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(says, done.stderr)


class LastUse(SessionCase):
    def listed(self, key_id):
        keys = self.ours("ListAccessKeys", UserName="app").json["AccessKeyMetadata"]
        return next(key for key in keys if key["AccessKeyId"] == key_id)

    def test_the_last_use_of_a_key_is_listed_and_lasts(self):
        key = self.service.add_key("app")
        self.assertNotIn("LastUsedDate", self.listed(key[0]))
        self.client("sts", key).get_caller_identity()
        used = self.listed(key[0])
        self.assertLess(abs(used["LastUsedDate"] - time.time()), 60)
        self.assertEqual((used["LastUsedService"], used["LastUsedRegion"]), ("sts", REGION))
        self.service.restart()
        after = self.listed(key[0])
        self.assertAlmostEqual(after["LastUsedDate"], used["LastUsedDate"], 2)
        self.assertEqual((after["LastUsedService"], after["LastUsedRegion"]), ("sts", REGION))
        line = next(line for line in self.service.p11kms("identity", "list-keys", "app").stdout.splitlines()
                    if line.startswith(key[0]))
        self.assertRegex(line, f"Active .* app  used 20.*Z for sts in {REGION}$")

    def test_a_refused_signature_is_no_use(self):
        key = self.service.add_key("app")
        self.assertEqual(self.fault(self.client("kms", (key[0], "wrong")).list_keys)[0], "InvalidSignatureException")
        self.assertNotIn("LastUsedDate", self.listed(key[0]))
        line = next(line for line in self.service.p11kms("identity", "list-keys", "app").stdout.splitlines()
                    if line.startswith(key[0]))
        self.assertTrue(line.endswith("app  never used"), line)


class Expiry(p11kms_test.ServiceCase):
    """On --dev, whose clock can be moved."""

    seed = p11kms_test.SEED.replace("    users:", f"""
    roles:
      - name: worker
        trust:
          Version: 2012-10-17
          Statement: {{Effect: Allow, Principal: {{AWS: "arn:aws:iam::{ACCOUNT}:user/app"}}, Action: "sts:AssumeRole"}}
        policies:
          - name: look
            document: {{Version: 2012-10-17, Statement: {{Effect: Allow, Action: "kms:ListKeys", Resource: "*"}}}}
    users:""")

    def test_an_expired_session_is_refused(self):
        sts = self.service.client("sts", p11kms_test.APP)
        made = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker", RoleSessionName="s-1",
                               DurationSeconds=900)["Credentials"]
        kms = boto3.client("kms", endpoint_url=self.service.url, region_name=REGION, verify=self.service.ca,
                           aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"],
                           aws_session_token=made["SessionToken"])
        kms.list_keys()
        self.addCleanup(wire.set_clock, self.service)
        wire.set_clock(self.service, seconds=895)
        kms.list_keys()
        wire.set_clock(self.service, seconds=901)
        message = self.assert_fault("ExpiredTokenException", kms.list_keys)
        self.assertEqual(message, "The security token included in the request is expired")
        record = self.service.audit("ListKeys")[-1]
        self.assertEqual((record["errorCode"], record["userIdentity"]["accessKeyId"]),
                         ("ExpiredTokenException", made["AccessKeyId"]))


if __name__ == "__main__":
    tap.main()
