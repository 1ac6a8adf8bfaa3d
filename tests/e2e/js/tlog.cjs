// Checkpoints and inclusion proofs held against Sigstore's own verifier (@sigstore/verify): {key, hint, name, proofs} as
// JSON on standard input, a line of JSON out: for each proof null, or why it was refused.
const fs = require("node:fs");
const path = require("node:path");
const crypto = require("node:crypto");

const part = (name) => require(path.join(__dirname, "node_modules", "@sigstore", "verify", "dist", "tlog", name));
const { verifyCheckpoint } = part("checkpoint.js");
const { verifyMerkleInclusion } = part("merkle.js");

const input = JSON.parse(fs.readFileSync(0, "utf8"));
const log = {
  baseURL: `https://${input.name}`,
  logID: Buffer.from(input.hint, "hex"),
  publicKey: crypto.createPublicKey({ key: Buffer.from(input.key, "base64"), format: "der", type: "spki" }),
};
const results = input.proofs.map((proof) => {
  const entry = {
    canonicalizedBody: Buffer.from(proof.record, "base64"),
    inclusionProof: {
      checkpoint: { envelope: proof.note },
      logIndex: proof.index,
      hashes: proof.hashes.map((hash) => Buffer.from(hash, "base64")),
    },
  };
  try {
    verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]));
    return null;
  } catch (error) {
    return String(error.message);
  }
});
console.log(JSON.stringify(results));
