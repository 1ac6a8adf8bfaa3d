"""GetKeyLastUsage: the last successful use of a key, over stops too."""

import datetime
import re

import tap
from kms_case import KmsCase, Refused
from p11kms_test import APP

NEAR = datetime.timedelta(minutes=2)


class Usage(KmsCase):
    def usage(self, key, **parameters):
        return self.kms("GetKeyLastUsage", KeyId=key["KeyId"], **parameters)

    def restart(self):
        self.service.restart()
        self.callers.clear()
        type(self).kms = self.caller()

    def assert_used(self, key, operation):
        """By the last call this test made."""
        request_id = self.kms.last.request_id
        use = self.usage(key)["KeyLastUsage"]
        self.assertEqual((use["Operation"], use["KmsRequestId"]), (operation, request_id))
        record, = [record for record in self.service.audit(operation) if record["requestID"] == request_id]
        self.assertEqual(use["CloudTrailEventId"], record["eventID"])
        self.assertLess(abs(use["Timestamp"] - datetime.datetime.now(datetime.timezone.utc)), NEAR)

    def test_a_key_that_was_never_used_has_no_last_usage(self):
        key = self.new_key()
        answer = self.usage(key)
        self.assertEqual(answer, {"KeyId": key["Arn"], "KeyCreationDate": key["CreationDate"],
                                  "TrackingStartDate": key["CreationDate"]})

    def test_every_cryptographic_operation_is_told_with_its_record(self):
        key, other = self.new_key(), self.new_key()
        blob = self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.assert_used(key, "Encrypt")
        self.kms("Decrypt", CiphertextBlob=blob)
        self.assert_used(key, "Decrypt")
        self.kms("GenerateDataKey", KeyId=key["KeyId"], KeySpec="AES_256")
        self.assert_used(key, "GenerateDataKey")
        self.kms("GenerateDataKeyWithoutPlaintext", KeyId=key["KeyId"], KeySpec="AES_256")
        self.assert_used(key, "GenerateDataKeyWithoutPlaintext")
        self.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=other["KeyId"])
        request_id = self.kms.last.request_id
        for used in key, other:
            use = self.usage(used)["KeyLastUsage"]
            self.assertEqual((use["Operation"], use["KmsRequestId"]), ("ReEncrypt", request_id))

    def test_reading_changing_and_failing_are_no_uses(self):
        key = self.new_key()
        self.kms("DescribeKey", KeyId=key["KeyId"])
        self.kms("UpdateKeyDescription", KeyId=key["KeyId"], Description="x")
        self.kms("GenerateRandom", NumberOfBytes=1)
        for parameters in ({"DryRun": True}, {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}):
            with self.assertRaises(Refused):
                self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x", **parameters)
        self.kms("DisableKey", KeyId=key["KeyId"])
        with self.assertRaises(Refused):
            self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")
        self.assertNotIn("KeyLastUsage", self.usage(key))

    def test_it_outlives_stops(self):
        used, unused = self.new_key(), self.new_key()
        self.kms("Encrypt", KeyId=used["KeyId"], Plaintext=b"x")
        before, never = self.usage(used), self.usage(unused)
        self.restart()
        self.assertEqual(self.usage(used), before)
        self.assertEqual(self.usage(unused), never)
        self.kms("GenerateDataKey", KeyId=used["KeyId"], KeySpec="AES_256")
        self.assert_used(used, "GenerateDataKey")
        self.restart()
        self.assertEqual(self.usage(used)["KeyLastUsage"]["Operation"], "GenerateDataKey")

    def test_keys_are_named_by_id_or_arn_and_not_by_alias(self):
        key = self.new_key()
        self.kms("CreateAlias", AliasName="alias/usage", TargetKeyId=key["KeyId"])
        self.assertEqual(self.kms("GetKeyLastUsage", KeyId=key["Arn"])["KeyId"], key["Arn"])
        self.refused("NotFoundException", "Invalid keyId alias/usage", "GetKeyLastUsage", KeyId="alias/usage")
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"])
        self.usage(key)

    def test_a_key_policy_must_allow_it(self):
        key = self.new_key()
        self.refused("AccessDeniedException", re.compile("kms:GetKeyLastUsage"), "GetKeyLastUsage",
                     by=self.caller(APP), KeyId=key["KeyId"])


if __name__ == "__main__":
    tap.main()
