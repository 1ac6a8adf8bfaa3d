"""That what every test sees is held against AWS's model at all, and what the model would not let pass."""

import json
import unittest
import unittest.mock

import conformance
import shapes
import tap
import wire
from p11kms_test import ServiceCase

ID = "2c3d4e5f-0000-4000-8000-000000000000"
ARN = "arn:aws:kms:us-east-1:123456789012:key/" + ID


class Watched(ServiceCase):
    def test_an_answer_to_boto3_that_is_not_of_the_model_fails_the_test_that_saw_it(self):
        with unittest.mock.patch.dict(shapes.ALWAYS, {"ListKeys": {"Nonsense"}}):
            with self.assertRaises(shapes.ShapeError):
                self.service.kms().list_keys()

    def test_so_does_one_that_was_seen_as_bytes(self):
        with unittest.mock.patch.dict(shapes.ALWAYS, {"ListKeys": {"Nonsense"}}):
            with self.assertRaises(shapes.ShapeError):
                wire.ask(self.service, "ListKeys")
            with self.assertRaises(shapes.ShapeError):
                wire.ask_unix(self.service, "ListKeys")

    def test_refusals_are_watched_as_well(self):
        with unittest.mock.patch.object(shapes, "COMMON", frozenset()):
            with self.assertRaises(shapes.ShapeError):
                wire.ask(self.service, "ListKeys", {"Limit": 0})


def answered(operation, body, status=200, headers=None):
    conformance.check(operation, status, headers or {}, json.dumps(body).encode())


class Model(unittest.TestCase):
    def refused(self, *args, **kwargs):
        with self.assertRaises(shapes.ShapeError):
            answered(*args, **kwargs)

    def test_members_missing_unknown_or_of_another_type_are_seen(self):
        good = {"KeyId": ARN, "CiphertextBlob": "eA==", "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        answered("Encrypt", good)
        self.refused("Encrypt", {name: value for name, value in good.items() if name != "KeyId"})
        for wrong in ({"Colour": "red"}, {"KeyId": 7}, {"KeyId": None}, {"CiphertextBlob": "%"},
                      {"EncryptionAlgorithm": "ROT13"}):
            self.refused("Encrypt", good | wrong)

    def test_times_are_in_seconds(self):
        good = {"KeyId": ARN, "DeletionDate": 1700000000.5, "KeyState": "PendingDeletion", "PendingWindowInDays": 7}
        answered("ScheduleKeyDeletion", good)
        self.refused("ScheduleKeyDeletion", good | {"DeletionDate": 1700000000500})

    def test_an_operation_without_an_answer_has_no_body(self):
        conformance.check("EnableKey", 200, {}, b"")
        self.refused("EnableKey", {"KeyId": ARN})

    def test_a_fault_is_one_that_the_operation_may_answer_with(self):
        code = {"x-amzn-errortype": "NotFoundException"}
        answered("EnableKey", {"__type": "NotFoundException", "message": "x"}, 400, code)
        self.refused("EnableKey", {"__type": "NotFoundException", "message": "x"}, 404, code)
        self.refused("EnableKey", {"__type": "NotFoundException", "Message": "x"}, 400, code)
        self.refused("EnableKey", {"__type": "NotFoundException"}, 400, {"x-amzn-errortype": "DisabledException"})
        self.refused("EnableKey", {"__type": "TagException"}, 400, {"x-amzn-errortype": "TagException"})
        self.refused("EnableKey", {"__type": "KMSInternalException"}, 400, {"x-amzn-errortype": "KMSInternalException"})


if __name__ == "__main__":
    tap.main()
