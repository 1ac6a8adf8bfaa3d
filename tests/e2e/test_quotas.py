"""Quotas of p11kmsd.yaml: what there may be, and how often one may call."""

import re
import unittest

import kms_case
import real
import tap
from kms_case import Refused
from p11kms_test import REGION

TOO_OFTEN = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."

IDENTITIES = real.IDENTITIES.replace("      - name: app\n", """      - name: app
        administrator: true
      - name: other
        administrator: true
    roles:
      - name: worker
        trust: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {AWS: "*"}, Action: "sts:*"}]}
        policies:
          - {name: all, document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}}
  - id: "999988887777"
    users:
      - name: stranger
""")

THEIRS = 'keys: [{alias: alias/theirs, account: "999988887777"}]\n'


def quotas(text):
    return "quotas: {" + text + "}"


class QuotaCase(unittest.TestCase):
    top = ""

    @classmethod
    def setUpClass(cls):
        cls.service = real.RealService(identities=IDENTITIES, keys=THEIRS, top=cls.top)
        cls.addClassCleanup(cls.service.close)
        cls.service.start()
        cls.app = cls.service.add_key("app")
        cls.other = cls.service.add_key("other")

    def caller(self, credentials=None, region=REGION):
        return kms_case.Caller(self.service, credentials or self.app, region)

    def passed(self, n, call, operation, **parameters):
        """How many of n calls are let through; the others are refused for coming too often."""
        passed = 0
        for _ in range(n):
            try:
                call(operation, **parameters)
                passed += 1
            except Refused as refusal:
                self.assertEqual((refusal.code, refusal.message), ("ThrottlingException", TOO_OFTEN))
        return passed

    def refused(self, code, message, call, operation, **parameters):
        with self.assertRaises(Refused) as caught:
            call(operation, **parameters)
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertRegex(caught.exception.message, message)


class Rates(QuotaCase):
    """A call a second at most, so that a slow machine lets no second one through by waiting."""

    def with_rates(self, text):
        self.service.top = quotas("rates: {" + text + "}")
        self.service.write_conf()
        self.service.reload()

    def setUp(self):
        self.with_rates("")
        self.key = self.caller()("CreateKey")["KeyMetadata"]["KeyId"]

    def throttled(self, limit):
        text = self.service.monitor("/metrics")[1]
        found = re.search(rf'p11kms_throttled_total{{limit="{limit}"}} (\d+)', text)
        return int(found.group(1)) if found else 0

    def test_a_rate_does_not_tell_that_another_account_has_a_key(self):
        self.with_rates("symmetric: 1")
        self.assertLess(self.passed(5, self.caller(), "Encrypt", KeyId=self.key, Plaintext=b"x"), 5)
        for alias in ("alias/theirs", "alias/none"):
            self.refused("AccessDeniedException", "the resource does not exist", self.caller(), "Encrypt",
                         KeyId=f"arn:aws:kms:{REGION}:999988887777:{alias}", Plaintext=b"x")

    def test_without_a_rate_nobody_is_throttled(self):
        self.assertEqual(self.passed(200, self.caller(), "GenerateRandom", NumberOfBytes=1), 200)

    def test_symmetric_operations_share_a_rate_which_others_do_not_count_by(self):
        app = self.caller()
        self.with_rates("symmetric: 1")
        calls = [("GenerateRandom", {"NumberOfBytes": 1}), ("Encrypt", {"KeyId": self.key, "Plaintext": b"x"}),
                 ("GenerateDataKey", {"KeyId": self.key, "KeySpec": "AES_256"})] * 10
        passed = sum(self.passed(1, app, operation, **parameters) for operation, parameters in calls)
        self.assertIn(passed, range(1, 6))
        self.assertEqual(self.throttled("symmetric"), len(calls) - passed)
        self.assertEqual(self.passed(30, app, "DescribeKey", KeyId=self.key), 30)

    def test_one_operation_may_have_a_rate_of_its_own(self):
        app = self.caller()
        self.with_rates("operations: {DescribeKey: 1}")
        self.assertIn(self.passed(30, app, "DescribeKey", KeyId=self.key), range(1, 6))
        self.assertEqual(self.passed(30, app, "ListKeys"), 30)

    def test_a_rate_is_of_each_principal(self):
        self.with_rates("requests: 1")
        self.assertIn(self.passed(30, self.caller(), "ListKeys"), range(1, 6))
        self.assertGreaterEqual(self.passed(1, self.caller(self.other), "ListKeys"), 1)

    def test_sessions_of_one_role_share_its_rate(self):
        sts = self.service.client("sts", self.app)
        callers = []
        for name in ("one", "two", "three", "four", "five", "six"):
            made = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/worker", RoleSessionName=name)["Credentials"]
            callers.append(self.caller((made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])))
        self.with_rates("requests: 1")
        passed = sum(self.passed(5, caller, "ListKeys") for caller in callers)
        self.assertIn(passed, range(1, 6))

    def test_what_is_throttled_is_recorded_and_does_nothing(self):
        app = self.caller()
        self.with_rates("operations: {CreateKey: 1}")
        before = len(self.service.audit("CreateKey"))
        passed = self.passed(10, app, "CreateKey")
        records = self.service.audit("CreateKey")[before:]
        self.assertEqual(len(records), 10)
        self.assertEqual([record.get("errorCode") for record in records].count("ThrottlingException"), 10 - passed)

    def test_an_unsigned_request_counts_by_nobody(self):
        """Whoever cannot sign cannot use up the rate of one who can."""
        self.with_rates("requests: 1")
        stranger = self.caller((self.app[0], "wrong" * 8))
        for _ in range(10):
            self.refused("InvalidSignatureException", ".", stranger, "ListKeys")
        self.assertEqual(self.passed(1, self.caller(), "ListKeys"), 1)

    def test_a_rate_comes_back_with_time(self):
        app = self.caller()
        self.with_rates("requests: 5")
        self.assertLess(self.passed(60, app, "ListKeys"), 60)
        self.assertTrue(any(self.passed(1, app, "ListKeys") for _ in range(1000)))


class Resources(QuotaCase):
    top = quotas("keys: 3, aliases-per-key: 2, on-demand-rotations: 1")

    def test_quotas_hold_and_are_told_in_words(self):
        app = self.caller()
        keys = [app("CreateKey")["KeyMetadata"]["KeyId"] for _ in range(3)]
        self.refused("LimitExceededException", "maximum number of KMS keys", app, "CreateKey")
        self.caller(region="eu-west-1")("CreateKey")  # each region has its own
        app("ScheduleKeyDeletion", KeyId=keys[2])
        self.refused("LimitExceededException", "maximum number of KMS keys", app, "CreateKey")
        for name in ("alias/a", "alias/b"):
            app("CreateAlias", AliasName=name, TargetKeyId=keys[0])
        self.refused("LimitExceededException", "maximum number of aliases, 2", app, "CreateAlias",
                     AliasName="alias/c", TargetKeyId=keys[0])
        app("RotateKeyOnDemand", KeyId=keys[0])
        self.refused("LimitExceededException", "The on-demand rotations limit", app, "RotateKeyOnDemand",
                     KeyId=keys[0])


class Configuration(unittest.TestCase):
    def test_a_rate_of_an_operation_that_is_none_is_told_with_its_place(self):
        service = real.RealService(top="quotas:\n  rates:\n    operations: {CreateKeys: 5}")
        self.addCleanup(service.close)
        done = service.check()
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"p11kmsd\.yaml:\d+:18: quotas\.rates\.operations: KMS has no operation 'CreateKeys'")

    def test_values_out_of_bounds_are_refused(self):
        for text in ("keys: 0", "rates: {symmetric: 1000001}", "rates: {operations: {CreateKey: -1}}",
                     "rates: {operations: 5}", "rates: {hmac: 5}"):
            with self.subTest(text):
                service = real.RealService(top=quotas(text))
                self.addCleanup(service.close)
                self.assertNotEqual(service.check().returncode, 0)


if __name__ == "__main__":
    tap.main()
