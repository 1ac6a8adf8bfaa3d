// Random documents and requests.
//
// A case is generated within the common ground: what AWS documents and both
// evaluators claim. Each departure (departures.mjs) lets one thing in where
// the oracle is known to decide otherwise.

const A = '111122223333'
const B = '444455556666'
const KEY = `arn:aws:kms:eu-west-1:${A}:key/1234abcd-12ab-34cd-56ef-1234567890ab`
const SECRET = `arn:aws:secretsmanager:eu-west-1:${A}:secret:app/db-Ab12Cd`

export class Random {
  constructor(seed) {
    this.state = seed >>> 0
  }
  // mulberry32
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  below(n) {
    return Math.floor(this.next() * n)
  }
  chance(p) {
    return this.next() < p
  }
  pick(list) {
    return list[this.below(list.length)]
  }
  some(list, most) {
    return Array.from({ length: 1 + this.below(most) }, () => this.pick(list))
  }
}

const unwrap = (r, list) => (list.length === 1 && r.chance(0.5) ? list[0] : list)

// ---- who asks for what ----

const callers = [
  { kind: 'user', account: A, arn: `arn:aws:iam::${A}:user/alice`, role: '' },
  { kind: 'user', account: A, arn: `arn:aws:iam::${A}:user/dev/carol`, role: '' },
  { kind: 'user', account: B, arn: `arn:aws:iam::${B}:user/bob`, role: '' },
  { kind: 'session', account: A, arn: `arn:aws:sts::${A}:assumed-role/app/web-1`, role: `arn:aws:iam::${A}:role/app` },
  { kind: 'session', account: B, arn: `arn:aws:sts::${B}:assumed-role/ci/job-7`, role: `arn:aws:iam::${B}:role/ci` },
  { kind: 'service', account: '', arn: 'secretsmanager.amazonaws.com', role: '' },
]

const services = {
  kms: {
    resource: KEY,
    decides: true,
    actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:DescribeKey', 'kms:CreateGrant'],
    patterns: ['kms:*', 'kms:Decrypt', 'kms:decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:De*', 'kms:?ecrypt',
      'kms:*t', '*', 'secretsmanager:*', 'kms:D*c*e*'],
    resources: ['*', '*', KEY, `arn:aws:kms:*:${A}:key/*`, `arn:aws:kms:eu-west-1:*:key/1234*`, `arn:aws:kms:*:*:key/*`,
      `arn:aws:kms:eu-west-?:${A}:key/*-34cd-*`, `arn:aws:kms:us-*:*:key/*`, `arn:aws:kms:*:*:alias/*`,
      `arn:aws:s3:::bucket/*`, `arn:aws:kms:eu-west-1:${B}:key/*`, `arn:aws:kms:*:${A}:key/????abcd-*`],
  },
  secretsmanager: {
    resource: SECRET,
    decides: false,
    actions: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue', 'secretsmanager:DescribeSecret'],
    patterns: ['secretsmanager:*', 'secretsmanager:Get*', 'secretsmanager:*SecretValue', 'SECRETSMANAGER:GETSECRETVALUE',
      '*', 'kms:*', 'secretsmanager:DescribeSecret'],
    resources: ['*', '*', SECRET, `arn:aws:secretsmanager:*:${A}:secret:app/*`,
      `arn:aws:secretsmanager:*:*:secret:app/db-??????`, `arn:aws:secretsmanager:*:*:secret:web/*`, KEY,
      `arn:aws:secretsmanager:eu-*:${A}:secret:*`],
  },
}

const principals = [
  A, B, `arn:aws:iam::${A}:root`, `arn:aws:iam::${B}:root`, ...callers.filter((c) => c.role).map((c) => c.role),
  ...callers.filter((c) => c.kind !== 'service').map((c) => c.arn), `arn:aws:iam::${A}:user/mallory`,
  `arn:aws:iam::${A}:role/other`, `arn:aws:sts::${A}:assumed-role/app/web-2`,
]

// ---- conditions ----

// Keys by what their values are; those of "several" have more than one.
const pools = {
  text: {
    keys: ['aws:username', 'aws:PrincipalTag/team', 'kms:EncryptionContext:app', 'kms:ViaService', 'aws:UserAgent'],
    several: ['aws:TagKeys', 'kms:EncryptionContextKeys'],
    values: ['alice', 'Alice', 'red', 'RED', 'blue', 'web-1', 'a*c', 'what?', '$', 'two words', 'x'],
    operators: ['StringEquals', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', 'StringLike',
      'StringNotLike'],
    written: ['alice', 'ALICE', 'red', 'r*', '*e*', '?ed', '*', 'a*c', 'web-?', '', 'two words', 'blue'],
  },
  number: {
    keys: ['kms:RotationPeriodInDays', 'aws:MultiFactorAuthAge'],
    several: [],
    values: ['0', '7', '10', '10.5', '90', '365', '2560', '-3'],
    operators: ['NumericEquals', 'NumericNotEquals', 'NumericLessThan', 'NumericLessThanEquals', 'NumericGreaterThan',
      'NumericGreaterThanEquals'],
    written: ['0', '7', '10', '10.50', '365', '-3', '1000'],
  },
  date: {
    keys: ['aws:CurrentTime', 'aws:TokenIssueTime'],
    several: [],
    values: ['2026-01-02T03:04:05Z', '2025-12-31T23:59:59Z', '2026-01-02T00:00:00Z', '2026-06-01T12:00:00Z'],
    operators: ['DateEquals', 'DateNotEquals', 'DateLessThan', 'DateLessThanEquals', 'DateGreaterThan',
      'DateGreaterThanEquals'],
    written: ['2026-01-02T03:04:05Z', '2026-01-02', '2026-01-02T04:04:05+01:00', '2026-01', '2026-01-02T03:04Z',
      '2026-01-02T03:04:05.500Z'],
  },
  bool: {
    keys: ['aws:SecureTransport', 'kms:GrantIsForAWSResource', 'aws:ViaAWSService'],
    several: [],
    values: ['true', 'false', 'TRUE'],
    operators: ['Bool'],
    written: ['true', 'false', 'True'],
  },
  address: {
    keys: ['aws:SourceIp', 'aws:VpcSourceIp'],
    several: [],
    values: ['203.0.113.9', '203.0.113.200', '198.51.100.1'],
    operators: ['IpAddress', 'NotIpAddress'],
    written: ['203.0.113.0/24', '203.0.113.9', '203.0.113.128/25', '198.51.100.0/22', '203.0.113.9/32',
      '2001:db8::/32', '2001:DB8:0:1::/64'],
  },
  arn: {
    keys: ['aws:PrincipalArn', 'aws:SourceArn'],
    several: ['kms:ResourceArns'],
    values: [`arn:aws:iam::${A}:user/alice`, `arn:aws:iam::${A}:role/app`, `arn:aws:iam::${B}:role/ci`, KEY,
      `arn:aws:sns:eu-west-1:${A}:a:b`],
    operators: ['ArnEquals', 'ArnNotEquals', 'ArnLike', 'ArnNotLike'],
    written: [`arn:aws:iam::${A}:user/alice`, `arn:aws:iam::*:role/*`, `arn:aws:iam::${A}:*`, 'arn:*:*:*:*:*',
      `arn:aws:kms:eu-*:${A}:key/*`, `arn:aws:iam::${A}:role/a?p`, `arn:aws:sns:*:*:a*b`],
  },
}

const variables = ['${aws:username}', '${aws:PrincipalTag/team}', '${kms:ViaService}', "${aws:UserAgent, 'none'}"]

function conditionKey(r, pool, several) {
  const key = several ? r.pick(pool.several) : r.pick(pool.keys)
  return r.chance(0.1) ? key.toUpperCase().replace(/\/TEAM$/, '/team') : key
}

function operatorName(r, pool, departures, several) {
  const base = r.pick(pool.operators)
  let set = ''
  if (several && !departures.has('no-set-operator')) {
    set = r.pick(['ForAllValues:', 'ForAnyValue:'])
  } else if (r.chance(0.08)) {
    set = r.pick(['ForAllValues:', 'ForAnyValue:'])
  }
  const mayExist = set !== 'ForAnyValue:' || departures.has('for-any-value-if-exists')
  return set + base + (mayExist && r.chance(0.25) ? 'IfExists' : '')
}

const specials = ['${*}', '${?}', '${$}']

function conditionValue(r, pool, name, key, departures, version) {
  const text = r.pick(pool.written)
  if (departures.has('special-characters') && version === '2012-10-17' && pool === pools.text && r.chance(0.5)) {
    return r.pick(['a${*}c', 'what${?}', '${$}'])
  }
  if ((pool !== pools.text && pool !== pools.arn) || !r.chance(departures.size > 0 ? 0.5 : 0.2)) {
    return text
  }
  if (version !== '2012-10-17' && !departures.has('old-version')) {
    return text
  }
  const values = [...(name.includes('Not') && !departures.has('null-variable') ? [] : variables),
    ...(name.includes('Like') || departures.has('special-characters') ? specials : [])]
  if (values.length === 0) {
    return text
  }
  const variable = version !== '2012-10-17' && r.chance(0.7) ? `\${${key}}` : r.pick(values)
  if (pool === pools.arn) {
    return `arn:aws:iam::${A}:user/${variable}`
  }
  return r.pick([variable, `${variable}*`, `*-${variable}`, text + variable])
}

// The kind of condition that a departure is about.
function aimedPool(departures) {
  const aims = { 'null-variable': 'text', 'special-characters': 'text', 'old-version': 'text', 'no-set-operator': 'text',
    'empty-sets': 'text', 'address-families': 'address' }
  return aims[[...departures].find((name) => aims[name])]
}

function condition(r, departures, version) {
  const result = {}
  for (let i = departures.size > 0 ? 0 : r.below(3); i >= 0; i--) {
    if (r.chance(0.15)) {
      const pool = pools[r.pick(Object.keys(pools))]
      result.Null = { [conditionKey(r, pool, false)]: r.pick(['true', 'false', true, false]) }
      continue
    }
    const pool = pools[aimedPool(departures) ?? r.pick(Object.keys(pools))]
    const several = pool.several.length > 0 && r.chance(departures.has('no-set-operator') || departures.has('empty-sets') ? 0.9 : 0.3)
    const name = operatorName(r, pool, departures, several)
    const key = conditionKey(r, pool, several)
    const values = Array.from({ length: 1 + r.below(3) }, () => conditionValue(r, pool, name, key, departures, version))
    result[name] = { ...(result[name] ?? {}) }
    if (!Object.keys(result[name]).some((k) => k.toLowerCase() === key.toLowerCase())) {
      result[name][key] = unwrap(r, values)
    }
  }
  return result
}

function requestKeys(r, departures) {
  const keys = {}
  for (const pool of Object.values(pools)) {
    for (const key of pool.keys) {
      if (r.chance(0.6)) {
        keys[key] = r.pick(pool.values)
        if (departures.has('address-families') && pool === pools.address) {
          keys[key] = r.pick(['2001:db8::9', '2001:db8:0:1:0:0:0:9', '::ffff:203.0.113.9'])
        }
        if (departures.has('odd-values') && r.chance(0.5)) {
          keys[key] = r.pick(['nonsense', '', 'arn:x', '1.2.3', '1767323045'])
        }
      }
    }
    for (const key of pool.several) {
      if (r.chance(0.6)) {
        keys[key] = r.some(pool.values, 3)
        if (departures.has('empty-sets') && r.chance(0.5)) {
          keys[key] = ['']
        }
      }
    }
  }
  return keys
}

// ---- documents ----

function resourceElement(r, service, departures, version) {
  const list = r.some(service.resources, 2)
  if (version === '2012-10-17' && r.chance(0.15)) {
    list.push(`${service.resource.replace(/[^/]*$/, '')}${r.pick(variables)}`)
  }
  if (departures.has('star-runs-on') && r.chance(0.6)) {
    list.push(r.pick(['arn:aws:kms:*', `arn:aws:*:${A}:key/*`, 'arn:*:key/1234*', 'arn:aws:kms:*:key/*',
      'arn:aws:secretsmanager:*', `arn:*:${A}:secret:app/*`]))
  }
  return list
}

function statement(r, service, kind, departures, version) {
  const result = { Effect: r.chance(kind === 'identity' ? 0.7 : 0.75) ? 'Allow' : 'Deny' }
  const actions = departures.size > 0 ? '*' : unwrap(r, r.some(service.patterns, 3))
  result[departures.size === 0 && r.chance(0.12) ? 'NotAction' : 'Action'] = actions
  const anyResource = aimedPool(departures) !== undefined && !departures.has('null-variable')
  const resources = anyResource ? ['*'] : resourceElement(r, service, departures, version)
  const variable = resources.some((text) => text.includes('${'))
  const not = !anyResource && r.chance(departures.has('null-variable') ? 0.5 : 0.1) && (!variable || departures.has('null-variable'))
  result[not ? 'NotResource' : 'Resource'] = unwrap(r, resources)
  if (departures.has('inert') && kind === 'resource' && r.chance(0.6)) {
    delete result[not ? 'NotResource' : 'Resource']
  }
  if (kind === 'resource') {
    if (departures.has('not-principal') && r.chance(0.6)) {
      result.Effect = 'Deny'
      result.NotPrincipal = { AWS: r.some(principals, 4) }
    } else if (r.chance(0.15)) {
      result.Principal = r.pick(['*', { AWS: '*' }])
    } else if (r.chance(0.12)) {
      result.Principal = { Service: r.pick(['secretsmanager.amazonaws.com', 'ssm.amazonaws.com']), AWS: r.pick(principals) }
    } else {
      result.Principal = { AWS: unwrap(r, r.some(principals, 3)) }
    }
  }
  if (r.chance(departures.size > 0 ? 0.8 : 0.45)) {
    result.Condition = condition(r, departures, version)
  }
  return result
}

function document(r, service, kind, departures) {
  const version = r.chance(departures.has('old-version') ? 0.3 : 0.85) ? '2012-10-17' : r.pick(['2008-10-17', undefined])
  const statements = Array.from({ length: 1 + (departures.size > 0 ? 0 : r.below(3)) }, () => statement(r, service, kind, departures, version))
  const result = { Statement: unwrap(r, statements) }
  if (version) {
    result.Version = version
  }
  return result
}

// A document that allows plainly: otherwise most cases end at the first side.
function generous(kind) {
  const result = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
  if (kind === 'resource') {
    result.Statement[0].Principal = { AWS: `arn:aws:iam::${A}:root` }
  }
  return result
}

const documentOrGenerous = (r, service, kind, departures) =>
  r.chance(departures.size > 0 ? 0.5 : 0.25) ? generous(kind) : document(r, service, kind, departures)

export function makeCase(r, departures) {
  const service = services[r.pick(['kms', 'kms', 'secretsmanager'])]
  const caller = departures.size > 0 ? r.pick(callers.filter((each) => each.account === A)) : r.pick(callers)
  const wildcardOnly = r.chance(0.05)
  const result = {
    caller,
    action: wildcardOnly ? 'kms:ListKeys' : r.pick(service.actions),
    resource: wildcardOnly ? '*' : service.resource,
    owner: wildcardOnly ? caller.account : A,
    decides: service.decides && !wildcardOnly,
    keys: requestKeys(r, departures),
    identity: [],
    session: [],
    wildcardOnly,
  }
  if (caller.kind !== 'service') {
    result.identity = Array.from({ length: departures.size > 0 ? 1 : r.below(3) }, () => documentOrGenerous(r, service, 'identity', departures))
    if (r.chance(0.2)) {
      result.boundary = documentOrGenerous(r, service, 'identity', departures)
    }
    if (caller.kind === 'session' && departures.has('session-policies') && r.chance(0.7)) {
      result.session = [documentOrGenerous(r, service, 'identity', departures)]
    }
  }
  if (!wildcardOnly && r.chance(0.9)) {
    result.policy = documentOrGenerous(r, service, 'resource', departures)
  }
  return result
}

// ---- malformed documents ----

const oddities = [null, true, 7, 1.5, '', '*', 'x', [], {}, ['*'], { AWS: '*' }, { a: { b: 'c' } }, [[]], 'kms:a b:c',
  'Maybe', '2012-10-18']

const names = ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition',
  'Statement', 'Version', 'Comment']

function mutate(r, value) {
  if (value === null || typeof value !== 'object' || r.chance(0.25)) {
    return r.pick(oddities)
  }
  const keys = Object.keys(value)
  const copy = Array.isArray(value) ? [...value] : { ...value }
  if (!Array.isArray(copy) && r.chance(0.25)) {
    copy[r.pick(names)] = r.pick(oddities)
  } else if (keys.length > 0) {
    const key = r.pick(keys)
    if (!Array.isArray(copy) && r.chance(0.2)) {
      delete copy[key]
    } else {
      copy[key] = mutate(r, copy[key])
    }
  }
  return copy
}

export function makeMalformed(r) {
  const kind = r.pick(['identity', 'resource', 'session', 'boundary'])
  const service = services[r.pick(Object.keys(services))]
  const shape = kind === 'resource' ? 'resource' : 'identity'
  return { kind, compile: mutate(r, document(r, service, shape, new Set())) }
}
