"""Sessions: roles assumed with keys and with web identities, by boto3 and the aws command; each refusal, each in the log."""

import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request

import p11kms_test
import tap
from issuer import Issuer
from p11kms_test import ACCOUNT, ServiceCase, run, wait_until

APP = ("APPKEY", "APPSECRET")
OTHER = ("OTHERKEY", "OTHERSECRET")
MALLORY = ("MALLORYKEY", "MALLORYSECRET")

SEED = """
accounts:
  - id: "123456789012"
    users:
      - name: admin
        administrator: true
        access-keys: [{{id: FOOBARKEY, secret: FOOBARSECRET}}]
      - name: app
        access-keys: [{{id: APPKEY, secret: APPSECRET}}]
      - name: mallory
        access-keys: [{{id: MALLORYKEY, secret: MALLORYSECRET}}]
        policies:
          - name: deny-even-this
            document: {{Version: 2012-10-17, Statement: [{{Effect: Deny, Action: "sts:*", Resource: "*"}}]}}
    oidc-providers:
      - issuer: https://ci.example
        jwks: file:{folder}/jwks.json
        audiences: [p11kms]
        refresh: 1m
      - issuer: https://localhost:{port}
        ca: {folder}/web.crt
        audiences: [p11kms]
        refresh: 1h
    roles:
      - name: crypter
        trust:
          Version: 2012-10-17
          Statement:
            - Effect: Allow
              Principal: {{AWS: "arn:aws:iam::123456789012:user/app"}}
              Action: [sts:AssumeRole, sts:TagSession]
        policies: &crypt []
        max-session: 2h
      - name: outside
        trust:
          Version: 2012-10-17
          Statement:
            - Effect: Allow
              Principal: {{AWS: "999988887777"}}
              Action: sts:AssumeRole
              Condition: {{StringEquals: {{"sts:ExternalId": "xyz-123"}}}}
      - name: chained
        trust:
          Version: 2012-10-17
          Statement:
            - Effect: Allow
              Principal: {{AWS: "arn:aws:iam::123456789012:role/crypter"}}
              Action: sts:AssumeRole
      - name: ci
        trust:
          Version: 2012-10-17
          Statement:
            - Effect: Allow
              Principal: {{Federated: "arn:aws:iam::123456789012:oidc-provider/ci.example"}}
              Action: sts:AssumeRoleWithWebIdentity
              Condition:
                StringEquals: {{"ci.example:aud": p11kms}}
                StringLike: {{"ci.example:sub": "repo:acme/*", "ci.example:ref": "refs/heads/main"}}
      - name: web
        trust:
          Version: 2012-10-17
          Statement:
            - Effect: Allow
              Principal: {{Federated: "arn:aws:iam::123456789012:oidc-provider/localhost:{port}"}}
              Action: sts:AssumeRoleWithWebIdentity
  - id: "999988887777"
    users:
      - name: other
        access-keys: [{{id: OTHERKEY, secret: OTHERSECRET}}]
        policies:
          - name: assume
            document: {{Version: 2012-10-17, Statement: [{{Effect: Allow, Action: "sts:AssumeRole", Resource: "*"}}]}}
keys:
  - alias: alias/app
    account: "123456789012"
    policy:
      Version: 2012-10-17
      Statement:
        - {{Effect: Allow, Principal: {{AWS: "arn:aws:iam::123456789012:root"}}, Action: "kms:*", Resource: "*"}}
        - Effect: Allow
          Principal: {{AWS: ["arn:aws:iam::123456789012:role/crypter", "arn:aws:iam::123456789012:role/ci"]}}
          Action: ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"]
          Resource: "*"
""".replace("&crypt []", "[]")


def role(name, account=ACCOUNT):
    return f"arn:aws:iam::{account}:role/{name}"


def keys_of(answer):
    c = answer["Credentials"]
    return c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"]


class Web(http.server.BaseHTTPRequestHandler):
    """An issuer's own web site: its configuration and its keys, which a test can change."""

    issuer = None

    def do_GET(self):
        url = f"https://localhost:{self.server.server_address[1]}"
        pages = {"/.well-known/openid-configuration": json.dumps({"issuer": url, "jwks_uri": url + "/keys"}),
                 "/keys": Web.issuer.jwks() if Web.issuer else None}
        page = pages.get(self.path)
        body = (page or "{}").encode()
        self.send_response(200 if page else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class StsCase(ServiceCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="p11kms-sts-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.issuer = Issuer(cls.folder, "https://ci.example")
        (cls.folder / "jwks.json").write_text(cls.issuer.jwks(), encoding="utf-8")
        cls.start_web()
        cls.seed = SEED.format(folder=cls.folder, port=cls.web.server_address[1])
        super().setUpClass()

    @classmethod
    def start_web(cls):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", str(cls.folder / "web.key"), "-out", str(cls.folder / "web.crt")],
                       check=True, capture_output=True)
        cls.web = http.server.ThreadingHTTPServer(("localhost", 0), Web)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cls.folder / "web.crt", cls.folder / "web.key")
        cls.web.socket = context.wrap_socket(cls.web.socket, server_side=True)
        threading.Thread(target=cls.web.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.web.server_close)
        cls.addClassCleanup(cls.web.shutdown)
        Web.issuer = Issuer(cls.folder, f"https://localhost:{cls.web.server_address[1]}", kid="w1")

    def sts(self, credentials=p11kms_test.ADMIN):
        return self.session_client("sts", credentials)

    def session_client(self, service, credentials):
        client = self.service.client(service, credentials[:2], parameter_validation=False)
        if len(credentials) == 3:
            client._request_signer._credentials.token = credentials[2]
        return client

    def assume(self, name="crypter", credentials=APP, session="s1", **more):
        return self.sts(credentials).assume_role(RoleArn=role(name), RoleSessionName=session, **more)

    def with_token(self, token, name="ci", session="ci-1", **more):
        return self.sts().assume_role_with_web_identity(RoleArn=role(name), RoleSessionName=session,
                                                        WebIdentityToken=token, **more)


class RolesTest(StsCase):
    def test_a_caller_learns_who_it_is(self):
        said = self.sts(APP).get_caller_identity()
        self.assertEqual((said["Account"], said["Arn"]), (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/app"))

    def test_whom_policy_denies_everything_still_learns_who_it_is(self):
        self.assertEqual(self.sts(MALLORY).get_caller_identity()["Arn"], f"arn:aws:iam::{ACCOUNT}:user/mallory")

    def test_a_role_its_trust_policy_gives_can_be_used(self):
        answer = self.assume()
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/crypter/s1"
        self.assertEqual(answer["AssumedRoleUser"]["Arn"], arn)
        self.assertEqual(self.sts(keys_of(answer)).get_caller_identity()["Arn"], arn)
        blob = self.session_client("kms", keys_of(answer)).encrypt(KeyId="alias/app", Plaintext=b"x")["CiphertextBlob"]
        self.assertEqual(self.session_client("kms", keys_of(answer)).decrypt(CiphertextBlob=blob)["Plaintext"], b"x")

    def test_the_aws_command_assumes_and_uses_a_role(self):
        env = self.service.environment(APP)
        done = run(p11kms_test.AWS, "--endpoint-url", self.service.url, "--output", "json", "sts", "assume-role",
                   "--role-arn", role("crypter"), "--role-session-name", "cli", env=env)
        got = json.loads(done.stdout)["Credentials"]
        env |= {"AWS_ACCESS_KEY_ID": got["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
                "AWS_SESSION_TOKEN": got["SessionToken"]}
        run(p11kms_test.AWS, "--endpoint-url", self.service.url, "kms", "describe-key", "--key-id", "alias/app", env=env)

    def test_a_role_that_does_not_trust_one_and_one_that_is_not_there_look_alike(self):
        for name in ("ci", "none"):
            message = self.assert_fault("AccessDenied", self.assume, name)
            self.assertEqual(message, f"User: arn:aws:iam::{ACCOUNT}:user/app is not authorized to perform: "
                             f"sts:AssumeRole on resource: {role(name)}")

    def test_an_explicit_deny_of_the_caller_wins(self):
        self.assert_fault("AccessDenied", self.assume, credentials=MALLORY)

    def test_another_account_needs_its_external_id(self):
        ok = self.assume("outside", OTHER, ExternalId="xyz-123")
        self.assertIn(":assumed-role/outside/", ok["AssumedRoleUser"]["Arn"])
        self.assert_fault("AccessDenied", self.assume, "outside", OTHER)
        self.assert_fault("AccessDenied", self.assume, "outside", OTHER, ExternalId="xyz-124")

    def test_a_session_policy_only_narrows(self):
        policy = {"Version": "2012-10-17",
                  "Statement": [{"Effect": "Allow", "Action": ["kms:DescribeKey", "kms:ListKeys"], "Resource": "*"}]}
        kms = self.session_client("kms", keys_of(self.assume(Policy=json.dumps(policy))))
        kms.describe_key(KeyId="alias/app")
        self.assert_fault("AccessDeniedException", kms.encrypt, KeyId="alias/app", Plaintext=b"x")
        self.assert_fault("AccessDeniedException", kms.list_keys)  # the role itself may not

    def test_a_malformed_session_policy_is_refused(self):
        self.assert_fault("MalformedPolicyDocument", self.assume, Policy='{"Statement": 1}')

    def test_durations_have_their_bounds(self):
        answer = self.assume(DurationSeconds=7200)
        left = answer["Credentials"]["Expiration"].timestamp() - time.time()
        self.assertTrue(7100 < left <= 7200, left)
        message = self.assert_fault("ValidationError", self.assume, DurationSeconds=7201)
        self.assertIn("exceeds the MaxSessionDuration set for this role", message)
        self.assert_fault("ValidationError", self.assume, DurationSeconds=899)

    def test_a_chained_session_lasts_an_hour_at_most(self):
        first = keys_of(self.assume(DurationSeconds=7200))
        second = self.assume("chained", first)
        self.assertIn("assumed-role/chained/s1", self.sts(keys_of(second)).get_caller_identity()["Arn"])
        self.assert_fault("ValidationError", self.assume, "chained", first, DurationSeconds=3601)

    def test_tags_passed_on_need_permission_to_tag_as_others_do(self):
        tagged = keys_of(self.assume(Tags=[{"Key": "team", "Value": "x"}], TransitiveTagKeys=["team"]))
        self.assert_fault("AccessDenied", self.assume, "chained", tagged)
        self.assume("chained", keys_of(self.assume(Tags=[{"Key": "team", "Value": "x"}])))

    def test_session_names_are_checked(self):
        for name in ("x", "a b", "a/b", "n" * 65):
            self.assert_fault("ValidationError", self.assume, session=name)

    def test_tags_that_are_reserved_or_twice_are_refused(self):
        self.assume(Tags=[{"Key": "team", "Value": "x"}], TransitiveTagKeys=["team"])
        self.assert_fault("ValidationError", self.assume, Tags=[{"Key": "aws:x", "Value": "x"}])
        self.assert_fault("ValidationError", self.assume,
                          Tags=[{"Key": "a", "Value": "x"}, {"Key": "A", "Value": "x"}])

    def test_a_session_of_a_user_is_that_user(self):
        got = keys_of(self.sts(APP).get_session_token(DurationSeconds=900))
        self.assertTrue(got[0].startswith("ASIA"))
        self.assertEqual(self.sts(got).get_caller_identity()["Arn"], f"arn:aws:iam::{ACCOUNT}:user/app")
        self.assert_fault("AccessDenied", self.sts(got).get_session_token)

    def test_a_token_that_is_changed_cut_or_anothers_is_refused(self):
        key, secret, token = keys_of(self.assume())
        other = keys_of(self.assume(session="s2"))
        middle = len(token) // 2
        flipped = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:]
        for wrong in (flipped, token[:-4], token[:8], other[2], "x", "A" * 9000):
            self.assert_fault("InvalidClientTokenId", self.sts((key, secret, wrong)).get_caller_identity)
        self.assert_fault("SignatureDoesNotMatch", self.sts((key, other[1], token)).get_caller_identity)
        self.assert_fault("InvalidClientTokenId", self.sts((key, secret)).get_caller_identity)

    def test_an_access_key_tells_its_account(self):
        self.assertEqual(self.sts().get_access_key_info(AccessKeyId=keys_of(self.assume())[0])["Account"], ACCOUNT)
        self.assert_fault("AccessDenied", self.sts(APP).get_access_key_info, AccessKeyId="A" * 16)

    def test_a_presigned_question_who_am_i_is_answered(self):
        url = self.sts(APP).generate_presigned_url("get_caller_identity", HttpMethod="GET")
        context = ssl.create_default_context(cafile=self.service.ca)
        with urllib.request.urlopen(url, context=context) as answer:
            self.assertIn(f"<Arn>arn:aws:iam::{ACCOUNT}:user/app</Arn>", answer.read().decode())

    def test_what_is_not_supported_says_so(self):
        self.assert_fault("InvalidAction", self.sts().decode_authorization_message, EncodedMessage="x")
        self.assert_fault("ValidationError", self.assume, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}])

    def test_the_log_tells_which_key_went_to_whom_and_holds_no_secret(self):
        key, secret, token = keys_of(self.assume(session="logged"))
        records = [r for r in self.service.audit("AssumeRole")
                   if (r.get("requestParameters") or {}).get("roleSessionName") == "logged"]
        self.assertEqual(records[0]["responseElements"]["credentials"]["accessKeyId"], key)
        text = json.dumps(self.service.audit())
        self.assertNotIn(secret, text)
        self.assertNotIn(token, text)
        self.session_client("kms", (key, secret, token)).describe_key(KeyId="alias/app")
        used = [r for r in self.service.audit("DescribeKey") if r["userIdentity"].get("accessKeyId") == key][0]
        self.assertEqual(used["userIdentity"]["type"], "AssumedRole")
        self.assertEqual(used["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"], role("crypter"))


class WebIdentityTest(StsCase):
    def test_a_pipelines_token_becomes_a_session(self):
        answer = self.with_token(self.issuer.token(ref="refs/heads/main"))
        self.assertEqual(answer["SubjectFromWebIdentityToken"], "repo:acme/app")
        self.assertEqual((answer["Provider"], answer["Audience"]), ("ci.example", "p11kms"))
        self.session_client("kms", keys_of(answer)).encrypt(KeyId="alias/app", Plaintext=b"x")

    def test_claims_the_trust_policy_does_not_allow_are_refused(self):
        for claims in ({"ref": "refs/heads/dev"}, {}, {"ref": "refs/heads/main", "sub": "repo:evil/app"}):
            self.assert_fault("AccessDenied", self.with_token, self.issuer.token(**claims))

    def test_tokens_that_prove_nothing_are_refused(self):
        good = self.issuer.token(ref="refs/heads/main")
        now = int(time.time())
        wrong = {
            "another audience": self.issuer.token(ref="refs/heads/main", aud="elsewhere"),
            "alg none": self.issuer.token(header={"alg": "none"}, ref="refs/heads/main"),
            "an RSA key as an HMAC secret": self.issuer.token(header={"alg": "HS256"}, ref="refs/heads/main"),
            "an unknown key": self.issuer.token(header={"kid": "k9"}, ref="refs/heads/main"),
            "another issuer": self.issuer.token(iss="https://evil.example", ref="refs/heads/main"),
            "cut": good[:-5],
            "changed": good[:-20] + ("AAAA" if good[-20:-16] != "AAAA" else "BBBB") + good[-16:],
            "not yet": self.issuer.token(ref="refs/heads/main", nbf=now + 600, exp=now + 1200),
            "no expiry": self.issuer.token(ref="refs/heads/main", exp=None),
            "no token": "x.y.z",
        }
        for what, token in wrong.items():
            with self.subTest(what):
                self.assert_fault("InvalidIdentityToken", self.with_token, token)
        self.assert_fault("ExpiredTokenException", self.with_token,
                          self.issuer.token(ref="refs/heads/main", iat=now - 900, exp=now - 300))

    def test_each_refusal_is_in_the_log_without_the_token(self):
        token = self.issuer.token(aud="elsewhere")
        self.assert_fault("InvalidIdentityToken", self.with_token, token, session="refused-1")
        records = self.service.audit("AssumeRoleWithWebIdentity")
        self.assertIn("InvalidIdentityToken", [r.get("errorCode") for r in records])
        self.assertNotIn(token, json.dumps(records))

    def test_a_key_set_file_is_read_again(self):
        before = (self.folder / "jwks.json").read_text(encoding="utf-8")
        self.addCleanup((self.folder / "jwks.json").write_text, before, encoding="utf-8")
        rotated = Issuer(self.folder, "https://ci.example", kid="k2")
        self.assert_fault("InvalidIdentityToken", self.with_token, rotated.token(ref="refs/heads/main"))
        (self.folder / "jwks.json").write_text(json.dumps({"keys": [self.issuer.jwk(), rotated.jwk()]}), encoding="utf-8")

        def taken():
            try:
                return self.with_token(rotated.token(ref="refs/heads/main"))
            except self.sts().exceptions.ClientError:
                return None
        wait_until(taken, 10, "the new key")

    def test_keys_are_fetched_from_the_issuers_site(self):
        def taken():
            try:
                return self.with_token(Web.issuer.token(), "web")
            except self.sts().exceptions.ClientError as refused:
                self.assertEqual(refused.response["Error"]["Code"], "IDPCommunicationError")
                return None
        wait_until(taken, 10, "the issuer's keys")


if __name__ == "__main__":
    tap.main()
