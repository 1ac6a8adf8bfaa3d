"""Rotation and deletion: on demand, by the test clock, and what came due while the daemon was stopped."""

import datetime
import re

import tap
import wire
from kms_case import KmsCase, Refused
from p11kms_test import wait_until
from real import objects_on

DAY = datetime.timedelta(days=1)
NEAR = datetime.timedelta(minutes=2)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class TimeCase(KmsCase):
    def setUp(self):
        self.addCleanup(self.clock)

    def clock(self, **days):
        wire.set_clock(self.service, **days)

    def restart(self, **days):
        """Stopped and started again; days: the clock moved on meanwhile, as it does while a daemon is down."""
        self.service.restart()
        self.callers.clear()
        type(self).kms = self.caller()
        if days:
            self.clock(**days)

    def status(self, key):
        return self.kms("GetKeyRotationStatus", KeyId=key["KeyId"])

    def rotations(self, key, **parameters):
        return self.kms.all("ListKeyRotations", "Rotations", KeyId=key["KeyId"], **parameters)

    def encrypt(self, key, plaintext=b"x"):
        return self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=plaintext)["CiphertextBlob"]

    def current(self, key):
        return self.kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]["CurrentKeyMaterialId"]

    def materials(self):
        return objects_on(self.service, "p11kms-dev")

    def assert_near(self, date, expected):
        self.assertLess(abs(date - expected), NEAR)


class Automatic(TimeCase):
    def test_it_is_off_unless_enabled(self):
        key = self.new_key()
        self.assertEqual(self.status(key), {"KeyId": key["Arn"], "KeyRotationEnabled": False})

    def test_keys_that_cannot_rotate_read_as_off(self):
        for spec, usage in (("RSA_2048", "SIGN_VERIFY"), ("HMAC_256", "GENERATE_VERIFY_MAC")):
            key = self.new_key(KeySpec=spec, KeyUsage=usage)
            self.assertEqual(self.status(key), {"KeyId": key["Arn"], "KeyRotationEnabled": False})
            for operation in ("EnableKeyRotation", "RotateKeyOnDemand"):
                self.refused("UnsupportedOperationException", None, operation, KeyId=key["KeyId"])
            self.kms("DisableKeyRotation", KeyId=key["KeyId"])
            self.assertEqual(self.kms("ListKeyRotations", KeyId=key["KeyId"]), {"Rotations": [], "Truncated": False})
            self.refused("ValidationException", "Input parameter includeKeyMaterial can only be used with symmetric keys.",
                         "ListKeyRotations", KeyId=key["KeyId"], IncludeKeyMaterial="ALL_KEY_MATERIAL")

    def test_enabling_it_again_changes_what_is_said_and_puts_nothing_off(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=200)
        first = self.status(key)
        for same in ({}, {"RotationPeriodInDays": 200}):
            self.kms("EnableKeyRotation", KeyId=key["KeyId"], **same)
            self.assertEqual(self.status(key), first)
        self.kms("DisableKeyRotation", KeyId=key["KeyId"])
        self.kms("EnableKeyRotation", KeyId=key["KeyId"])
        self.assertEqual(self.status(key)["RotationPeriodInDays"], 365)

    def test_a_year_is_the_period_unless_said_counted_from_enabling(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"])
        status = self.status(key)
        self.assertEqual((status["KeyRotationEnabled"], status["RotationPeriodInDays"]), (True, 365))
        self.assert_near(status["NextRotationDate"], now() + 365 * DAY)

    def test_a_period_of_90_to_2560_days_may_be_said_and_changed(self):
        key = self.new_key()
        for period in (90, 2560, 180):
            self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=period)
            status = self.status(key)
            self.assertEqual(status["RotationPeriodInDays"], period)
            self.assert_near(status["NextRotationDate"], now() + period * DAY)
        for period, word, bound in ((89, "greater", 90), (0, "greater", 90), (2561, "less", 2560)):
            self.refused("ValidationException",
                         f"1 validation error detected: Value '{period}' at 'rotationPeriodInDays' failed to satisfy "
                         f"constraint: Member must have value {word} than or equal to {bound}", "EnableKeyRotation",
                         KeyId=key["KeyId"], RotationPeriodInDays=period)
        self.assertEqual(self.status(key)["RotationPeriodInDays"], 180)

    def test_disabling_it_leaves_no_date(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"])
        self.kms("DisableKeyRotation", KeyId=key["KeyId"])
        self.assertEqual(self.status(key), {"KeyId": key["Arn"], "KeyRotationEnabled": False})

    def test_it_reads_as_off_while_deletion_is_pending(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"])
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"])
        self.assertEqual(self.status(key), {"KeyId": key["Arn"], "KeyRotationEnabled": False})
        self.kms("CancelKeyDeletion", KeyId=key["KeyId"])
        self.assertTrue(self.status(key)["KeyRotationEnabled"])

    def test_a_key_rotates_when_its_day_comes_and_the_old_ciphertexts_decrypt(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=90)
        blobs = [self.encrypt(key, b"0")]
        for turn in range(1, 4):
            before = self.current(key)
            self.clock(days=91 * turn)
            wait_until(lambda: self.current(key) != before, what="the rotation")
            blobs.append(self.encrypt(key, b"%d" % turn))
            self.assertEqual(len(self.rotations(key)), turn)
            self.assert_near(self.status(key)["NextRotationDate"], now() + (91 * turn + 90) * DAY)
        for turn, blob in enumerate(blobs):
            self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob)["Plaintext"], b"%d" % turn)
        for i, rotation in enumerate(self.rotations(key)):
            self.assertEqual((rotation["RotationType"], rotation["KeyId"]), ("AUTOMATIC", key["Arn"]))
            self.assert_near(rotation["RotationDate"], now() + 91 * (i + 1) * DAY)
        record = [record for record in self.service.audit("RotateKey") if key["KeyId"] in str(record)][-1]
        self.assertEqual((record["eventType"], record["userIdentity"]["invokedBy"]), ("AwsServiceEvent", "p11kms"))

    def test_a_disabled_key_waits_with_its_rotation(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=90)
        marker = self.new_key()
        self.kms("EnableKeyRotation", KeyId=marker["KeyId"], RotationPeriodInDays=90)
        self.kms("DisableKey", KeyId=key["KeyId"])
        self.clock(days=91)
        wait_until(lambda: self.rotations(marker), what="the other key's rotation")
        self.assertEqual(self.rotations(key), [])
        self.kms("EnableKey", KeyId=key["KeyId"])
        wait_until(lambda: self.rotations(key), what="the rotation that was due")

    def test_what_came_due_while_the_daemon_was_down_is_done_once_at_start(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=90)
        blob = self.encrypt(key)
        self.restart(days=1000)
        wait_until(lambda: self.rotations(key), what="the rotation that was missed")
        self.kms("DescribeKey", KeyId=key["KeyId"])
        self.assertEqual(len(self.rotations(key)), 1)
        self.assert_near(self.status(key)["NextRotationDate"], now() + 1090 * DAY)
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob)["Plaintext"], b"x")

    def test_the_schedule_survives_a_restart(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=100)
        before = self.status(key)
        self.restart()
        self.assertEqual(self.status(key), before)


class OnDemand(TimeCase):
    def test_it_answers_the_arn_and_gives_another_material(self):
        key = self.new_key()
        self.assertEqual(self.kms("RotateKeyOnDemand", KeyId=key["KeyId"]), {"KeyId": key["Arn"]})
        self.assertNotEqual(self.current(key), key["CurrentKeyMaterialId"])
        [rotation] = self.rotations(key)
        self.assertEqual((rotation["RotationType"], rotation["KeyMaterialId"]), ("ON_DEMAND", self.current(key)))
        self.assert_near(rotation["RotationDate"], now())

    def test_it_needs_no_automatic_rotation_and_leaves_its_date_alone(self):
        key = self.new_key()
        self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
        self.assertFalse(self.status(key)["KeyRotationEnabled"])
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=120)
        before = self.status(key)
        self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
        self.assertEqual(self.status(key), before)

    def test_25_rotations_are_allowed_and_everything_decrypts_after_them(self):
        key = self.new_key()
        blobs = [self.encrypt(key, b"0")]
        for turn in range(1, 26):
            self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
            blobs.append(self.encrypt(key, b"%d" % turn))
        self.refused("LimitExceededException", re.compile("on-demand"), "RotateKeyOnDemand", KeyId=key["KeyId"])
        used = set()
        for turn, blob in enumerate(blobs):
            answer = self.kms("Decrypt", CiphertextBlob=blob)
            self.assertEqual(answer["Plaintext"], b"%d" % turn)
            used.add(answer["KeyMaterialId"])
        self.assertEqual(len(used), 26)
        self.assertEqual(len(self.rotations(key)), 25)
        self.restart()
        for turn, blob in enumerate(blobs):
            self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob)["Plaintext"], b"%d" % turn)
        self.refused("LimitExceededException", re.compile("on-demand"), "RotateKeyOnDemand", KeyId=key["KeyId"])

    def test_automatic_rotations_do_not_count_against_the_25(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=90)
        for _ in range(25):
            self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
        self.clock(days=91)
        wait_until(lambda: len(self.rotations(key)) == 26, what="the automatic rotation")
        self.assertEqual(self.rotations(key)[-1]["RotationType"], "AUTOMATIC")

    def test_all_key_material_may_be_listed(self):
        key = self.new_key()
        self.assertEqual(self.rotations(key), [])
        [first] = self.rotations(key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
        self.assertEqual((first["KeyMaterialId"], first["KeyMaterialState"]), (self.current(key), "CURRENT"))
        self.assertNotIn("RotationDate", first)
        self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
        both = self.rotations(key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
        self.assertEqual({entry["KeyMaterialId"]: entry["KeyMaterialState"] for entry in both},
                         {key["CurrentKeyMaterialId"]: "NON_CURRENT", self.current(key): "CURRENT"})
        self.assertEqual(self.rotations(key, IncludeKeyMaterial="ALL_KEY_MATERIAL", Limit=1), both)
        self.assertEqual(len(self.rotations(key, IncludeKeyMaterial="ROTATIONS_ONLY")), 1)


class Deletion(TimeCase):
    def gone(self, key):
        try:
            self.kms("DescribeKey", KeyId=key["KeyId"])
            return False
        except Refused as refusal:
            self.assertEqual(refusal.code, "NotFoundException")
            return True

    def prepare(self, rotations=3, window=7):
        key = self.new_key(Tags=[{"TagKey": "a", "TagValue": "b"}])
        for _ in range(rotations):
            self.kms("RotateKeyOnDemand", KeyId=key["KeyId"])
        self.kms("CreateAlias", AliasName="alias/of-" + key["KeyId"], TargetKeyId=key["KeyId"])
        blob = self.encrypt(key)
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"], PendingWindowInDays=window)
        return key, blob

    def test_when_due_a_key_is_gone_with_its_aliases_and_every_object_on_the_token(self):
        before = self.materials()
        key, blob = self.prepare()
        self.assertEqual(self.materials(), before + 4)
        self.clock(days=6)
        self.assertFalse(self.gone(key))
        self.clock(days=7, minutes=1)
        wait_until(lambda: self.gone(key), what="the deletion")
        self.assertEqual(self.materials(), before)
        self.assertNotIn("alias/of-" + key["KeyId"],
                         [alias["AliasName"] for alias in self.kms.all("ListAliases", "Aliases")])
        self.assertNotIn(key["KeyId"], [entry["KeyId"] for entry in self.kms.all("ListKeys", "Keys")])
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob)
        self.refused("NotFoundException", f"Key '{key['Arn']}' does not exist", "CancelKeyDeletion",
                     KeyId=key["KeyId"])
        record = [record for record in self.service.audit("DeleteKey") if key["KeyId"] in str(record)][-1]
        self.assertEqual((record["eventType"], record["resources"][0]["ARN"]), ("AwsServiceEvent", key["Arn"]))
        self.restart()
        self.assertTrue(self.gone(key))

    def test_a_deletion_due_while_the_daemon_was_down_is_done_at_start(self):
        before = self.materials()
        key, _ = self.prepare()
        self.restart(days=8)
        wait_until(lambda: self.gone(key), what="the deletion that was missed")
        self.assertEqual(self.materials(), before)

    def test_a_cancelled_deletion_does_not_happen(self):
        before = self.materials()
        key, blob = self.prepare()
        other, _ = self.prepare()
        self.kms("CancelKeyDeletion", KeyId=key["KeyId"])
        self.clock(days=30)
        wait_until(lambda: self.gone(other), what="the other key's deletion")
        self.kms("EnableKey", KeyId=key["KeyId"])
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob)["Plaintext"], b"x")
        self.assertEqual(self.materials(), before + 4)

    def test_many_keys_due_at_once_all_go(self):
        before = self.materials()
        keys = [self.prepare(rotations=0)[0] for _ in range(30)]
        self.clock(days=8)
        wait_until(lambda: all(self.gone(key) for key in keys), 20, "thirty deletions")
        self.assertEqual(self.materials(), before)

    def test_a_key_pending_deletion_does_not_rotate(self):
        key = self.new_key()
        self.kms("EnableKeyRotation", KeyId=key["KeyId"], RotationPeriodInDays=90)
        marker = self.new_key()
        self.kms("EnableKeyRotation", KeyId=marker["KeyId"], RotationPeriodInDays=90)
        self.clock(days=80)
        self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"], PendingWindowInDays=30)
        self.clock(days=91)
        wait_until(lambda: self.rotations(marker), what="the other key's rotation")
        self.assertEqual(self.rotations(key), [])


class ClockGuard(TimeCase):
    def test_only_who_may_administer_sets_the_clock(self):
        answer = wire.ask(self.service, "SetClock", {"OffsetSeconds": 10**7}, "p11kms",
                          credentials=("APPKEY", "APPSECRET"))
        self.assertEqual(answer.code, "AccessDeniedException")
        answer = wire.ask(self.service, "SetClock", {"OffsetSeconds": 0}, "p11kms")
        self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    tap.main()
