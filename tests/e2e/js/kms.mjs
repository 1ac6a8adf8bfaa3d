// The AWS SDK for JavaScript v3 against a service: prints {"name of a promise": null or what broke it}.
// Endpoint, credentials and CA come from the usual AWS_ variables and NODE_EXTRA_CA_CERTS.
import assert from "node:assert/strict";
import { verify } from "node:crypto";
import { buildClient, CommitmentPolicy, getClient, KMS, KmsKeyringNode } from "@aws-crypto/client-node";
import {
  CancelKeyDeletionCommand, CreateAliasCommand, CreateKeyCommand, DecryptCommand,
  DescribeKeyCommand, DisabledException, DisableKeyCommand, EnableKeyRotationCommand, EncryptCommand,
  GenerateDataKeyCommand, GenerateMacCommand, GenerateRandomCommand, GetKeyPolicyCommand, GetKeyRotationStatusCommand, GetPublicKeyCommand,
  InvalidCiphertextException, KMSClient, KMSInvalidMacException, ListResourceTagsCommand, NotFoundException, paginateListAliases,
  paginateListKeyRotations, paginateListKeys, PutKeyPolicyCommand, ReEncryptCommand, RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand, SignCommand, TagResourceCommand, VerifyMacCommand,
} from "@aws-sdk/client-kms";

const client = (options = {}) => new KMSClient({ endpoint: process.env.AWS_ENDPOINT_URL, maxAttempts: 1, ...options });
const kms = client();
const text = (bytes) => new TextDecoder().decode(bytes);
const newKey = async (parameters = {}) => (await kms.send(new CreateKeyCommand(parameters))).KeyMetadata;
const all = async (paginator, member) => {
  const found = [];
  for await (const page of paginator) {
    found.push(...page[member]);
  }
  return found;
};

async function refused(exception, message, promise) {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof exception, `${error.name}: ${error.message}`);
    assert.equal(error.name, exception.name);
    if (message !== null) {
      assert.match(error.message, message);
    }
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
    return;
  }
  assert.fail(`${exception.name} was expected`);
}

const promises = {
  async "a message comes back"() {
    const key = await newKey({ Description: "from JavaScript 🔑" });
    assert(key.CreationDate instanceof Date);
    const context = { tenant: "a", ключ: "значение" };
    const sealed = await kms.send(new EncryptCommand({
      KeyId: key.KeyId, Plaintext: new TextEncoder().encode("hello"), EncryptionContext: context,
    }));
    assert(sealed.CiphertextBlob instanceof Uint8Array);
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: context }));
    assert.equal(text(opened.Plaintext), "hello");
    assert.equal(opened.KeyId, key.Arn);
    assert.equal(opened.KeyMaterialId, key.CurrentKeyMaterialId);
  },

  async "data keys and random bytes have their length"() {
    const key = await newKey();
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId: key.KeyId, KeySpec: "AES_256" }));
    assert.equal(made.Plaintext.length, 32);
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
    assert.deepEqual(opened.Plaintext, made.Plaintext);
    assert.equal((await kms.send(new GenerateRandomCommand({ NumberOfBytes: 77 }))).Plaintext.length, 77);
  },

  async "a message moves to another key"() {
    const [one, two] = [await newKey(), await newKey()];
    const sealed = await kms.send(new EncryptCommand({ KeyId: one.KeyId, Plaintext: Buffer.from("x") }));
    const moved = await kms.send(new ReEncryptCommand({
      CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: two.KeyId,
    }));
    assert.equal(moved.SourceKeyId, one.Arn);
    assert.equal(moved.KeyId, two.Arn);
  },

  async "refusals are the exceptions of the SDK"() {
    await refused(NotFoundException, /^Invalid keyId 'fake'$/, kms.send(new DescribeKeyCommand({ KeyId: "fake" })));
    const key = await newKey();
    await kms.send(new DisableKeyCommand({ KeyId: key.KeyId }));
    await refused(DisabledException, / is disabled\.$/,
      kms.send(new EncryptCommand({ KeyId: key.KeyId, Plaintext: Buffer.from("x") })));
    await refused(InvalidCiphertextException, null,
      kms.send(new DecryptCommand({ CiphertextBlob: Buffer.from("nonsense") })));
  },

  async "a denial is told as one"() {
    const app = client({ credentials: { accessKeyId: "APPKEY", secretAccessKey: "APPSECRET" } });
    const error = await app.send(new CreateKeyCommand({})).catch((e) => e);
    assert.equal(error.name, "AccessDeniedException");
    assert.match(error.message, /is not authorized to perform: kms:CreateKey/);
  },

  async "listings come page by page"() {
    const key = await newKey();
    for (let i = 0; i < 5; i++) {
      await kms.send(new CreateAliasCommand({ AliasName: `alias/js-${i}`, TargetKeyId: key.KeyId }));
      await kms.send(new RotateKeyOnDemandCommand({ KeyId: key.KeyId }));
    }
    const aliases = await all(paginateListAliases({ client: kms, pageSize: 2 }, { KeyId: key.KeyId }), "Aliases");
    assert.deepEqual(aliases.map((alias) => alias.AliasName), [0, 1, 2, 3, 4].map((i) => `alias/js-${i}`));
    assert.equal((await all(paginateListKeyRotations({ client: kms, pageSize: 1 }, { KeyId: key.KeyId }),
      "Rotations")).length, 5);
    const keys = await all(paginateListKeys({ client: kms, pageSize: 1 }, {}), "Keys");
    assert(keys.some((entry) => entry.KeyId === key.KeyId));
  },

  async "a key's life is as written"() {
    const key = await newKey({ Tags: [{ TagKey: "a", TagValue: "1" }] });
    await kms.send(new TagResourceCommand({ KeyId: key.KeyId, Tags: [{ TagKey: "b", TagValue: "2" }] }));
    const tags = await kms.send(new ListResourceTagsCommand({ KeyId: key.KeyId }));
    assert.deepEqual(tags.Tags.map((tag) => tag.TagKey), ["a", "b"]);
    await kms.send(new EnableKeyRotationCommand({ KeyId: key.KeyId, RotationPeriodInDays: 100 }));
    const status = await kms.send(new GetKeyRotationStatusCommand({ KeyId: key.KeyId }));
    assert.equal(status.RotationPeriodInDays, 100);
    assert(status.NextRotationDate > new Date());
    const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: key.KeyId }));
    await kms.send(new PutKeyPolicyCommand({ KeyId: key.KeyId, Policy }));
    const scheduled = await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.KeyId, PendingWindowInDays: 7 }));
    assert.equal(scheduled.KeyState, "PendingDeletion");
    assert(scheduled.DeletionDate instanceof Date);
    await kms.send(new CancelKeyDeletionCommand({ KeyId: key.KeyId }));
    const found = await kms.send(new DescribeKeyCommand({ KeyId: key.KeyId }));
    assert.equal(found.KeyMetadata.KeyState, "Disabled");
  },

  async "a signature is right for those who have the public key alone"() {
    const { KeyId } = await newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
    const Message = Buffer.from("a contract");
    const { Signature } = await kms.send(new SignCommand({ KeyId, Message, SigningAlgorithm: "ECDSA_SHA_256" }));
    const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    const key = { key: Buffer.from(PublicKey), format: "der", type: "spki" };
    assert(verify("sha256", Message, key, Signature));
    assert(!verify("sha256", Buffer.from("another"), key, Signature));
  },

  async "a MAC is verified, and a wrong one refused"() {
    const { KeyId } = await newKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
    const said = { KeyId, Message: Buffer.from("x"), MacAlgorithm: "HMAC_SHA_256" };
    const { Mac } = await kms.send(new GenerateMacCommand(said));
    assert.equal((await kms.send(new VerifyMacCommand({ ...said, Mac }))).MacValid, true);
    Mac[0] ^= 1;
    await refused(KMSInvalidMacException, null, kms.send(new VerifyMacCommand({ ...said, Mac })));
  },

  async "the AWS Encryption SDK takes its data keys from here"() {
    const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
    const clientProvider = getClient(KMS, { endpoint: process.env.AWS_ENDPOINT_URL });
    const keyring = new KmsKeyringNode({ generatorKeyId: (await newKey()).Arn, clientProvider });
    const { result } = await encrypt(keyring, "a file", { encryptionContext: { purpose: "backup" } });
    const { plaintext, messageHeader } = await decrypt(keyring, result);
    assert.equal(plaintext.toString(), "a file");
    assert.equal(messageHeader.encryptionContext.purpose, "backup");
  },

  async "a client whose clock is wrong corrects it by our Date"() {
    for (const minutes of [-20, 20]) {
      const skewed = client({ maxAttempts: 3, systemClockOffset: minutes * 60 * 1000 });
      assert.equal((await skewed.send(new GenerateRandomCommand({ NumberOfBytes: 8 }))).Plaintext.length, 8);
      assert(Math.abs(skewed.config.systemClockOffset) < 60 * 1000);
    }
  },

  async "hundreds of requests at once are all answered"() {
    const key = await newKey();
    const made = await Promise.all(Array.from({ length: 300 },
      () => kms.send(new GenerateDataKeyCommand({ KeyId: key.KeyId, KeySpec: "AES_128" }))));
    assert.equal(new Set(made.map((one) => Buffer.from(one.Plaintext).toString("hex"))).size, 300);
  },
};

const results = {};
for (const [name, keep] of Object.entries(promises)) {
  results[name] = await keep().then(() => null, (error) => error.stack ?? String(error));
}
console.log(JSON.stringify(results));
