"""Whether an answer is one that the model of KMS allows: no member missing, none unknown, types right."""

import base64
import re

def when(condition, *names):
    return set(names) if condition else set()


def key_metadata(key):
    state = key["KeyState"]
    there = state in ("Enabled", "Disabled")  # its material
    return ({"AWSAccountId", "Arn", "CreationDate", "CustomerMasterKeySpec", "Description", "Enabled", "KeyId",
             "KeyManager", "KeySpec", "KeyState", "KeyUsage", "MultiRegion", "Origin"}
            | when(state == "PendingReplicaDeletion", "PendingDeletionWindowInDays")
            | when(key["MultiRegion"], "MultiRegionConfiguration")
            | when(key["Origin"] in ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"), "CustomKeyStoreId")
            | when(key["Origin"] == "EXTERNAL" and there, "ExpirationModel")
            | when(key.get("ExpirationModel") == "KEY_MATERIAL_EXPIRES", "ValidTo"))


# What these answers always hold, though the model requires nothing of them (AWS KMS API Reference, the examples).
# A function says it of one that holds more or less by what it is.
ALWAYS = {
    "CancelKeyDeletion": {"KeyId"},
    "CreateCustomKeyStore": {"CustomKeyStoreId"},
    "CreateGrant": {"GrantId", "GrantToken"},
    "CreateKey": {"KeyMetadata"},
    "Decrypt": {"KeyId", "Plaintext", "EncryptionAlgorithm"},
    "DeleteImportedKeyMaterial": {"KeyId"},
    "DeriveSharedSecret": {"KeyId", "SharedSecret", "KeyAgreementAlgorithm", "KeyOrigin"},
    "DescribeCustomKeyStores": {"CustomKeyStores", "Truncated"},
    "DescribeKey": {"KeyMetadata"},
    "Encrypt": {"KeyId", "CiphertextBlob", "EncryptionAlgorithm"},
    "GenerateDataKey": {"KeyId", "CiphertextBlob", "Plaintext", "KeyMaterialId"},
    "GenerateDataKeyPair": {"KeyId", "KeyMaterialId", "KeyPairSpec", "PrivateKeyCiphertextBlob", "PrivateKeyPlaintext",
                            "PublicKey"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyId", "KeyMaterialId", "KeyPairSpec", "PrivateKeyCiphertextBlob",
                                            "PublicKey"},
    "GenerateDataKeyWithoutPlaintext": {"KeyId", "CiphertextBlob", "KeyMaterialId"},
    "GenerateMac": {"KeyId", "Mac", "MacAlgorithm"},
    "GenerateRandom": {"Plaintext"},
    "GetKeyLastUsage": {"KeyId", "KeyCreationDate", "TrackingStartDate"},
    "GetKeyPolicy": {"Policy", "PolicyName"},
    "GetKeyRotationStatus": {"KeyId", "KeyRotationEnabled"},
    "GetParametersForImport": {"KeyId", "ImportToken", "ParametersValidTo", "PublicKey"},
    "GetPublicKey": {"CustomerMasterKeySpec", "KeyId", "KeySpec", "KeyUsage", "PublicKey"},
    "ImportKeyMaterial": {"KeyId"},
    "ListAliases": {"Aliases", "Truncated"},
    "ListGrants": {"Grants", "Truncated"},
    "ListKeyPolicies": {"PolicyNames", "Truncated"},
    "ListKeyRotations": {"Rotations", "Truncated"},
    "ListKeys": {"Keys", "Truncated"},
    "ListResourceTags": {"Tags", "Truncated"},
    "ListRetirableGrants": {"Grants", "Truncated"},
    "ReEncrypt": {"KeyId", "SourceKeyId", "CiphertextBlob", "SourceEncryptionAlgorithm",
                  "DestinationEncryptionAlgorithm"},
    "ReplicateKey": {"ReplicaKeyMetadata", "ReplicaPolicy", "ReplicaTags"},
    "RotateKeyOnDemand": {"KeyId"},
    "ScheduleKeyDeletionResponse": lambda answer: {"KeyId", "KeyState", "PendingWindowInDays"} | when(
        answer["KeyState"] == "PendingDeletion", "DeletionDate"),
    "Sign": {"KeyId", "Signature", "SigningAlgorithm"},
    "Verify": {"KeyId", "SignatureValid", "SigningAlgorithm"},
    "VerifyMac": {"KeyId", "MacValid", "MacAlgorithm"},
    # parts of answers
    "AliasListEntry": {"AliasArn", "AliasName", "CreationDate", "LastUpdatedDate", "TargetKeyId"},
    "CustomKeyStoresListEntry": {"ConnectionState", "CreationDate", "CustomKeyStoreId", "CustomKeyStoreName"},
    "GrantListEntry": {"CreationDate", "GrantId", "GranteePrincipal", "IssuingAccount", "KeyId", "Operations"},
    "KeyLastUsageData": {"CloudTrailEventId", "KmsRequestId", "Operation", "Timestamp"},
    "KeyListEntry": {"KeyArn", "KeyId"},
    "KeyMetadata": key_metadata,
    "MultiRegionConfiguration": {"MultiRegionKeyType", "PrimaryKey", "ReplicaKeys"},
    "MultiRegionKey": {"Arn", "Region"},
    "RotationsListEntry": {"KeyId", "KeyMaterialId"},
    "Tag": {"TagKey", "TagValue"},
}

# The algorithms that a key's metadata and its public key tell: those of its usage, and of no other.
ALGORITHMS = {"ENCRYPT_DECRYPT": "EncryptionAlgorithms", "SIGN_VERIFY": "SigningAlgorithms",
              "GENERATE_VERIFY_MAC": "MacAlgorithms", "KEY_AGREEMENT": "KeyAgreementAlgorithms"}
# The algorithm of a side of an answer, and the material that it tells with a symmetric key alone.
MATERIALS = (("EncryptionAlgorithm", "KeyMaterialId"), ("SourceEncryptionAlgorithm", "SourceKeyMaterialId"),
             ("DestinationEncryptionAlgorithm", "DestinationKeyMaterialId"))

# What AWS answers though its list lacks it: new key specs have no place in the deprecated one, and are repeated there.
BEYOND = {"CustomerMasterKeySpec": {"ECC_NIST_EDWARDS25519"}}

# Codes that no operation lists since any may answer with them ("Common Errors").
COMMON = {"AccessDeniedException", "IncompleteSignatureException", "InvalidSignatureException",
          "MissingAuthenticationTokenException", "SerializationException", "ThrottlingException",
          "UnknownOperationException", "UnrecognizedClientException", "ValidationException", "ServiceUnavailable"}

# Codes beside those that the model lists: LocalStack's recordings of AWS, the neighbours', and what cannot exist here.
OBSERVED = {
    "CreateAlias": {"NotAuthorizedException"},
    "DeleteAlias": {"NotAuthorizedException"},
    "DescribeKey": {"InvalidGrantTokenException"},  # it takes grant tokens
    "UpdateAlias": {"NotAuthorizedException"},
    "ListKeyPolicies": {"InvalidMarkerException"},
    # A Recipient: enclaves and their attestation exist on AWS alone.
    "Decrypt": {"UnsupportedOperationException"},
    "DeriveSharedSecret": {"UnsupportedOperationException"},
    "GenerateDataKey": {"UnsupportedOperationException"},
    "GenerateDataKeyPair": {"UnsupportedOperationException"},
}


class ShapeError(AssertionError):
    pass


def expect(holds, path, what):
    if not holds:
        raise ShapeError(f"{path}: {what}")


def in_bounds(shape, size, path):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    expect((low is None or size >= low) and (high is None or size <= high), path, f"{size} is not in {low}..{high}")


def check_string(shape, value, path):
    expect(isinstance(value, str), path, f"{value!r} is no string")
    in_bounds(shape, len(value), path)
    enum = shape.metadata.get("enum")
    expect(not enum or value in enum or value in BEYOND.get(shape.name, set()), path, f"{value!r} is not one of {enum}")
    pattern = shape.metadata.get("pattern")
    expect(not pattern or re.search(pattern, value), path, f"{value!r} does not match {pattern}")


def check_blob(shape, value, path):
    expect(isinstance(value, str), path, f"{value!r} is no string")
    try:
        in_bounds(shape, len(base64.b64decode(value, validate=True)), path)
    except ValueError:
        raise ShapeError(f"{path}: {value!r} is not base64") from None


def check_boolean(shape, value, path):
    expect(isinstance(value, bool), path, f"{value!r} is no boolean")


def check_number(shape, value, path):
    expect(isinstance(value, int) and not isinstance(value, bool), path, f"{value!r} is no whole number")
    in_bounds(shape, value, path)


def check_time(shape, value, path):
    expect(isinstance(value, (int, float)) and not isinstance(value, bool), path, f"{value!r} is no time")
    expect(10**9 < value < 10**10, path, f"{value} is not in seconds")


def check_list(shape, value, path):
    expect(isinstance(value, list), path, f"{value!r} is no list")
    for i, element in enumerate(value):
        check(shape.member, element, f"{path}[{i}]")


def check_map(shape, value, path):
    expect(isinstance(value, dict), path, f"{value!r} is no map")
    for name, element in value.items():
        check(shape.value, element, f"{path}.{name}")


def check_kind(shape, value, path):
    """What an answer tells of a key goes with the kind of key it is."""
    if value.get("KeyUsage") in ALGORITHMS:
        told = set(value) & set(ALGORITHMS.values())
        expect(told == {ALGORITHMS[value["KeyUsage"]]}, path, f"{told} of a key for {value['KeyUsage']}")
    for algorithm, material in MATERIALS:
        if algorithm in value and material in shape.members:
            symmetric = value[algorithm] == "SYMMETRIC_DEFAULT"
            expect((material in value) == symmetric, path, f"{material} with {value[algorithm]}")
    if value.get("KeyState") == "Enabled":
        rotates = value["KeySpec"] == "SYMMETRIC_DEFAULT" and value["Origin"] in ("AWS_KMS", "EXTERNAL")
        expect(("CurrentKeyMaterialId" in value) == rotates, path, f"CurrentKeyMaterialId of a key of {value['Origin']}")


def always(name, value, path):
    names = ALWAYS.get(name, set())
    try:
        return names(value) if callable(names) else names
    except KeyError as missing:
        raise ShapeError(f"{path}: {missing} is missing") from None


def check_structure(shape, value, path):
    expect(isinstance(value, dict), path, f"{value!r} is no object")
    unknown = set(value) - set(shape.members)
    expect(not unknown, path, f"{unknown} are unknown")
    missing = (set(shape.required_members) | always(shape.name, value, path)) - set(value)
    expect(not missing, path, f"{missing} are missing")
    check_kind(shape, value, path)
    for name, element in value.items():
        check(shape.members[name], element, f"{path}.{name}")


KINDS = {"string": check_string, "blob": check_blob, "boolean": check_boolean, "integer": check_number,
         "long": check_number, "timestamp": check_time, "list": check_list, "map": check_map,
         "structure": check_structure}


def check(shape, value, path):
    KINDS[shape.type_name](shape, value, path)


def check_answer(operation, body):
    """Of a success: operation is botocore's OperationModel, body the parsed JSON (None: an empty body)."""
    if operation.output_shape is None:
        expect(not body, operation.name, f"{body!r} where nothing is answered")
        return
    missing = always(operation.name, body or {}, operation.name) - set(body or {})
    expect(not missing, operation.name, f"{missing} are missing")
    check(operation.output_shape, body or {}, operation.name)


def check_fault(operation, status, headers, body):
    """Of a refusal: one that the model lists, the same code in both places, the status that goes with it."""
    code = body.get("__type")
    expect(set(body) <= {"__type", "message"}, operation.name, f"{body} is no error")
    expect(headers.get("x-amzn-errortype") == code, operation.name, f"{headers} and {code}")
    listed = {shape.name: shape for shape in operation.error_shapes}
    allowed = set(listed) | COMMON | OBSERVED.get(operation.name, set())
    expect(code in allowed, operation.name, f"{code} is not one of {sorted(allowed)}")
    # botocore keeps this attribute to itself
    expected = 500 if code in listed and listed[code]._shape_model.get("fault") else 400
    expected = 503 if code == "ServiceUnavailable" else expected
    expect(status == expected, operation.name, f"{code} with status {status}")
