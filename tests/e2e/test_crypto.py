"""Messages under keys: Encrypt, Decrypt, ReEncrypt, data keys, random bytes."""

import base64
import re

import tap
import wire
from kms_case import ABSENT, KmsCase, Refused, arn_of

DRY_RUN = "The request would have succeeded, but the DryRun option is set."
INCORRECT_KEY = "The key ID in the request does not identify a CMK that can perform this operation."
CONTEXT = {"tenant": "a", "Purpose": "test", "": "empty name", "ключ 🔑": "значение 🗝️"}


class CryptoCase(KmsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.kms("CreateKey")["KeyMetadata"]
        cls.other = cls.kms("CreateKey")["KeyMetadata"]

    def encrypt(self, plaintext=b"a message", **parameters):
        return self.kms("Encrypt", **({"KeyId": self.key["KeyId"], "Plaintext": plaintext} | parameters))


class Encrypting(CryptoCase):
    def test_every_length_from_1_to_4096_comes_back(self):
        for n in (1, 2, 15, 16, 17, 255, 256, 1000, 4095, 4096):
            plaintext = bytes(i * 7 % 256 for i in range(n))
            answer = self.encrypt(plaintext)
            self.assertEqual((answer["KeyId"], answer["EncryptionAlgorithm"]), (self.key["Arn"], "SYMMETRIC_DEFAULT"))
            self.assertLessEqual(len(answer["CiphertextBlob"]), 6144)
            back = self.kms("Decrypt", CiphertextBlob=answer["CiphertextBlob"])
            self.assertEqual(back, {"KeyId": self.key["Arn"], "Plaintext": plaintext,
                                    "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                                    "KeyMaterialId": self.key["CurrentKeyMaterialId"]})

    def test_a_plaintext_of_no_or_too_many_bytes_is_refused_without_repeating_it(self):
        self.refused("ValidationException",
                     "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have "
                     "length less than or equal to 4096", "Encrypt", KeyId=self.key["KeyId"], Plaintext=b"x" * 4097)
        self.refused("ValidationException",
                     "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have "
                     "length greater than or equal to 1", "Encrypt", KeyId=self.key["KeyId"], Plaintext=b"")

    def test_the_same_plaintext_never_gives_the_same_ciphertext(self):
        blobs = {self.encrypt(b"same")["CiphertextBlob"] for _ in range(50)}
        self.assertEqual(len(blobs), 50)

    def test_an_algorithm_of_other_keys_is_refused(self):
        blob = self.encrypt()["CiphertextBlob"]
        message = "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."
        self.refused("InvalidKeyUsageException", message, "Encrypt", KeyId=self.key["KeyId"], Plaintext=b"x",
                     EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        self.refused("InvalidKeyUsageException", message, "Decrypt", CiphertextBlob=blob, KeyId=self.key["KeyId"],
                     EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        self.encrypt(EncryptionAlgorithm="SYMMETRIC_DEFAULT")
        self.kms("Decrypt", CiphertextBlob=blob, EncryptionAlgorithm="SYMMETRIC_DEFAULT")

    def test_grant_tokens_and_enclave_recipients_are_refused_not_ignored(self):
        with self.assertRaises(Refused):
            self.encrypt(GrantTokens=["a token of no grant"])
        self.refused("UnsupportedOperationException", re.compile("enclave"), "GenerateRandom", NumberOfBytes=8,
                     Recipient={"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"x"})


class Decrypting(CryptoCase):
    def test_a_named_key_must_be_the_one_it_was_encrypted_under(self):
        blob = self.encrypt()["CiphertextBlob"]
        self.kms("Decrypt", CiphertextBlob=blob, KeyId=self.key["Arn"])
        self.refused("IncorrectKeyException", INCORRECT_KEY, "Decrypt", CiphertextBlob=blob,
                     KeyId=self.other["KeyId"])
        self.refused("IncorrectKeyException", INCORRECT_KEY, "ReEncrypt", CiphertextBlob=blob,
                     SourceKeyId=self.other["KeyId"], DestinationKeyId=self.other["KeyId"])
        self.refused("NotFoundException", f"Key '{arn_of('key/' + ABSENT)}' does not exist", "Decrypt",
                     CiphertextBlob=blob, KeyId=ABSENT)

    def test_a_key_that_never_made_such_ciphertexts_is_not_the_one_either(self):
        blob = self.encrypt()["CiphertextBlob"]
        mac = self.new_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["Arn"]
        pair = self.new_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["Arn"]
        elsewhere = self.key["Arn"].replace(":us-east-1:", ":eu-west-1:")
        for named in (mac, pair, elsewhere):
            self.refused("IncorrectKeyException", INCORRECT_KEY, "Decrypt", CiphertextBlob=blob, KeyId=named)
            self.refused("IncorrectKeyException", INCORRECT_KEY, "Decrypt", CiphertextBlob=blob, KeyId=named,
                         EncryptionAlgorithm="SYMMETRIC_DEFAULT")
            self.refused("IncorrectKeyException", INCORRECT_KEY, "ReEncrypt", CiphertextBlob=blob, SourceKeyId=named,
                         DestinationKeyId=self.key["KeyId"])
            self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=b"nonsense", KeyId=named)

    def test_any_changed_byte_makes_a_ciphertext_invalid_without_a_word(self):
        blob = self.encrypt(b"0123456789abcdef")["CiphertextBlob"]
        for i in range(len(blob)):
            changed = blob[:i] + bytes([blob[i] ^ 0x01]) + blob[i + 1:]
            self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=changed)

    def test_a_ciphertext_cut_or_prolonged_is_invalid(self):
        blob = self.encrypt()["CiphertextBlob"]
        for changed in (blob[:-1], blob[1:], blob + b"\0", blob[:1], blob[:40], blob * 2, b"\0" * 6144, b"nonsense"):
            self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=changed)
            self.refused("InvalidCiphertextException", None, "ReEncrypt", CiphertextBlob=changed,
                         DestinationKeyId=self.other["KeyId"])

    def test_a_ciphertext_of_an_unknown_key_is_as_invalid_as_any(self):
        blob = self.encrypt()["CiphertextBlob"]
        id_bytes = bytes.fromhex(self.key["KeyId"].replace("-", ""))
        self.assertIn(id_bytes, blob)
        self.refused("InvalidCiphertextException", None, "Decrypt",
                     CiphertextBlob=blob.replace(id_bytes, bytes(15) + b"\1"))

    def test_a_ciphertext_moved_under_another_key_is_invalid(self):
        mine, theirs = (self.encrypt(KeyId=key["KeyId"])["CiphertextBlob"] for key in (self.key, self.other))
        mine_id, theirs_id = (bytes.fromhex(key["KeyId"].replace("-", "")) for key in (self.key, self.other))
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=mine.replace(mine_id, theirs_id))
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=theirs.replace(theirs_id, mine_id))

    def test_a_ciphertext_longer_than_6144_bytes_is_a_validation_error(self):
        self.refused("ValidationException",
                     "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: Member must "
                     "have length less than or equal to 6144", "Decrypt", CiphertextBlob=b"x" * 6145)

    def test_a_ciphertext_must_be_given(self):
        for operation, rest in (("Decrypt", {}), ("ReEncrypt", {"DestinationKeyId": self.key["KeyId"]})):
            self.refused("ValidationException", re.compile("'ciphertextBlob' failed to satisfy constraint: Member "
                                                           "must not be null$"), operation, **rest)


class Contexts(CryptoCase):
    def test_a_ciphertext_opens_with_its_context_in_any_order_and_with_no_other(self):
        blob = self.encrypt(EncryptionContext=CONTEXT)["CiphertextBlob"]
        turned = dict(reversed(list(CONTEXT.items())))
        self.assertEqual(self.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=turned)["Plaintext"],
                         b"a message")
        for wrong in ({}, {"tenant": "a"}, CONTEXT | {"tenant": "A"}, CONTEXT | {"more": ""},
                      {name.lower(): value for name, value in CONTEXT.items()},
                      {value: name for name, value in CONTEXT.items()}):
            with self.subTest(wrong):
                self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob,
                             EncryptionContext=wrong)
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob)

    def test_an_empty_context_is_none(self):
        blob = self.encrypt(EncryptionContext={})["CiphertextBlob"]
        self.kms("Decrypt", CiphertextBlob=blob)
        self.kms("Decrypt", CiphertextBlob=self.encrypt()["CiphertextBlob"], EncryptionContext={})

    def test_names_and_values_cannot_flow_into_one_another(self):
        pairs = [{"ab": "c"}, {"a": "bc"}, {"a": "b", "c": ""}, {"a": "", "b": "c"}, {"abc": ""}]
        blobs = [self.encrypt(EncryptionContext=pair)["CiphertextBlob"] for pair in pairs]
        for i, blob in enumerate(blobs):
            for j, pair in enumerate(pairs):
                if i == j:
                    self.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=pair)
                else:
                    self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob,
                                 EncryptionContext=pair)

    def test_a_context_may_have_8_kib_and_no_more(self):
        context = {f"name {i:04}": "v" * 82 for i in range(80)}
        blob = self.encrypt(EncryptionContext=context)["CiphertextBlob"]
        self.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=context)
        self.refused("ValidationException", re.compile("8192"), "Encrypt", KeyId=self.key["KeyId"], Plaintext=b"x",
                     EncryptionContext={"name": "v" * 8192})

    def test_data_keys_are_bound_to_their_context_too(self):
        for operation in ("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"):
            blob = self.kms(operation, KeyId=self.key["KeyId"], KeySpec="AES_256",
                            EncryptionContext=CONTEXT)["CiphertextBlob"]
            self.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT)
            self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob)

    def test_a_context_is_a_map_of_texts(self):
        for wrong in (["a"], "a", {"a": 1}, {"a": None}, {"a": {"b": "c"}}):
            answer = wire.ask(self.service, "Encrypt", {"KeyId": self.key["KeyId"], "Plaintext": "eA==",
                                                        "EncryptionContext": wrong})
            self.assertIn(answer.code, ("SerializationException", "ValidationException"), wrong)


class ReEncrypting(CryptoCase):
    def test_a_message_moves_to_another_key_and_context(self):
        blob = self.encrypt(b"moving", EncryptionContext={"from": "here"})["CiphertextBlob"]
        answer = self.kms("ReEncrypt", CiphertextBlob=blob, SourceEncryptionContext={"from": "here"},
                          DestinationKeyId=self.other["KeyId"], DestinationEncryptionContext={"to": "there"})
        moved = answer.pop("CiphertextBlob")
        self.assertEqual(answer, {"KeyId": self.other["Arn"], "SourceKeyId": self.key["Arn"],
                                  "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                                  "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
                                  "SourceKeyMaterialId": self.key["CurrentKeyMaterialId"],
                                  "DestinationKeyMaterialId": self.other["CurrentKeyMaterialId"]})
        back = self.kms("Decrypt", CiphertextBlob=moved, EncryptionContext={"to": "there"})
        self.assertEqual((back["Plaintext"], back["KeyId"]), (b"moving", self.other["Arn"]))
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=moved)

    def test_the_source_context_must_match(self):
        blob = self.encrypt(EncryptionContext={"from": "here"})["CiphertextBlob"]
        for wrong in ({}, {"from": "HERE"}):
            self.refused("InvalidCiphertextException", None, "ReEncrypt", CiphertextBlob=blob,
                         SourceEncryptionContext=wrong, DestinationKeyId=self.other["KeyId"])

    def test_it_records_both_keys(self):
        blob = self.encrypt()["CiphertextBlob"]
        self.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=self.other["KeyId"])
        record = self.service.audit("ReEncrypt")[-1]
        self.assertEqual({resource["ARN"] for resource in record["resources"]}, {self.key["Arn"], self.other["Arn"]})

    def test_the_destination_must_exist(self):
        self.refused("NotFoundException", f"Key '{arn_of('key/' + ABSENT)}' does not exist", "ReEncrypt",
                     CiphertextBlob=self.encrypt()["CiphertextBlob"], DestinationKeyId=ABSENT)


class DataKeys(CryptoCase):
    def generate(self, operation="GenerateDataKey", **parameters):
        return self.kms(operation, KeyId=self.key["KeyId"], **parameters)

    def test_a_data_key_has_the_length_asked_for_and_decrypts(self):
        for parameters, length in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16),
                                   ({"NumberOfBytes": 1}, 1), ({"NumberOfBytes": 1024}, 1024)):
            with self.subTest(parameters):
                made = self.generate(**parameters)
                self.assertEqual(len(made["Plaintext"]), length)
                self.assertEqual((made["KeyId"], made["KeyMaterialId"]),
                                 (self.key["Arn"], self.key["CurrentKeyMaterialId"]))
                self.assertEqual(self.kms("Decrypt", CiphertextBlob=made["CiphertextBlob"])["Plaintext"],
                                 made["Plaintext"])
                without = self.generate("GenerateDataKeyWithoutPlaintext", **parameters)
                self.assertNotIn("Plaintext", without)
                self.assertEqual(len(self.kms("Decrypt", CiphertextBlob=without["CiphertextBlob"])["Plaintext"]),
                                 length)

    def test_data_keys_differ(self):
        self.assertEqual(len({self.generate(KeySpec="AES_256")["Plaintext"] for _ in range(50)}), 50)

    def test_exactly_one_of_spec_and_length_is_given(self):
        for operation in ("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"):
            for parameters in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
                self.refused("ValidationException", "Please specify either number of bytes or key spec.", operation,
                             KeyId=self.key["KeyId"], **parameters)

    def test_lengths_outside_1_to_1024_are_refused(self):
        for operation in ("GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateRandom"):
            key = {} if operation == "GenerateRandom" else {"KeyId": self.key["KeyId"]}
            for n, word, bound in ((0, "greater", 1), (-1, "greater", 1), (1025, "less", 1024), (2**31, "less", 1024)):
                self.refused("ValidationException",
                             f"1 validation error detected: Value '{n}' at 'numberOfBytes' failed to satisfy "
                             f"constraint: Member must have value {word} than or equal to {bound}", operation,
                             NumberOfBytes=n, **key)

    def test_a_spec_of_none_is_refused_with_the_ones_there_are(self):
        self.refused("ValidationException",
                     "1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy constraint: Member "
                     "must satisfy enum value set: [AES_256, AES_128]", "GenerateDataKey", KeyId=self.key["KeyId"],
                     KeySpec="AES_512")

    def test_random_bytes_have_the_length_asked_for_and_differ(self):
        self.assertEqual(len(self.kms("GenerateRandom", NumberOfBytes=1)["Plaintext"]), 1)
        self.assertEqual(len(self.kms("GenerateRandom", NumberOfBytes=1024)["Plaintext"]), 1024)
        self.assertEqual(len({self.kms("GenerateRandom", NumberOfBytes=16)["Plaintext"] for _ in range(50)}), 50)
        with self.assertRaises(Refused) as caught:
            self.kms("GenerateRandom")
        self.assertEqual(caught.exception.code, "ValidationException")


class DryRuns(CryptoCase):
    def test_what_would_succeed_says_so_and_gives_nothing(self):
        blob = self.encrypt(EncryptionContext={"a": "b"})["CiphertextBlob"]
        key, context = {"KeyId": self.key["KeyId"]}, {"EncryptionContext": {"a": "b"}}
        for operation, parameters in (
                ("Encrypt", key | {"Plaintext": b"x"}), ("Decrypt", context | {"CiphertextBlob": blob}),
                ("ReEncrypt", {"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "b"},
                               "DestinationKeyId": self.other["KeyId"]}),
                ("GenerateDataKey", key | {"KeySpec": "AES_256"}),
                ("GenerateDataKeyWithoutPlaintext", key | {"NumberOfBytes": 8})):
            with self.subTest(operation):
                self.refused("DryRunOperationException", DRY_RUN, operation, DryRun=True, **parameters)
                self.kms(operation, DryRun=False, **parameters)

    def test_what_would_fail_fails_as_ever(self):
        blob = self.encrypt(EncryptionContext={"a": "b"})["CiphertextBlob"]
        self.refused("NotFoundException", "Invalid keyId 'fake'", "Encrypt", KeyId="fake", Plaintext=b"x",
                     DryRun=True)
        self.refused("InvalidCiphertextException", None, "Decrypt", CiphertextBlob=blob, DryRun=True)
        self.refused("InvalidCiphertextException", None, "ReEncrypt", CiphertextBlob=blob, DryRun=True,
                     DestinationKeyId=self.other["KeyId"])
        self.refused("ValidationException", "Please specify either number of bytes or key spec.", "GenerateDataKey",
                     KeyId=self.key["KeyId"], DryRun=True)
        disabled = self.new_key()
        self.kms("DisableKey", KeyId=disabled["KeyId"])
        self.refused("DisabledException", disabled["Arn"] + " is disabled.", "GenerateDataKey",
                     KeyId=disabled["KeyId"], KeySpec="AES_256", DryRun=True)

    def test_a_dry_run_may_ignore_the_ciphertext_of_a_named_key(self):
        ignore = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
        self.refused("DryRunOperationException", DRY_RUN, "Decrypt", KeyId=self.key["KeyId"], **ignore)
        self.refused("DryRunOperationException", DRY_RUN, "ReEncrypt", SourceKeyId=self.key["KeyId"],
                     DestinationKeyId=self.other["KeyId"], **ignore)
        self.refused("ValidationException", re.compile("KeyId"), "Decrypt", **ignore)
        self.refused("ValidationException", re.compile("DryRun"), "Decrypt", KeyId=self.key["KeyId"],
                     DryRunModifiers=["IGNORE_CIPHERTEXT"])

    def test_a_dry_run_is_in_the_log_as_one(self):
        refusal = self.refused("DryRunOperationException", DRY_RUN, "GenerateDataKey", KeyId=self.key["KeyId"],
                               KeySpec="AES_256", DryRun=True)
        record = self.service.audit("GenerateDataKey")[-1]
        self.assertEqual((record["requestID"], record["errorCode"]), (refusal.request_id, "DryRunOperationException"))


class Blobs(CryptoCase):
    """Bytes as the wire carries them."""

    def test_only_whole_base64_is_taken(self):
        for text in ("eA", "eA=", "e", "eA==x", "e A==", "eA==\n", "eB==", "_-==", "💥"):
            with self.subTest(text):
                answer = wire.ask(self.service, "Encrypt", {"KeyId": self.key["KeyId"], "Plaintext": text})
                self.assertEqual((answer.status, answer.code), (400, "SerializationException"))
        answer = wire.ask(self.service, "Encrypt", {"KeyId": self.key["KeyId"],
                                                    "Plaintext": base64.b64encode(b"x").decode()})
        self.assertEqual(answer.status, 200)

    def test_a_blob_that_is_no_text_is_refused(self):
        for value in (1, True, ["eA=="], {"a": "b"}, 1.5):
            answer = wire.ask(self.service, "Encrypt", {"KeyId": self.key["KeyId"], "Plaintext": value})
            self.assertEqual((answer.status, answer.code), (400, "SerializationException"))


if __name__ == "__main__":
    tap.main()
