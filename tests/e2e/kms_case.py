"""Tests of the KMS API: calls by operation name, every answer held against the audit log, too."""

import json
import re

import botocore.exceptions

import p11kms_test

ABSENT = "2c3d4e5f-0000-4000-8000-000000000000"  # a key id that no key has


class Refused(Exception):
    """What a call was answered with, as it was on the wire."""

    def __init__(self, operation, answer):
        super().__init__(f"{operation}: {answer.body}")
        self.code = answer.body.get("__type")
        self.message = answer.body.get("message")
        self.request_id = answer.request_id


class Raw:
    def __init__(self, response_dict):
        self.status = response_dict["status_code"]
        self.headers = {name.lower(): value for name, value in response_dict["headers"].items()}
        self.body = json.loads(response_dict["body"]) if response_dict["body"] else None
        self.request_id = self.headers.get("x-amzn-requestid")


class Caller:
    """One principal in one region: caller("Encrypt", KeyId=..., Plaintext=...) -> the answer as boto3 reads it."""

    def __init__(self, service, credentials=p11kms_test.ADMIN, region=p11kms_test.REGION, seen=None):
        self.client = service.client("kms", credentials, region, parameter_validation=False)
        self.seen = [] if seen is None else seen  # request ids
        self.last = None
        self.client.meta.events.register("response-received.kms", self._received)

    def _received(self, response_dict, **_):
        if response_dict is not None:
            self.last = Raw(response_dict)

    def __call__(self, operation, **parameters):
        self.last = None
        try:
            answer = self.client._make_api_call(operation, parameters)
        except botocore.exceptions.ClientError:
            self.seen.append(self.last.request_id)
            raise Refused(operation, self.last) from None
        self.seen.append(self.last.request_id)
        answer.pop("ResponseMetadata")
        return answer

    def all(self, operation, member, **parameters):
        """Every element of a listing, page by page."""
        found, marker = [], {}
        while True:
            page = self(operation, **parameters, **marker)
            found += page[member]
            if not page["Truncated"]:
                assert "NextMarker" not in page
                return found
            marker = {"Marker": page["NextMarker"]}


class KmsCase(p11kms_test.ServiceCase):
    """One service a class; self.kms is its administrator in us-east-1."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seen = []
        cls.callers = {}
        cls.kms = cls.caller()
        cls.addClassCleanup(cls.callers.clear)

    @classmethod
    def tearDownClass(cls):
        """Whatever was answered is in the audit log."""
        recorded = {record["requestID"] for record in cls.service.audit()}
        missing = [request_id for request_id in cls.seen if request_id not in recorded]
        if missing:
            raise AssertionError(f"{len(missing)} of {len(cls.seen)} answered requests are not in the audit log")

    @classmethod
    def caller(cls, credentials=p11kms_test.ADMIN, region=p11kms_test.REGION):
        if (credentials, region) not in cls.callers:
            cls.callers[credentials, region] = Caller(cls.service, credentials, region, cls.seen)
        return cls.callers[credentials, region]

    def new_key(self, by=None, **parameters):
        """KeyMetadata of a key of the test's own."""
        return (by or self.kms)("CreateKey", **parameters)["KeyMetadata"]

    def refused(self, code, message, operation, by=None, **parameters):
        """The call is refused with this code and message: a text, a compiled pattern, or None for none at all."""
        with self.assertRaises(Refused, msg=f"{operation} {parameters}") as caught:
            (by or self.kms)(operation, **parameters)
        refusal = caught.exception
        self.assertEqual(refusal.code, code, refusal)
        if isinstance(message, re.Pattern):
            self.assertRegex(refusal.message, message)
        else:
            self.assertEqual(refusal.message, message)
        return refusal


def arn_of(what, region=p11kms_test.REGION, account=p11kms_test.ACCOUNT):
    return f"arn:aws:kms:{region}:{account}:{what}"
