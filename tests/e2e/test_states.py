"""Every operation on a key in every state a key of this version can be in (Developer Guide, "Key states")."""

import tap
from kms_case import KmsCase, Refused

# operation: what it does to a key that is enabled, disabled, pending deletion.
# 1 DisabledException; 3 KMSInvalidStateException, pending; 4 KMSInvalidStateException, not pending.
TABLE = """
CancelKeyDeletion               4 4 ok
CreateAlias                     ok ok 3
Decrypt                         ok 1 3
DeleteAlias                     ok ok ok
DescribeKey                     ok ok ok
DisableKey                      ok ok 3
DisableKeyRotation              ok 1 3
EnableKey                       ok ok 3
EnableKeyRotation               ok 1 3
Encrypt                         ok 1 3
GenerateDataKey                 ok 1 3
GenerateDataKeyWithoutPlaintext ok 1 3
GetKeyPolicy                    ok ok ok
GetKeyRotationStatus            ok ok ok
ListAliases                     ok ok ok
ListKeyPolicies                 ok ok ok
ListKeyRotations                ok ok ok
ListResourceTags                ok ok ok
PutKeyPolicy                    ok ok ok
ReEncrypt                       ok 1 3
RotateKeyOnDemand               ok 1 3
ScheduleKeyDeletion             ok ok 3
TagResource                     ok ok 3
UntagResource                   ok ok 3
UpdateAlias                     ok ok 3
UpdateKeyDescription            ok ok 3
"""
ROWS = {words[0]: words[1:] for words in map(str.split, TABLE.strip().splitlines())}
OUTCOMES = {"1": ("DisabledException", "{} is disabled."),
            "3": ("KMSInvalidStateException", "{} is pending deletion."),
            "4": ("KMSInvalidStateException", "{} is not pending deletion.")}


class States(KmsCase):
    def prepare(self, state):
        """A fresh key in this state, something encrypted under it, and an alias that points to it."""
        key = self.new_key(Tags=[{"TagKey": "a", "TagValue": "b"}])
        blob = self.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        alias = "alias/of-" + key["KeyId"]
        self.kms("CreateAlias", AliasName=alias, TargetKeyId=key["KeyId"])
        if state == "Disabled":
            self.kms("DisableKey", KeyId=key["KeyId"])
        if state == "PendingDeletion":
            self.kms("ScheduleKeyDeletion", KeyId=key["KeyId"])
        return key, blob, alias

    def parameters(self, operation, key, blob, alias):
        key_id = {"KeyId": key["KeyId"]}
        return {
            "CreateAlias": {"AliasName": alias + "-more", "TargetKeyId": key["KeyId"]},
            "Decrypt": {"CiphertextBlob": blob},
            "DeleteAlias": {"AliasName": alias},
            "Encrypt": key_id | {"Plaintext": b"x"},
            "GenerateDataKey": key_id | {"KeySpec": "AES_256"},
            "GenerateDataKeyWithoutPlaintext": key_id | {"KeySpec": "AES_256"},
            "PutKeyPolicy": key_id | {"Policy": self.policy, "PolicyName": "default"},
            "ReEncrypt": {"CiphertextBlob": blob, "DestinationKeyId": self.enabled["KeyId"]},
            "TagResource": key_id | {"Tags": [{"TagKey": "c", "TagValue": "d"}]},
            "UntagResource": key_id | {"TagKeys": ["a"]},
            "UpdateAlias": {"AliasName": self.loose, "TargetKeyId": key["KeyId"]},
            "UpdateKeyDescription": key_id | {"Description": "changed"},
        }.get(operation, key_id)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enabled = cls.kms("CreateKey")["KeyMetadata"]
        cls.policy = cls.kms("GetKeyPolicy", KeyId=cls.enabled["KeyId"], PolicyName="default")["Policy"]
        cls.loose = "alias/loose"
        cls.kms("CreateAlias", AliasName=cls.loose, TargetKeyId=cls.enabled["KeyId"])

    def check_column(self, state, column):
        for operation, outcomes in ROWS.items():
            with self.subTest(operation):
                key, blob, alias = self.prepare(state)
                before = self.kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]
                parameters = self.parameters(operation, key, blob, alias)
                outcome = outcomes[column]
                if outcome == "ok":
                    self.kms(operation, **parameters)
                    continue
                code, message = OUTCOMES[outcome]
                self.refused(code, message.format(key["Arn"]), operation, **parameters)
                self.assertEqual(self.kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"], before)

    def test_an_enabled_key_does_everything_but_return_from_deletion(self):
        self.check_column("Enabled", 0)

    def test_a_disabled_key_is_told_as_disabled(self):
        self.check_column("Disabled", 1)

    def test_a_key_pending_deletion_can_be_read_and_saved(self):
        self.check_column("PendingDeletion", 2)

    def test_a_destination_of_re_encryption_must_be_enabled_too(self):
        for state, outcome in (("Disabled", "1"), ("PendingDeletion", "3")):
            key, _, _ = self.prepare(state)
            blob = self.kms("Encrypt", KeyId=self.enabled["KeyId"], Plaintext=b"x")["CiphertextBlob"]
            code, message = OUTCOMES[outcome]
            self.refused(code, message.format(key["Arn"]), "ReEncrypt", CiphertextBlob=blob,
                         DestinationKeyId=key["KeyId"])

    def test_an_alias_may_move_away_from_a_key_pending_deletion(self):
        key, _, alias = self.prepare("PendingDeletion")
        self.kms("UpdateAlias", AliasName=alias, TargetKeyId=self.enabled["KeyId"])
        self.assertEqual(self.kms("DescribeKey", KeyId=alias)["KeyMetadata"]["Arn"], self.enabled["Arn"])
        self.assertNotEqual(key["Arn"], self.enabled["Arn"])

    def test_the_state_counts_through_an_alias_as_well(self):
        key, _, alias = self.prepare("Disabled")
        self.refused("DisabledException", key["Arn"] + " is disabled.", "Encrypt", KeyId=alias, Plaintext=b"x")

    def test_states_survive_a_restart(self):
        keys = {state: self.prepare(state) for state in ("Enabled", "Disabled", "PendingDeletion")}
        before = {state: self.kms("DescribeKey", KeyId=key["KeyId"]) for state, (key, _, _) in keys.items()}
        self.service.restart()
        self.callers.clear()
        type(self).kms = self.caller()
        for state, (key, blob, alias) in keys.items():
            self.assertEqual(self.kms("DescribeKey", KeyId=alias), before[state])
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=keys["Enabled"][1])["Plaintext"], b"x")
        with self.assertRaises(Refused):
            self.kms("Decrypt", CiphertextBlob=keys["Disabled"][1])


if __name__ == "__main__":
    tap.main()
