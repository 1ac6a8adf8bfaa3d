// Where the oracle is known to decide otherwise than AWS documents.
//
// Each departure lets one thing into the cases (cases.mjs). reword() turns such
// a case into one of the common ground that must be decided alike by AWS's own
// text: our answer to the case is compared with the oracle's to the reworded one.

import { BlockList } from 'node:net'

const NEVER = 'arn:aws:nothing:::at-all'
const asList = (value) => (Array.isArray(value) ? value : [value])

function findKey(test, name) {
  const key = Object.keys(test.keys).find((each) => each.toLowerCase() === name.toLowerCase())
  return key === undefined ? undefined : test.keys[key]
}

// Documents of a case, each with its statements as a list.
function rewordDocuments(test, each) {
  const reword = (document) =>
    document && { ...document, Statement: asList(document.Statement).flatMap((s) => each(structuredClone(s), document)) }
  return {
    ...test,
    identity: test.identity.map(reword),
    session: test.session.map(reword),
    boundary: reword(test.boundary),
    policy: reword(test.policy),
  }
}

const impossible = { StringEquals: { 'never:here': 'x' } }

// each(operator, key, values) yields conditions to put in place, [] for none.
function rewordConditions(test, each) {
  return rewordDocuments(test, (statement, document) => {
    const conditions = {}
    for (const [operator, block] of Object.entries(statement.Condition ?? {})) {
      for (const [key, values] of Object.entries(block)) {
        for (const [newOperator, newKey, newValues] of each(operator, key, asList(values), statement, document)) {
          conditions[newOperator] = { ...(conditions[newOperator] ?? {}), [newKey]: newValues }
        }
      }
    }
    return statement.Condition ? { ...statement, Condition: conditions } : statement
  })
}

function rewordResources(test, each) {
  return rewordDocuments(test, (statement, document) => {
    for (const element of ['Resource', 'NotResource']) {
      if (statement[element] !== undefined) {
        statement[element] = asList(statement[element]).map((pattern) => each(pattern, element, document))
      }
    }
    return statement
  })
}

const base = (operator) => operator.replace(/^For(All|Any)Values?:/, '').replace(/IfExists$/, '')
const negated = (operator) => base(operator).includes('Not')
const isVersion2012 = (document) => document.Version === '2012-10-17'

function lacksValue(test, text) {
  return [...text.matchAll(/\$\{([^},]*)(, '[^']*')?\}/g)].some(
    ([, name, fallback]) => name.length > 1 && !fallback && typeof findKey(test, name) !== 'string',
  )
}

// "Inverted condition operators like StringNotEquals do match against a null value"; a resource with such a
// variable "will not match any resource".
function nullVariable(test) {
  const conditions = rewordConditions(test, (operator, key, values) => [
    [operator, key, values.map((text) => {
      if (!negated(operator) || !lacksValue(test, String(text))) {
        return text
      }
      return base(operator).startsWith('Arn') ? NEVER : '\u0001'
    })],
  ])
  return rewordResources(conditions, (pattern) => (lacksValue(test, pattern) ? NEVER : pattern))
}

// "These predefined policy variables can be used in any string where you can use regular policy variables."
function specialCharacters(test) {
  return rewordConditions(test, (operator, key, values) => [
    [operator, key, base(operator).includes('Equals') && base(operator).startsWith('String')
      ? values.map((text) => String(text).replace(/\$\{([*?$])\}/g, '$1'))
      : values],
  ])
}

// "If you don't include the Version element and set it to an appropriate version date, variables like
// ${aws:username} are treated as literal strings in the policy."
function oldVersion(test) {
  const conditions = rewordConditions(test, (operator, key, values, statement, document) => [
    [operator, key, isVersion2012(document) ? values : values.map((text) => {
      const literal = String(text)
      if (/^(String.*Like|Arn)/.test(base(operator))) {
        return literal.replaceAll('${', '${$}{')
      }
      return literal.includes('${') ? '\u0001' : text // no value of a request has such text
    })],
  ])
  return rewordResources(conditions, (pattern, element, document) =>
    isVersion2012(document) ? pattern : pattern.replaceAll('${', '${$}{'))
}

// "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the colon
// boundaries."
function resourceMatches(pattern, resource) {
  const parts = pattern.split(':')
  const expressions = [...parts.slice(0, 5), ...(parts.length > 5 ? [parts.slice(5).join(':')] : [])].map((part, i) =>
    part.replace(/[.+^${}()|[\]\\]|\*$|[*?]/g, (c) => {
      if (i === 5) {
        return c === '*' ? '.*' : c === '?' ? '.' : `\\${c}`
      }
      return c === '?' ? '[^:]' : c !== '*' ? `\\${c}` : '\u0001'
    }).replace(/\u0001$/, '.*').replaceAll('\u0001', '[^:]*'))
  return new RegExp(`^${expressions.join(':')}$`).test(resource)
}

function starRunsOn(test) {
  return rewordResources(test, (pattern) =>
    pattern === '*' || pattern.includes('${') ? pattern : resourceMatches(pattern, test.resource) ? test.resource : NEVER)
}

// Sparing takes all levels: "AWS might validate the account first, then the role, and then the assumed-role user".
function notPrincipal(test) {
  const { kind, account, arn, role } = test.caller
  const levels = kind === 'service' ? [[arn]] : [[arn], [account, `arn:aws:iam::${account}:root`], ...(role ? [[role]] : [])]
  return rewordDocuments(test, (statement) => {
    if (!statement.NotPrincipal) {
      return statement
    }
    const listed = Object.values(statement.NotPrincipal).flat()
    const { NotPrincipal, ...rest } = statement
    const spared = !test.boundary && levels.every((names) => names.some((name) => listed.includes(name)))
    return spared ? [] : { ...rest, Principal: '*' }
  })
}

// "If the key is not present, evaluate the condition element as true."
function forAnyValueIfExists(test) {
  return rewordConditions(test, (operator, key, values) =>
    operator.endsWith('IfExists') && findKey(test, key) === undefined ? [] : [[operator.replace(/IfExists$/, ''), key, values]])
}

// "Multivalued context keys require a condition set operator." A Deny holds here all the same: docs/policy.md.
function noSetOperator(test) {
  return rewordConditions(test, (operator, key, values, statement) =>
    operator !== 'Null' && !operator.startsWith('For') && Array.isArray(findKey(test, key)) && statement.Effect === 'Deny'
      ? [[`ForAnyValue:${base(operator)}`, key, values]]
      : [[operator, key, values]])
}

const readable = {
  Numeric: (text) => /^-?\d+(\.\d+)?$/.test(text),
  Date: (text) => /^\d{4}-\d\d/.test(text),
  Arn: (text) => text.split(':').length >= 6,
  Bool: (text) => /^(true|false)$/i.test(text),
  IpAddress: (text) => /^\d+\.\d+\.\d+\.\d+$/.test(text),
  NotIpAddress: (text) => /^\d+\.\d+\.\d+\.\d+$/.test(text),
}

// What cannot be read as the operator's type equals nothing: a negated operator holds, as it does without the key.
function oddValues(test) {
  const keys = Object.fromEntries(
    Object.entries(test.keys).map(([key, value]) =>
      [key, value === '1767323045' && /^aws:(CurrentTime|TokenIssueTime)$/.test(key) ? '2026-01-02T03:04:05Z' : value]))
  const reworded = rewordConditions({ ...test, keys }, (operator, key, values) => {
    const type = Object.keys(readable).find((name) => base(operator).startsWith(name))
    const value = findKey({ keys }, key)
    if (!type || typeof value !== 'string' || readable[type](value)) {
      return [[operator, key, values]]
    }
    return negated(operator) ? [] : [['StringEquals', 'never:here', ['x']]]
  })
  return { ...reworded, keys }
}

function inNetwork(network, address) {
  const [plain, family] = address.startsWith('::ffff:') ? [address.slice(7), 'ipv4'] : [address, address.includes(':') ? 'ipv6' : 'ipv4']
  const [start, bits] = network.split('/')
  const own = start.includes(':') ? 'ipv6' : 'ipv4'
  const list = new BlockList()
  list.addSubnet(start, Number(bits ?? (own === 'ipv4' ? 32 : 128)), own)
  return own === family && list.check(plain, family)
}

// An address of the other family is outside every network of this one.
function addressFamilies(test) {
  const keys = Object.fromEntries(
    Object.entries(test.keys).map(([key, value]) => [key, /Ip$/.test(key) ? '203.0.113.9' : value]))
  const reworded = rewordConditions(test, (operator, key, values) => {
    const value = findKey(test, key)
    if (!base(operator).endsWith('IpAddress') || typeof value !== 'string') {
      return [[operator, key, values]]
    }
    return [[operator, key, [values.some((network) => inNetwork(network, value)) ? '203.0.113.9/32' : '198.51.100.77/32']]]
  })
  return { ...reworded, keys }
}

// "... a null dataset, such as an empty string."
function emptySets(test) {
  const keys = Object.entries(test.keys).filter(([, value]) => !Array.isArray(value) || value.some((text) => text !== ''))
  return { ...test, keys: Object.fromEntries(keys) }
}

// "If the required Resource element is missing from a key policy statement, the policy statement has no effect."
function inert(test) {
  return rewordDocuments(test, (statement) => (statement.Resource || statement.NotResource ? statement : []))
}

// "Permissions granted directly to a session are not limited by an implicit deny in an identity policy, a
// permissions boundary, or session policy": what the resource policy gives to the session itself.
function givenToSession(test) {
  if (test.caller.kind !== 'session' || test.owner !== test.caller.account || !test.policy) {
    return undefined
  }
  const alone = { ...test, identity: [], session: [], boundary: undefined }
  return rewordDocuments(alone, (statement) => {
    const principals = statement.Principal === '*' ? ['*'] : asList(statement.Principal.AWS ?? [])
    const names = principals.filter((name) => name === '*' || name === test.caller.arn)
    if (statement.Effect === 'Deny') {
      return statement
    }
    return names.length > 0 ? { ...statement, Principal: { AWS: names } } : []
  })
}

function sessionPolicies(test, ask) {
  const answer = ask(test)
  const direct = answer === 'implicit' ? givenToSession(test) : undefined
  return direct && ask(direct) === 'allow' ? 'allow' : answer
}

const reworded = (reword) => (test, ask) => ask(reword(test))

export const departures = {
  'null-variable': { about: 'negated operators, and NotResource, with variables that have no value', ask: reworded(nullVariable) },
  'special-characters': { about: '${*}, ${?} and ${$} in operators that know no wildcards', ask: reworded(specialCharacters) },
  'old-version': { about: 'variables in documents that are not of 2012-10-17', ask: reworded(oldVersion) },
  'star-runs-on': { about: 'a star that ends a part of an ARN in Resource', ask: reworded(starRunsOn) },
  'session-policies': { about: 'session policies beside a resource policy that names the session', ask: sessionPolicies },
  'not-principal': { about: 'NotPrincipal that lists some of the levels of a caller', ask: reworded(notPrincipal) },
  'for-any-value-if-exists': { about: 'ForAnyValue with IfExists and no such key', ask: reworded(forAnyValueIfExists) },
  'no-set-operator': { about: 'keys of several values without a set operator', ask: reworded(noSetOperator) },
  'odd-values': { about: 'values of requests that are not of the type of the operator', ask: reworded(oddValues) },
  'address-families': { about: 'requests from IPv6 addresses', ask: reworded(addressFamilies) },
  'empty-sets': { about: 'keys of several values with nothing but an empty one', ask: reworded(emptySets) },
  inert: { about: 'statements of a key policy without Resource', ask: reworded(inert) },
}
