"""Clients as they are, with nothing changed but the endpoint: Debian's aws and boto3, the JavaScript SDK."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import botocore.config
import botocore.exceptions
import p11kms_test
import tap
from p11kms_test import ADMIN, APP, BUILD, ServiceCase, clean_environment, run

JS = pathlib.Path(__file__).parent / "js"
JS_SECONDS = 120


class Aws(ServiceCase):
    """/usr/bin/aws over TLS."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.path.exists(p11kms_test.AWS):
            raise unittest.SkipTest("awscli is not installed")
        cls.key = cls.service.aws("create-key", "--description", "from aws", "--tags",
                                  "TagKey=a,TagValue=b")["KeyMetadata"]

    def file(self, content):
        path = self.service.root / "input"
        path.write_bytes(content)
        return f"fileb://{path}"

    def test_a_file_is_encrypted_and_comes_back(self):
        content = bytes(range(256)) * 16
        blob = self.service.aws("encrypt", "--key-id", self.key["KeyId"], "--plaintext", self.file(content),
                                "--encryption-context", "a=b,c=d")["CiphertextBlob"]
        answer = self.service.aws("decrypt", "--ciphertext-blob", self.file(base64.b64decode(blob)),
                                  "--encryption-context", "c=d,a=b")
        self.assertEqual(base64.b64decode(answer["Plaintext"]), content)
        self.assertEqual(answer["KeyId"], self.key["Arn"])

    def test_an_alias_and_a_query_give_a_data_key(self):
        self.service.aws("create-alias", "--alias-name", "alias/from-aws", "--target-key-id", self.key["KeyId"])
        text = self.service.aws("generate-data-key", "--key-id", "alias/from-aws", "--key-spec", "AES_256", "--query",
                                "Plaintext", "--output", "text")
        self.assertEqual(len(base64.b64decode(text)), 32)

    def test_pages_are_fetched_one_after_another(self):
        for i in range(3):
            self.service.aws("create-alias", "--alias-name", f"alias/page-{i}", "--target-key-id", self.key["KeyId"])
        listed = self.service.aws("list-aliases", "--key-id", self.key["KeyId"], "--page-size", "1")["Aliases"]
        names = [alias["AliasName"] for alias in listed]
        self.assertTrue({"alias/page-0", "alias/page-1", "alias/page-2"} <= set(names))

    def test_a_refusal_ends_with_254_and_says_why(self):
        done = self.service.aws("describe-key", "--key-id", "fake", check=False)
        self.assertEqual(done.returncode, 254)
        self.assertIn("An error occurred (NotFoundException) when calling the DescribeKey operation: "
                      "Invalid keyId 'fake'", done.stderr)
        done = self.service.aws("create-key", credentials=APP, check=False)
        self.assertEqual(done.returncode, 254)
        self.assertIn("(AccessDeniedException) when calling the CreateKey operation: User: "
                      "arn:aws:iam::123456789012:user/app is not authorized", done.stderr)
        done = self.service.aws("list-keys", credentials=(ADMIN[0], "wrong"), check=False)
        self.assertEqual(done.returncode, 254)
        self.assertIn("(InvalidSignatureException)", done.stderr)

    def test_rotation_and_deletion_read_as_on_aws(self):
        key = self.service.aws("create-key")["KeyMetadata"]["KeyId"]
        self.service.aws("enable-key-rotation", "--key-id", key)
        self.assertTrue(self.service.aws("get-key-rotation-status", "--key-id", key)["KeyRotationEnabled"])
        answer = self.service.aws("schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
        self.assertEqual(answer["KeyState"], "PendingDeletion")
        self.assertRegex(answer["DeletionDate"], r"^\d{4}-\d\d-\d\dT")


class Boto3(ServiceCase):
    """Debian's boto3 over TLS."""

    def test_its_exceptions_are_its_classes(self):
        kms = self.service.kms()
        with self.assertRaises(kms.exceptions.NotFoundException):
            kms.describe_key(KeyId="fake")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.disable_key(KeyId=key)
        with self.assertRaises(kms.exceptions.DisabledException):
            kms.encrypt(KeyId=key, Plaintext=b"x")
        with self.assertRaises(kms.exceptions.InvalidCiphertextException):
            kms.decrypt(CiphertextBlob=b"nonsense")

    def test_its_paginators_page(self):
        kms = self.service.kms()
        made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)}
        pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
        self.assertGreaterEqual(len(pages), 3)
        self.assertTrue(made <= {key["KeyId"] for page in pages for key in page["Keys"]})

    def test_its_retry_modes_do_not_repeat_what_is_no_use(self):
        for mode in ("legacy", "standard", "adaptive"):
            kms = self.service.client(retries={"mode": mode, "total_max_attempts": 5})
            before = len(self.service.audit("DescribeKey"))
            with self.assertRaises(kms.exceptions.NotFoundException) as caught:
                kms.describe_key(KeyId="fake")
            self.assertEqual(caught.exception.response["ResponseMetadata"]["RetryAttempts"], 0)
            self.assertEqual(len(self.service.audit("DescribeKey")), before + 1)

    def test_an_unknown_authority_gets_no_request(self):
        kms = p11kms_test.boto3.client("kms", endpoint_url=self.service.url, region_name="us-east-1",
                                       aws_access_key_id=ADMIN[0], aws_secret_access_key=ADMIN[1],
                                       config=botocore.config.Config(retries={"total_max_attempts": 1}))
        with self.assertRaises(botocore.exceptions.SSLError):
            kms.list_keys()


class Boto3InClear(ServiceCase):
    """Plain http on loopback, as --dev allows."""

    listen = ("http://127.0.0.1:0",)

    def test_it_serves_in_clear_what_dev_was_asked_to(self):
        self.assertTrue(self.service.url.startswith("http://127.0.0.1:"))
        self.assertIsNone(self.service.ca)
        kms = self.service.kms()
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        self.assertEqual(kms.decrypt(CiphertextBlob=blob)["Plaintext"], b"x")

    def test_nothing_but_loopback_is_offered_in_clear(self):
        service = p11kms_test.Service(listen=("http://0.0.0.0:0",))
        self.addCleanup(service.close)
        with self.assertRaises(AssertionError) as caught:
            service.start()
        self.assertRegex(str(caught.exception), "http:// is taken on loopback addresses alone")


class DefaultSeed(unittest.TestCase):
    """--dev alone, as somebody tries it first."""

    def test_the_environment_file_is_all_a_client_needs(self):
        service = p11kms_test.Service(seed=None)
        self.addCleanup(service.close)
        service.start()
        environment = clean_environment() | service.env
        self.assertNotEqual(environment["AWS_SECRET_ACCESS_KEY"], ADMIN[1])
        out = run("/usr/bin/python3", "-c",
                  "import boto3, os; print(boto3.client('kms', endpoint_url=os.environ['AWS_ENDPOINT_URL'])"
                  ".create_key()['KeyMetadata']['Arn'])", env=environment)
        self.assertRegex(out.stdout, "^arn:aws:kms:us-east-1:123456789012:key/")


def prepared_js():
    """A folder with the SDK installed, kept in the build tree; SkipTest where it cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise unittest.SkipTest("node and npm are not installed")
    folder = BUILD / "tests" / "e2e" / "js-client"
    lock = (JS / "package-lock.json").read_text(encoding="utf-8")
    done = folder / "node_modules" / "installed-by"
    if not done.exists() or done.read_text(encoding="utf-8") != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(JS / name, folder / name)
        try:
            subprocess.run([npm, "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True,
                           capture_output=True, text=True, timeout=JS_SECONDS, stdin=subprocess.DEVNULL)
        except (subprocess.SubprocessError, OSError) as error:
            raise unittest.SkipTest(f"npm ci could not install the SDK: {error}") from None
        done.write_text(lock, encoding="utf-8")
    shutil.copyfile(JS / "kms.mjs", folder / "kms.mjs")
    return node, folder


class JavaScript(ServiceCase):
    """@aws-sdk/client-kms over TLS; js/kms.mjs keeps the promises."""

    test_seconds = JS_SECONDS

    @classmethod
    def setUpClass(cls):
        node, folder = prepared_js()
        super().setUpClass()
        environment = cls.service.environment(ADMIN)
        environment["NODE_EXTRA_CA_CERTS"] = cls.service.ca
        done = run(node, folder / "kms.mjs", env=environment, timeout=JS_SECONDS)
        cls.results = json.loads(done.stdout.splitlines()[-1])

    def kept(self, name):
        self.assertIsNone(self.results.pop(name), name)

    def test_a_message_comes_back(self):
        self.kept("a message comes back")

    def test_data_keys_and_random_bytes_have_their_length(self):
        self.kept("data keys and random bytes have their length")

    def test_a_message_moves_to_another_key(self):
        self.kept("a message moves to another key")

    def test_refusals_are_the_exceptions_of_the_sdk(self):
        self.kept("refusals are the exceptions of the SDK")

    def test_a_denial_is_told_as_one(self):
        self.kept("a denial is told as one")

    def test_listings_come_page_by_page(self):
        self.kept("listings come page by page")

    def test_a_key_s_life_is_as_written(self):
        self.kept("a key's life is as written")

    def test_a_signature_is_right_for_those_who_have_the_public_key_alone(self):
        self.kept("a signature is right for those who have the public key alone")

    def test_a_mac_is_verified_and_a_wrong_one_refused(self):
        self.kept("a MAC is verified, and a wrong one refused")

    def test_the_aws_encryption_sdk_takes_its_data_keys_from_here(self):
        self.kept("the AWS Encryption SDK takes its data keys from here")

    def test_a_client_whose_clock_is_wrong_corrects_it_by_our_date(self):
        self.kept("a client whose clock is wrong corrects it by our Date")

    def test_hundreds_of_requests_at_once_are_all_answered(self):
        self.kept("hundreds of requests at once are all answered")

    @classmethod
    def tearDownClass(cls):
        if cls.results:
            raise AssertionError(f"nobody looked at {list(cls.results)}")


if __name__ == "__main__":
    tap.main()
