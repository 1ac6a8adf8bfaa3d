// Usage: node run.mjs DRIVER CASES SEED
//
// Exit 1 where a disagreement is left that departures.mjs does not explain.

import { spawnSync } from 'node:child_process'
import { loadPolicy, validateIdentityPolicy, validateResourcePolicy } from '@cloud-copilot/iam-policy'
import { makeCase, makeMalformed, Random } from './cases.mjs'
import { departures } from './departures.mjs'

// authorize() alone takes session policies and any condition key; the package does not export it.
const oracle = './node_modules/@cloud-copilot/iam-simulate/dist/esm'
const { authorize } = await import(`${oracle}/core_engine/CoreSimulatorEngine.js`)
const { AwsRequestImpl } = await import(`${oracle}/request/request.js`)
const { RequestContextImpl } = await import(`${oracle}/requestContext.js`)
const { DiscoveryContextKeyConstraints } = await import(`${oracle}/context_keys/discoveryContextKeyConstraints.js`)

const [driver, cases, seed] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const words = { Allowed: 'allow', ImplicitlyDenied: 'implicit', ExplicitlyDenied: 'explicit' }

const load = (policy) => loadPolicy(policy, { name: 'differential' })

function askOracle(test) {
  const result = authorize({
    request: new AwsRequestImpl(
      test.caller.arn,
      { resource: test.resource, accountId: test.owner },
      test.action,
      new RequestContextImpl(test.keys),
      test.wildcardOnly,
    ),
    sessionPolicy: test.session.length > 0 ? load(test.session[0]) : undefined,
    identityPolicies: test.identity.map(load),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: test.policy ? load(test.policy) : undefined,
    permissionBoundaries: test.boundary ? [load(test.boundary)] : undefined,
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: 'Strict',
      discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]),
    },
    serviceSettings: { s3: {} },
  })
  return words[result.result]
}

function askDriver(tests) {
  const input = tests.map((test) => JSON.stringify(test)).join('\n') + '\n'
  const run = spawnSync(driver, { input, encoding: 'utf8', maxBuffer: 1 << 30 })
  if (run.status !== 0) {
    throw new Error(`the driver ended with ${run.signal ?? run.status}: ${run.stderr}`)
  }
  const lines = run.stdout.trimEnd().split('\n')
  if (lines.length !== tests.length) {
    throw new Error(`${tests.length} questions, ${lines.length} answers`)
  }
  return lines
}

const BATCH = 2000

// "raw" counts where the oracle disagrees with us, "left" where it does after rewording.
function compare(n, r, allowed, ask, show) {
  const count = { allow: 0, implicit: 0, explicit: 0, raw: 0, left: 0 }
  for (let done = 0; done < n; done += BATCH) {
    const tests = Array.from({ length: Math.min(BATCH, n - done) }, () => makeCase(r, allowed))
    askDriver(tests).forEach((ours, i) => {
      const theirs = ask(tests[i], askOracle)
      count.raw += ours !== askOracle(tests[i])
      count.left += ours !== theirs
      count[theirs]++
      if (ours !== theirs && count.left <= show) {
        console.log(`ours ${ours}, oracle ${theirs}: ${JSON.stringify(tests[i])}`)
      }
    })
  }
  return count
}

// KMS accepts a statement of a key policy without Action, as one that does nothing.
function validate(test) {
  if (test.kind !== 'resource') {
    return validateIdentityPolicy(test.compile)
  }
  return validateResourcePolicy(test.compile).filter((error) => !error.message.startsWith('One of Action or NotAction'))
}

// What the oracle's validator refuses, we refuse. We refuse more: it looks at syntax alone.
function compareMalformed(n, r, show) {
  const tests = Array.from({ length: n }, () => makeMalformed(r))
  const ours = askDriver(tests)
  const count = { both: 0, neither: 0, weAlone: 0, itAlone: 0 }
  tests.forEach((test, i) => {
    let refused
    try {
      refused = validate(test).length > 0
    } catch {
      refused = true // it stumbles over null where an object should be
    }
    const weRefuse = ours[i].startsWith('malformed')
    count[refused ? (weRefuse ? 'both' : 'itAlone') : weRefuse ? 'weAlone' : 'neither']++
    if (refused && !weRefuse && count.itAlone <= show) {
      console.log(`accepted, and refused by the oracle: ${JSON.stringify(test)}`)
    }
  })
  return count
}

const show = Number(process.env.SHOW ?? 5)
let left = 0

const common = compare(cases, new Random(seed), new Set(), askOracle, show)
left += common.left
console.log(`common ground: ${cases} cases (allow ${common.allow}, implicit ${common.implicit}, explicit ` +
  `${common.explicit}), ${common.left} disagreements`)
for (const [name, { about, ask }] of Object.entries(departures)) {
  const n = Math.ceil(cases / 5)
  const count = compare(n, new Random(seed + 1), new Set([name]), ask, show)
  left += count.left
  console.log(`${name} (${about}): ${n} cases, ${count.raw} disagreements, ${count.left} once reworded`)
}
const malformed = compareMalformed(Math.ceil(cases / 2), new Random(seed + 2), show)
left += malformed.itAlone
console.log(`malformed documents: ${malformed.both} refused by both, ${malformed.neither} by neither, ` +
  `${malformed.weAlone} by us alone, ${malformed.itAlone} by the oracle alone`)
console.log(`unexplained: ${left}`)
process.exit(left > 0 ? 1 : 0)
