"""Every error that an operation declares is brought about, or errors_unreached.tsv says why it is not."""

import concurrent.futures
import functools
import os
import pathlib
import resource
import signal
import unittest

import conformance
import kms_case
import real
import tap
import test_states
import wire
from kms_case import ABSENT, KmsCase, Refused

UNREACHED = pathlib.Path(__file__).with_name("errors_unreached.tsv")
MALFORMED_ARN = "arn:aws:s3:us-east-1:123456789012:key/" + ABSENT
KEY_MEMBERS = ("KeyId", "TargetKeyId", "DestinationKeyId")
QUOTAS = "quotas: {keys: 1, aliases-per-key: 0, grants-per-key: 0, on-demand-rotations: 0, custom-key-stores: 0}"


def declared():
    """{(operation, error)}"""
    return {(name, error.name) for name, operation in conformance.operations().items()
            for error in operation.error_shapes}


def unreached():
    """{(operation or "*", error): why}"""
    lines = UNREACHED.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {(operation, error): why for error, operation, why in rows}


def members(operation):
    return set(conformance.operations()[operation].input_shape.members)


def key_member(operation):
    return next((name for name in KEY_MEMBERS if name in members(operation)), None)


class Reached:
    """What was brought about: reached.ask() notes the code of a refusal."""

    def __init__(self):
        self.codes = set()

    def ask(self, kms, operation, parameters):
        try:
            kms(operation, **parameters)
        except Refused as refusal:
            self.codes.add((operation, refusal.code))


reached = Reached()


class OneWrong(KmsCase):
    """Requests that are right but for one thing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.maker = test_states.Maker(cls.kms, cls.caller(region=test_states.OTHER_REGION))

    @functools.cache
    def right(self, operation):
        """Parameters that would do; what is asked with something wrong leaves them so."""
        return self.maker.parameters(operation, self.maker.to_enabled(operation))

    def each(self, mutate):
        """mutate(operation, parameters of a key that is fine) -> what differs, or None."""
        for operation in test_states.ROWS:
            parameters = self.right(operation)
            wrong = mutate(operation, parameters)
            if wrong is not None:
                reached.ask(self.kms, operation, parameters | wrong)

    def each_alone(self, mutate):
        """The same for operations without a key."""
        for operation in sorted(set(conformance.operations()) - set(test_states.ROWS)):
            wrong = mutate(operation, {})
            if wrong is not None:
                reached.ask(self.kms, operation, wrong)

    def member(self, name, value):
        def mutate(operation, _):
            return {name: value} if name in members(operation) else None
        self.each(mutate)
        self.each_alone(mutate)

    def key(self, value):
        def mutate(operation, _):
            member = key_member(operation)
            return {member: value} if member else None
        self.each(mutate)

    def test_a_key_that_does_not_exist(self):
        self.key(ABSENT)
        reached.ask(self.kms, "DeleteAlias", {"AliasName": "alias/absent"})
        reached.ask(self.kms, "UpdateAlias", {"AliasName": "alias/absent", "TargetKeyId": self.maker.enabled.key["KeyId"]})

    def test_an_arn_that_is_none(self):
        self.key(MALFORMED_ARN)
        reached.ask(self.kms, "ListRetirableGrants", {"RetiringPrincipal": "arn:none"})

    def test_a_grant_token_that_is_none(self):
        self.member("GrantTokens", ["bogus"])
        reached.ask(self.kms, "RetireGrant", {"GrantToken": "bogus"})

    def test_a_grant_that_does_not_exist(self):
        self.member("GrantId", "bogus")

    def test_what_does_not_exist_here(self):
        self.member("Recipient", {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"x"})
        self.member("CustomKeyStoreId", "cks-none")
        reached.ask(self.kms, "GenerateRandom", {"NumberOfBytes": 1, "CustomKeyStoreId": "cks-none"})

    def test_a_marker_that_is_none(self):
        self.member("Marker", "bogus")
        reached.ask(self.kms, "ListRetirableGrants",
                    {"RetiringPrincipal": "arn:aws:iam::123456789012:user/app", "Marker": "bogus"})

    def test_a_rehearsal(self):
        self.member("DryRun", True)

    def test_keys_in_the_wrong_state(self):
        for prepare in (self.maker.to_disabled, self.maker.to_pending_deletion, self.maker.to_pending_import):
            for operation in test_states.ROWS:
                reached.ask(self.kms, operation, self.maker.parameters(operation, prepare(operation)))
        reached.ask(self.kms, "CancelKeyDeletion", {"KeyId": self.maker.enabled.key["KeyId"]})

    def test_keys_of_the_wrong_kind(self):
        """Another usage, another origin, one that is of one region."""
        for kind in ("symmetric", "mac", "sign", "external"):
            other = self.maker.make(kind)

            def mutate(operation, _, other=other):
                member = key_member(operation)
                if not member or operation in ("Decrypt", "ReEncrypt", "CancelKeyDeletion", "DisableKey",
                                               "ScheduleKeyDeletion"):
                    return None
                return {member: other.key["KeyId"]}
            self.each(mutate)
        mac = self.maker.make("mac").key["KeyId"]
        blob = self.maker.enabled.blob
        reached.ask(self.kms, "Decrypt", {"KeyId": mac, "CiphertextBlob": blob,
                                          "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"})
        reached.ask(self.kms, "Decrypt", {"KeyId": mac, "CiphertextBlob": blob})
        reached.ask(self.kms, "ReEncrypt", {"DestinationKeyId": mac, "CiphertextBlob": blob})

    def test_ciphertexts(self):
        other = self.maker.make("symmetric").key["KeyId"]
        here = self.maker.enabled.key["KeyId"]
        blob = self.maker.enabled.blob
        for wrong in ({"CiphertextBlob": b"x" * 100}, {"CiphertextBlob": blob, "KeyId": other}):
            reached.ask(self.kms, "Decrypt", wrong)
        for wrong in ({"CiphertextBlob": b"x" * 100}, {"CiphertextBlob": blob, "SourceKeyId": other}):
            reached.ask(self.kms, "ReEncrypt", {"DestinationKeyId": here} | wrong)

    def test_names_policies_and_tags(self):
        key_id = self.maker.enabled.key["KeyId"]
        policy = {"Policy": "{", "PolicyName": "default"}
        tag = {"Tags": [{"TagKey": "aws:x", "TagValue": "y"}]}
        for operation, wrong in (
                ("CreateAlias", {"AliasName": self.maker.enabled.alias, "TargetKeyId": key_id}),
                ("CreateAlias", {"AliasName": "alias/a:b", "TargetKeyId": key_id}),
                ("CreateKey", {"Policy": "{"}), ("CreateKey", tag), ("PutKeyPolicy", {"KeyId": key_id} | policy),
                ("PutKeyPolicy", {"KeyId": key_id, "Policy": '{"Statement":[],"Id":"' + "x" * 33000 + '"}'}),
                ("TagResource", {"KeyId": key_id} | tag), ("UntagResource", {"KeyId": key_id, "TagKeys": ["aws:x"]}),
                ("CreateKey", {"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"})):
            reached.ask(self.kms, operation, wrong)
        self.assertIn(("CreateAlias", "AlreadyExistsException"), reached.codes)

    def test_signatures_and_macs(self):
        for operation, member in (("Verify", "Signature"), ("VerifyMac", "Mac")):
            made = self.maker.to_enabled(operation)
            reached.ask(self.kms, operation, self.maker.parameters(operation, made) | {member: b"\x30\x06\x02\x01\x01\x02\x01\x01"})
        reached.ask(self.kms, "VerifyMac", self.maker.parameters("VerifyMac", self.maker.make("mac")) | {"Mac": b"x" * 32})

    def test_imports(self):
        made = self.maker.make("external")
        good = {"KeyId": made.key["KeyId"]} | self.maker.import_parameters(made)
        other = self.kms("GetParametersForImport", KeyId=made.key["KeyId"], WrappingAlgorithm="RSAES_OAEP_SHA_256",
                         WrappingKeySpec="RSA_2048")
        for wrong in ({"ImportToken": b"bogus"}, {"EncryptedKeyMaterial": b"x" * 256},
                      {"ImportToken": other["ImportToken"],
                       "EncryptedKeyMaterial": conformance.wrap(other["PublicKey"], b"K" * 32)}):
            reached.ask(self.kms, "ImportKeyMaterial", good | wrong)
        made = self.maker.make("external", imported=False)
        late = {"KeyId": made.key["KeyId"]} | self.maker.import_parameters(made)
        wire.set_clock(self.service, hours=25)
        self.addCleanup(wire.set_clock, self.service)
        reached.ask(self.kms, "ImportKeyMaterial", late)

    def test_replicas(self):
        made = self.maker.make("multi")
        good = {"KeyId": made.key["KeyId"], "ReplicaRegion": test_states.OTHER_REGION}
        for wrong in ({"Policy": "{"}, {"Tags": [{"TagKey": "aws:x", "TagValue": "y"}]}, {}, {}):
            reached.ask(self.kms, "ReplicateKey", good | wrong)


class Stores(unittest.TestCase):
    """Custom key stores: docs/custom-key-stores.md says which of their errors there are."""

    def make(self, kms, **parameters):
        store = kms("CreateCustomKeyStore", **parameters)["CustomKeyStoreId"]
        kms("ConnectCustomKeyStore", CustomKeyStoreId=store)
        return store

    def test_stores_that_are_taken_unknown_or_not_in_a_state_for_it(self):
        service = real.RealService(tokens=("prod", "spare"))
        self.addCleanup(service.close)
        service.start()
        kms = kms_case.Caller(service, service.add_key("admin"))
        spare, prod = conformance.cluster(service, "spare"), conformance.cluster(service, "prod")
        taken = {"CloudHsmClusterId": spare, "CustomKeyStoreName": "hsm"}
        store = self.make(kms, **taken)
        kms("CreateKey", Origin="AWS_CLOUDHSM", CustomKeyStoreId=store)
        outside = self.make(kms, CustomKeyStoreName="external", **conformance.proxy("prod"))
        here, there = {"CustomKeyStoreId": store}, {"CustomKeyStoreId": outside}
        key = {"Origin": "EXTERNAL_KEY_STORE"} | there
        for operation, wrong in (
                ("CreateCustomKeyStore", taken | {"CustomKeyStoreName": "another"}),
                ("CreateCustomKeyStore", taken | {"CloudHsmClusterId": prod}),
                ("CreateCustomKeyStore", {"CloudHsmClusterId": "cluster-aaaaaaaaaaaa", "CustomKeyStoreName": "x"}),
                ("CreateCustomKeyStore", conformance.proxy("prod") | {"CustomKeyStoreName": "x"}),
                ("CreateCustomKeyStore", conformance.proxy("none") | {"CustomKeyStoreName": "x"}),
                ("ConnectCustomKeyStore", here), ("DeleteCustomKeyStore", here),
                ("UpdateCustomKeyStore", here | {"KeyStorePassword": "password"}),
                ("UpdateCustomKeyStore", here | {"NewCustomKeyStoreName": "external"}),
                ("DisconnectCustomKeyStore", here), ("DisconnectCustomKeyStore", here), ("DeleteCustomKeyStore", here),
                ("UpdateCustomKeyStore", here | {"CloudHsmClusterId": "cluster-aaaaaaaaaaaa"}),
                ("UpdateCustomKeyStore", here | {"CloudHsmClusterId": prod}),
                ("GenerateRandom", here | {"NumberOfBytes": 1}), ("CreateKey", here | {"Origin": "AWS_CLOUDHSM"}),
                ("UpdateCustomKeyStore", there | {name: value for name, value in conformance.proxy("none").items()
                                                  if name != "CustomKeyStoreType"}),
                ("CreateKey", key | {"XksKeyId": "ab" * 16}), ("CreateKey", key | {"XksKeyId": "my-key"})):
            reached.ask(kms, operation, wrong)


class Quotas(unittest.TestCase):
    def test_past_every_quota(self):
        service = real.RealService(top=QUOTAS)
        self.addCleanup(service.close)
        service.start()
        kms = kms_case.Caller(service, service.add_key("admin"))
        key_id = kms("CreateKey", **conformance.KINDS["multi"])["KeyMetadata"]["KeyId"]
        for operation, parameters in (
                ("CreateKey", {}), ("CreateAlias", {"AliasName": "alias/a", "TargetKeyId": key_id}),
                ("RotateKeyOnDemand", {"KeyId": key_id}),
                ("CreateGrant", {"KeyId": key_id, "GranteePrincipal": "arn:aws:iam::123456789012:user/app",
                                 "Operations": ["Encrypt"]}),
                ("CreateCustomKeyStore", {"CustomKeyStoreName": "another",
                                          "CloudHsmClusterId": conformance.cluster(service, "prod")})):
            reached.ask(kms, operation, parameters)
        kms_case.Caller(service, service.add_key("admin"), test_states.OTHER_REGION)("CreateKey")
        reached.ask(kms, "ReplicateKey", {"KeyId": key_id, "ReplicaRegion": test_states.OTHER_REGION})
        self.roomy(service, kms, key_id)

    def roomy(self, service, kms, key_id):
        """An alias that is there already cannot move to a key that has its share."""
        service.top = QUOTAS.replace("keys: 1,", "keys: 9,").replace("aliases-per-key: 0", "aliases-per-key: 1")
        service.write_conf()
        service.reload()
        other = kms("CreateKey")["KeyMetadata"]["KeyId"]
        kms("CreateAlias", AliasName="alias/a", TargetKeyId=key_id)
        kms("CreateAlias", AliasName="alias/b", TargetKeyId=other)
        reached.ask(kms, "UpdateAlias", {"AliasName": "alias/b", "TargetKeyId": key_id})


class Failing(unittest.TestCase):
    """The service's own failures."""

    def start(self, **options):
        self.service = real.RealService(**options)
        self.addCleanup(self.service.close)
        self.service.start()
        self.kms = kms_case.Caller(self.service, self.service.add_key("admin"))
        self.maker = test_states.Maker(self.kms, kms_case.Caller(self.service, self.service.add_key("admin"),
                                                                 test_states.OTHER_REGION))

    def test_an_audit_log_that_cannot_be_written(self):
        self.start()
        asked = {operation: self.maker.parameters(operation, self.maker.to_enabled(operation))
                 for operation in test_states.ROWS}
        log = max((self.service.dir / "audit").glob("audit-*.jsonl"))
        resource.prlimit(self.service.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))
        for operation in sorted(set(conformance.operations())):
            reached.ask(self.kms, operation, asked.get(operation, alone(operation)))

    def test_a_token_that_does_not_answer(self):
        self.start(token_options="operation-deadline: 500ms\n    slow-deadline: 2s")
        asked = [(operation, self.maker.parameters(operation, self.maker.to_enabled(operation)))
                 for operation in test_states.ROWS
                 if (operation, "KeyUnavailableException") in declared()]
        keys = self.service.add_key("admin")
        callers = [kms_case.Caller(self.service, keys) for _ in asked]
        host, = real.children_of(self.service.process.pid)
        os.kill(host, signal.SIGSTOP)
        with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
            done = [pool.submit(reached.ask, kms, *what) for kms, what in zip(callers, asked)]
        for one in done:
            one.result()


def alone(operation):
    """Of an operation without a key."""
    return {"ConnectCustomKeyStore": {"CustomKeyStoreId": "cks-1"},
            "CreateCustomKeyStore": {"CustomKeyStoreName": "store"},
            "DeleteCustomKeyStore": {"CustomKeyStoreId": "cks-1"},
            "DisconnectCustomKeyStore": {"CustomKeyStoreId": "cks-1"},
            "GenerateRandom": {"NumberOfBytes": 1},
            "ListRetirableGrants": {"RetiringPrincipal": "arn:aws:iam::123456789012:user/app"},
            "UpdateCustomKeyStore": {"CustomKeyStoreId": "cks-1"}}.get(operation, {})


class ZzTable(unittest.TestCase):
    """Last by its name."""

    def test_what_was_not_brought_about_has_its_reason_and_nothing_else_has(self):
        missed = declared() - reached.codes
        reasons = unreached()
        unexplained = sorted(f"{error}\t{operation}" for operation, error in missed
                             if (operation, error) not in reasons and ("*", error) not in reasons)
        self.assertEqual(unexplained, [], "\n".join(unexplained))
        stale = sorted(f"{error}\t{operation}" for operation, error in reasons
                       if (operation, error) not in missed
                       and (operation != "*" or all(error != other for _, other in missed)))
        self.assertEqual(stale, [])


if __name__ == "__main__":
    tap.main()
