"""A load of threads whose every answer is remembered, to be held against what is there after a fault."""

import contextlib
import http.client
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import p11kms_test  # noqa: E402
import wire  # noqa: E402, of the folder just named

# What a client may repeat: the service was, for a moment, not able to.
RETRYABLE = {"KeyUnavailableException", "DependencyTimeoutException", "KMSInternalException", "ServiceUnavailable"}


class Worker(threading.Thread):
    """Asks over one kept connection until told to stop; a broken connection ends it or is made anew."""

    def __init__(self, load, seed):
        super().__init__(daemon=True)
        self.load = load
        self.random = random.Random(seed)
        self.connection = None

    def ask(self, operation, parameters):
        """The answer's JSON, None where it was refused; OSError where there was no answer."""
        service = self.load.service
        request = wire.sign(wire.request_for(service, operation, parameters), self.load.credentials)
        if self.connection is None:
            self.connection = wire.connect(service, timeout=self.load.patience)
        begun = time.monotonic()
        try:
            answer = wire.send(service, request, self.connection)
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.connection = None
            raise OSError(str(error)) from error
        return self.load.answered(operation, answer, time.monotonic() - begun)

    def run(self):
        while not self.load.stopping.is_set():
            try:
                self.step()
            except OSError:
                if self.load.ends_with_the_connection:
                    return
                self.load.broken()
                time.sleep(0.05)

    def step(self):
        raise NotImplementedError


class Writer(Worker):
    """Makes keys, aliases, tags and descriptions, and notes each that was acknowledged."""

    def step(self):
        made = self.ask("CreateKey", {"Description": "made"})
        if made is None:
            return
        key = made["KeyMetadata"]["KeyId"]
        facts = self.load.fact(key)
        name = f"alias/{key}"
        if self.ask("CreateAlias", {"AliasName": name, "TargetKeyId": key}) is not None:
            facts["alias"] = name
        tag = {"TagKey": "mark", "TagValue": str(self.random.random())}
        if self.ask("TagResource", {"KeyId": key, "Tags": [tag]}) is not None:
            facts["tag"] = tag
        # Once asked, a change may have happened though its answer never came.
        facts["descriptions"] = {"made", "changed"}
        if self.ask("UpdateKeyDescription", {"KeyId": key, "Description": "changed"}) is not None:
            facts["descriptions"] = {"changed"}
        if self.random.random() < 0.3:
            facts["materials"] = {1, 2}
            if self.ask("RotateKeyOnDemand", {"KeyId": key}) is not None:
                facts["materials"] = {2}


class Reader(Worker):
    """Makes data keys, and keeps some to decrypt later."""

    def step(self):
        made = self.ask("GenerateDataKey", {"KeyId": self.load.key, "KeySpec": "AES_256"})
        if made is not None and len(self.load.data_keys) < 200:
            self.load.data_keys.append((made["CiphertextBlob"], made["Plaintext"]))


class Load:
    def __init__(self, service, credentials, writers=2, readers=4, patience=20, ends_with_the_connection=True):
        self.service = service
        self.credentials = credentials
        self.patience = patience
        self.ends_with_the_connection = ends_with_the_connection
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.request_ids = []  # of everything answered
        self.refusals = []  # (operation, status, code)
        self.facts = {}  # key id: what was acknowledged of it
        self.data_keys = []
        self.slowest = 0
        self.breaks = 0
        self.successes = 0
        self.key = wire.ask(service, "CreateKey", credentials=credentials).json["KeyMetadata"]["KeyId"]
        self.workers = [Writer(self, i) for i in range(writers)] + [Reader(self, i) for i in range(readers)]

    def answered(self, operation, answer, seconds):
        with self.lock:
            self.slowest = max(self.slowest, seconds)
            if answer.status < 500:  # a fault of ours may be that the log cannot be written
                self.request_ids.append(answer.request_id)
            if answer.status != 200:
                self.refusals.append((operation, answer.status, answer.code))
                return None
            self.successes += 1
        return answer.json

    def fact(self, key):
        with self.lock:
            return self.facts.setdefault(key, {"descriptions": {"made"}, "materials": {1}})

    def broken(self):
        with self.lock:
            self.breaks += 1

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for worker in self.workers:
            worker.join(self.patience + 10)
            if worker.connection:
                worker.connection.close()
        assert not [worker for worker in self.workers if worker.is_alive()], "a request hangs"

    def wait_for(self, successes, seconds=30):
        deadline = time.monotonic() + seconds
        goal = self.successes + successes
        while self.successes < goal:
            assert time.monotonic() < deadline, f"{goal - self.successes} of {successes} answers did not come"
            time.sleep(0.01)

    # ---- afterwards ----

    def check_refusals_may_be_repeated(self, case):
        for operation, status, code in self.refusals:
            case.assertIn(code, RETRYABLE, operation)
            case.assertGreaterEqual(status, 500, (operation, code))

    def check_answers_are_recorded(self, case):
        records = self.service.audit()
        recorded = {record["requestID"] for record in records}
        missing = [request_id for request_id in self.request_ids if request_id not in recorded]
        case.assertEqual(missing, [], f"of {len(self.request_ids)} answered requests")
        case.assertEqual(len({record["eventID"] for record in records}), len(records), "a record came twice")

    def check_facts(self, case):
        """Every acknowledged change is there, and no change without its record."""
        with self._asking() as ask:
            self._check_each_fact(case, ask)
            for blob, plaintext in self.data_keys:
                case.assertEqual(ask("Decrypt", {"CiphertextBlob": blob})["Plaintext"], plaintext)
        keys = set(self.key_ids())
        # The record of a change that the log refused follows when the log is back.
        p11kms_test.wait_until(lambda: not keys - self.recorded_keys(), 10, "a record of every key")

    def _check_each_fact(self, case, ask):
        for key, facts in self.facts.items():
            metadata = ask("DescribeKey", {"KeyId": facts.get("alias", key)})["KeyMetadata"]
            case.assertEqual((metadata["KeyId"], metadata["KeyState"]), (key, "Enabled"))
            case.assertIn(metadata["Description"], facts["descriptions"])
            if "tag" in facts:
                case.assertEqual(ask("ListResourceTags", {"KeyId": key})["Tags"], [facts["tag"]])
            rotations = ask("ListKeyRotations", {"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"})
            case.assertIn(len(rotations["Rotations"]), facts["materials"])

    def recorded_keys(self):
        return {record["responseElements"]["keyMetadata"]["keyId"] for record in self.service.audit("CreateKey")
                if record["responseElements"]}

    def key_ids(self):
        found, marker = [], {}
        with self._asking() as ask:
            while True:
                page = ask("ListKeys", {"Limit": 1000} | marker)
                found += [entry["KeyId"] for entry in page["Keys"]]
                if not page["Truncated"]:
                    return found
                marker = {"Marker": page["NextMarker"]}

    def materials(self):
        """How many the service knows of."""
        listed = {"IncludeKeyMaterial": "ALL_KEY_MATERIAL", "Limit": 1000}
        keys = self.key_ids()
        with self._asking() as ask:
            return sum(len(ask("ListKeyRotations", {"KeyId": key} | listed)["Rotations"]) for key in keys)

    @contextlib.contextmanager
    def _asking(self):
        connection = wire.connect(self.service)

        def ask(operation, parameters):
            request = wire.sign(wire.request_for(self.service, operation, parameters), self.credentials)
            answer = wire.send(self.service, request, connection)
            assert answer.status == 200, answer.body
            return answer.json

        try:
            yield ask
        finally:
            connection.close()
