"""Signature Version 4: what is refused, in which words, and that each refusal is on record."""

import datetime
import re
import time

import tap
import wire
from p11kms_test import ADMIN, REGION, ServiceCase

MISMATCH = ("The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.")
UNKNOWN_KEY = "The security token included in the request is invalid."


class SignatureCase(ServiceCase):
    def request(self, operation="ListKeys", parameters=None):
        return wire.request_for(self.service, operation, {} if parameters is None else parameters)

    def signed(self, **signing):
        return wire.sign(self.request(), **signing)

    def assert_taken(self, request):
        answer = wire.send(self.service, request)
        self.assertEqual(answer.status, 200, answer.body)
        return answer

    def assert_refused(self, request, code, message):
        """With status 400, the code in header and body, and a record of just this."""
        answer = wire.send(self.service, request)
        self.assertEqual((answer.status, answer.code), (400, code), answer.body)
        self.assertEqual(answer.headers["x-amzn-errortype"], code)
        if isinstance(message, re.Pattern):
            self.assertRegex(answer.message, message)
        else:
            self.assertEqual(answer.message, message)
        records = [record for record in self.service.audit() if record["requestID"] == answer.request_id]
        self.assertEqual([record["errorCode"] for record in records], [code])
        self.assertEqual(records[0]["userIdentity"]["type"], "Unknown")
        self.assertIsNone(records[0]["requestParameters"])
        self.assertIsNone(records[0]["responseElements"])
        return answer


class Secrets(SignatureCase):
    def test_a_right_signature_is_taken(self):
        self.assert_taken(self.signed())

    def test_a_wrong_secret_is_told_as_a_mismatch(self):
        for secret in ("", "foobarsecret", "FOOBARSECRET ", "x" * 200, "APPSECRET"):
            self.assert_refused(self.signed(credentials=(ADMIN[0], secret)), "InvalidSignatureException", MISMATCH)

    def test_an_unknown_access_key_is_an_unrecognized_client(self):
        for key in ("NOBODY", "foobarkey", "FOOBARKEY2", "AKIA" + "A" * 120):
            self.assert_refused(self.signed(credentials=(key, ADMIN[1])), "UnrecognizedClientException", UNKNOWN_KEY)

    def test_a_session_token_is_none_of_ours(self):
        self.assert_refused(self.signed(token="a session"), "UnrecognizedClientException", UNKNOWN_KEY)

    def test_the_key_of_a_refused_caller_is_on_record_and_its_secret_is_not(self):
        secret = "a secret somebody mistyped"
        answer = self.assert_refused(self.signed(credentials=("NOBODY", secret)), "UnrecognizedClientException",
                                     UNKNOWN_KEY)
        record = [record for record in self.service.audit() if record["requestID"] == answer.request_id][0]
        self.assertEqual(record["userIdentity"].get("accessKeyId"), "NOBODY")
        self.assertNotIn(secret.encode(), self.service.written())


class Clock(SignatureCase):
    def test_five_minutes_either_way_are_allowed(self):
        for shift in (-290, -60, 60, 290):
            self.assert_taken(self.signed(shift=shift))

    def test_an_older_signature_has_expired_and_says_when(self):
        for shift in (-310, -3600, -86400):
            self.assert_refused(self.signed(shift=shift), "InvalidSignatureException",
                                re.compile(r"^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z "
                                           r"\(\d{8}T\d{6}Z - 5 min\.\)$"))

    def test_a_signature_from_the_future_is_not_yet_current(self):
        for shift in (310, 3600, 86400):
            self.assert_refused(self.signed(shift=shift), "InvalidSignatureException",
                                re.compile(r"^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z "
                                           r"\(\d{8}T\d{6}Z \+ 5 min\.\)$"))

    def test_the_test_clock_does_not_touch_signatures(self):
        self.addCleanup(wire.set_clock, self.service)
        wire.set_clock(self.service, days=400)
        self.assert_taken(self.signed())
        self.assert_refused(self.signed(shift=86400), "InvalidSignatureException", re.compile("not yet current"))

    def test_a_date_that_is_none_is_refused(self):
        for date in ("", "yesterday", "20260230T000000Z", "20260101T250000Z", "2026-01-01T00:00:00Z",
                     "20260101T000000", "0" * 1000):
            request = self.signed()
            request.headers.replace_header("X-Amz-Date", date)
            answer = wire.send(self.service, request)
            self.assertEqual(answer.status, 400)
            self.assertIn(answer.code, ("InvalidSignatureException", "IncompleteSignatureException"), date)


class Tampering(SignatureCase):
    def test_another_body_does_not_fit_the_signature(self):
        request = self.signed()
        request.data = b'{"Limit":1}'
        self.assert_refused(request, "InvalidSignatureException", MISMATCH)

    def test_another_operation_does_not_fit_the_signature(self):
        request = self.signed()
        request.headers.replace_header("X-Amz-Target", "TrentService.CreateKey")
        before = self.service.kms().list_keys()["Keys"]
        self.assert_refused(request, "InvalidSignatureException", MISMATCH)
        self.assertEqual(self.service.kms().list_keys()["Keys"], before)

    def test_another_path_or_query_does_not_fit_the_signature(self):
        for tail in ("other", "?a=b", "%2e"):
            request = self.signed()
            request.url += tail
            self.assert_refused(request, "InvalidSignatureException", MISMATCH)

    def test_another_host_does_not_fit_the_signature(self):
        request = self.signed()
        request.headers["Host"] = "kms.example"
        self.assert_refused(request, "InvalidSignatureException", MISMATCH)

    def test_a_header_of_amazon_s_must_be_signed(self):
        request = self.signed()
        request.headers["X-Amz-Extra"] = "unsigned"
        self.assert_refused(request, "InvalidSignatureException",
                            re.compile("'x-amz-extra' must be a 'SignedHeader' in the AWS Authorization"))

    def test_a_header_nobody_signed_may_come_along(self):
        request = self.signed()
        request.headers["X-Forwarded-For"] = "192.0.2.1"
        self.assert_taken(request)

    def test_any_changed_digit_of_the_signature_is_noticed(self):
        whole = self.signed().headers["Authorization"]
        for i in range(1, 65, 9):
            request = self.signed()
            text = request.headers["Authorization"]
            at = len(text) - i
            request.headers.replace_header("Authorization",
                                           text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1:])
            self.assert_refused(request, "InvalidSignatureException", MISMATCH)
        self.assertIn("Signature=", whole)

    def test_a_signature_serves_another_request_of_the_same_words_alone(self):
        request = self.signed()
        self.assert_taken(request)
        self.assert_taken(request)  # SigV4 has no nonce: a repetition within five minutes is a request


class Scope(SignatureCase):
    def test_another_service_is_told_which_is_right(self):
        for service in ("s3", "sts", "secretsmanager"):
            self.assert_refused(self.signed(scope=service), "InvalidSignatureException",
                                re.compile("Credential should be scoped to correct service: 'kms'"))

    def test_a_region_must_look_like_one(self):
        for region in ("US-EAST-1", "us_east_1", "x" * 200):
            self.assert_refused(self.signed(region=region), "InvalidSignatureException",
                                "Credential should be scoped to a valid region.")
        self.assert_taken(self.signed(region="eu-south-2"))

    def replaced(self, old, new):
        request = self.signed()
        text = request.headers["Authorization"]
        self.assertIn(old, text)
        request.headers.replace_header("Authorization", text.replace(old, new))
        return request

    def test_the_day_must_be_that_of_the_date(self):
        today = time.strftime("%Y%m%d", time.gmtime())
        self.assert_refused(self.replaced(f"/{today}/", "/20200101/"), "InvalidSignatureException",
                            re.compile("^Date in Credential scope does not match YYYYMMDD"))

    def test_the_scope_of_another_region_does_not_fit_the_signature(self):
        self.assert_refused(self.replaced(f"/{REGION}/", "/eu-west-1/"), "InvalidSignatureException", MISMATCH)

    def test_the_terminator_is_checked(self):
        self.assert_refused(self.replaced("/aws4_request", "/aws5_request"), "InvalidSignatureException",
                            re.compile("terminator"))


class Headers(SignatureCase):
    def test_without_authorization_there_is_no_caller(self):
        self.assert_refused(self.request(), "MissingAuthenticationTokenException", re.compile("."))

    def test_an_authorization_that_is_not_whole_is_incomplete(self):
        whole = self.signed().headers["Authorization"]
        for text in ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 x", whole.replace("Signature=", "Sig="),
                     whole.replace("SignedHeaders=", ""), whole.replace("Credential=", "Cred="),
                     re.sub("Signature=.*", "Signature=", whole), re.sub("Credential=[^,]*", "Credential=a/b", whole)):
            with self.subTest(text):
                request = self.signed()
                request.headers.replace_header("Authorization", text)
                answer = wire.send(self.service, request)
                self.assertEqual(answer.status, 400)
                self.assertIn(answer.code, ("IncompleteSignatureException", "InvalidSignatureException"))

    def test_other_manners_of_authorization_are_no_signature(self):
        for text in ("Basic Zm9vOmJhcg==", "Bearer x", "AWS FOOBARKEY:abc", "AWS4-ECDSA-P256-SHA256 Credential=x", ""):
            request = self.signed()
            request.headers.replace_header("Authorization", text)
            answer = wire.send(self.service, request)
            self.assertEqual(answer.status, 400)
            self.assertIn(answer.code, ("IncompleteSignatureException", "MissingAuthenticationTokenException",
                                        "InvalidSignatureException"), text)

    def test_the_host_must_be_signed(self):
        request = self.signed()
        text = request.headers["Authorization"]
        request.headers.replace_header("Authorization", text.replace(";host", "").replace("host;", ""))
        self.assert_refused(request, "InvalidSignatureException", re.compile("must be a 'SignedHeader'"))


class Presigned(SignatureCase):
    """The query form; botocore signs an empty body there, so the operation's parameters are empty too."""

    def presigned(self, body=b"", **how):
        return wire.presign(wire.request_for(self.service, "ListKeys", body), **how)

    def test_a_presigned_request_is_taken(self):
        self.assert_taken(self.presigned())

    def test_it_holds_as_long_as_it_says(self):
        self.assert_taken(self.presigned(expires=900, shift=-800))
        self.assert_refused(self.presigned(expires=60, shift=-70), "InvalidSignatureException",
                            re.compile("^Signature expired: "))
        self.assert_refused(self.presigned(expires=900, shift=400), "InvalidSignatureException",
                            re.compile("^Signature not yet current: "))

    def test_a_changed_query_does_not_fit(self):
        request = self.presigned()
        request.url = re.sub("X-Amz-Expires=60", "X-Amz-Expires=6000", request.url)
        self.assert_refused(request, "InvalidSignatureException", MISMATCH)

    def test_a_wrong_secret_or_key_is_told_as_in_the_header(self):
        self.assert_refused(self.presigned(credentials=(ADMIN[0], "wrong")), "InvalidSignatureException", MISMATCH)
        self.assert_refused(self.presigned(credentials=("NOBODY", "x")), "UnrecognizedClientException", UNKNOWN_KEY)

    def test_both_forms_at_once_are_refused(self):
        request = self.presigned()
        request.headers["Authorization"] = self.signed().headers["Authorization"]
        self.assert_refused(request, "InvalidSignatureException", re.compile("^Only one auth mechanism allowed"))


class Unrecorded(SignatureCase):
    def test_every_refusal_of_this_file_has_left_a_record_of_its_own(self):
        before = len(self.service.audit())
        for i in range(50):
            wire.send(self.service, self.signed(credentials=(f"NOBODY{i}", "x")))
        records = self.service.audit()[before:]
        self.assertEqual(len({record["requestID"] for record in records}), 50)
        self.assertEqual({record["errorCode"] for record in records}, {"UnrecognizedClientException"})
        now = datetime.datetime.now(datetime.timezone.utc)
        for record in records:
            when = datetime.datetime.fromisoformat(record["eventTime"].replace("Z", "+00:00"))
            self.assertLess(abs((now - when).total_seconds()), 60)


if __name__ == "__main__":
    tap.main()
