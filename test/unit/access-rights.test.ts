/** Which tunnels and scopes a credential is for, and what it may grant. */
import fc from 'fast-check'
import t from 'tap'
import {
  mayGrant,
  mayReach,
  nodeMayClaim,
  requireReach,
  requireScope,
} from '../../gateway/access/authority.js'
import { type AskedGrant, parseGrant } from '../../gateway/access/grant.js'
import { EVERYBODY, type Principal, type Scope } from '../../gateway/access/principal.js'
import {
  isWithin,
  matchesId,
  matchesName,
  parsePattern,
  parsePatterns,
} from '../../gateway/agents/tunnel-patterns.js'
import { problem } from '../helpers/heads.js'

const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'

function operator(scopes: Scope[], tunnels?: string[]): Principal {
  return { id: 'token:a', scopes: new Set(scopes), node: undefined, tunnels, expiresAt: undefined }
}

function node(patterns: string[], open = false): Principal {
  return { id: 'token:n', scopes: undefined, node: { patterns, public: open }, expiresAt: undefined }
}

t.test('patterns say which tunnels they are for', async (t) => {
  const cases: [pattern: string, id: string, name: string | null, byId: boolean, byName: boolean][] = [
    ['*', ID, 'shop', true, true],
    [ID, ID, 'shop', true, false],
    ['agent_*', ID, null, true, false],
    ['agent_*_prod', ID, null, true, false],
    ['agent_*_dev', ID, null, false, false],
    ['agent_550e8400-e29b-41d4-a716-446655440000_*', ID, null, true, false],
    ['agent_650e8400-e29b-41d4-a716-446655440000_*', ID, null, false, false],
    ['agent_*0_*d', ID, null, true, false],
    ['AGENT_550E8400-*', ID, null, true, false],
    ['name:shop', ID, 'shop', false, true],
    ['name:sh*', ID, 'shop', false, true],
    ['name:*', ID, 'shop', false, true],
    ['name:shop', ID, 'shops', false, false],
    ['name:*hop*s', ID, 'shop', false, false],
    ['agent_*', ID, 'agent-x', true, false],
  ]
  for (const [pattern, id, name, byId, byName] of cases) {
    const patterns = [parsePattern(pattern)]
    t.equal(matchesId(patterns, id), byId, `${pattern} ${id}`)
    if (name !== null) t.equal(matchesName(patterns, name), byName, `${pattern} ${name}`)
  }
  t.notOk(matchesId([], ID))
  t.notOk(matchesName([], 'shop'))
})

t.test('what is no pattern is refused with its rule', async (t) => {
  const cases: [string, RegExp][] = [
    ['', /neither agent_…, name:… nor \*/],
    ['shop', /neither/],
    ['agent*', /neither/],
    ['**', /neither/],
    ['agent_prod', /is no tunnel id and has no \*/],
    ['agent_x/*', /holds other characters/],
    ['name:', /names other characters/],
    ['name:a b', /names other characters/],
    ['name:-shop', /matches nothing: the name/],
    ['name:www', /is reserved/],
    [`agent_${'*'.repeat(130)}`, /is longer than 128/],
  ]
  for (const [text, rule] of cases) {
    const [code, detail] = problem(() => parsePattern(text))
    t.equal(code, 'bad_request', text)
    t.match(detail, rule, text)
  }
  t.equal(problem(() => parsePatterns(new Array(65).fill('*')))[0], 'bad_request')
  t.same(parsePatterns(['*', 'name:A*', 'name:a*']), ['*', 'name:a*'])
})

t.test('a pattern lies within another where it matches nothing that the other does not', async (t) => {
  const cases: [inner: string, outer: string, within: boolean][] = [
    ['*', '*', true],
    ['agent_*', '*', true],
    ['*', 'agent_*', false],
    ['name:shop', 'name:*', true],
    ['name:*', 'name:shop', false],
    ['name:s*p', 'name:s*', true],
    ['name:s*', 'name:s*p', false],
    ['agent_*_prod', 'agent_*', true],
    ['agent_*', 'agent_*_prod', false],
    [ID, 'agent_*_prod', true],
    ['name:shop', 'agent_*', false],
    ['name:a*b*c', 'name:a*c', true],
    ['name:a*c', 'name:a*b*c', false],
  ]
  for (const [inner, outer, within] of cases)
    t.equal(isWithin([inner], [outer]), within, `${inner} in ${outer}`)
  t.ok(isWithin(['name:a', 'name:b*'], ['name:a*', 'name:b*']))
  t.notOk(isWithin(['name:a', 'name:c'], ['name:a*', 'name:b*']))
  t.notOk(isWithin(['name:a'], []))

  const globs = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 6 })
  const names = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 })
  fc.assert(
    fc.property(globs, globs, names, (inner, outer, name) => {
      if (!isWithin([`name:${inner}`], [`name:${outer}`])) return true
      return !matchesName([`name:${inner}`], name) || matchesName([`name:${outer}`], name)
    }),
    { numRuns: 2000 },
  )
  // As a regular expression would decide it.
  fc.assert(
    fc.property(globs, names, (glob, name) => {
      const same = new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(name)
      return matchesName([`name:${glob}`], name) === same
    }),
    { numRuns: 2000 },
  )
})

t.test('a node claims what its patterns match', async (t) => {
  const claim = { tunnelId: ID, name: null, public: false }
  t.equal(problem(() => nodeMayClaim(node(['agent_*_prod']), claim))[0], 'none')
  t.equal(problem(() => nodeMayClaim(EVERYBODY, { ...claim, name: 'shop', public: true }))[0], 'none')
  const cases: [Principal, Partial<typeof claim> & { name?: string | null }, RegExp][] = [
    [operator(['operator.admin']), {}, /is not a node/],
    [node(['agent_*_dev']), {}, /may not claim the tunnel id agent_550e/],
    [node([]), {}, /may not claim the tunnel id/],
    [node(['name:shop']), { name: 'shop' } as never, /may not claim the tunnel id/],
    [node(['agent_*']), { name: 'shop' } as never, /may not claim the name shop/],
    [node(['agent_*', 'name:till-*']), { name: 'shop' } as never, /may not claim the name shop/],
    [node(['*']), { public: true }, /may not open a public tunnel/],
  ]
  for (const [principal, more, rule] of cases) {
    const [code, detail] = problem(() => nodeMayClaim(principal, { ...claim, ...more }))
    t.equal(code, 'forbidden')
    t.match(detail, rule)
  }
  t.equal(problem(() => nodeMayClaim(node(['*'], true), { ...claim, public: true }))[0], 'none')
})

t.test('an operator reaches what its patterns match, and has the scopes that it has', async (t) => {
  t.ok(mayReach(operator([]), ID, null))
  t.ok(mayReach(operator([], ['agent_*_prod']), ID, null))
  t.ok(mayReach(operator([], ['name:shop']), ID, 'shop'))
  t.notOk(mayReach(operator([], ['name:shop']), ID, null))
  t.notOk(mayReach(operator([], ['agent_*_dev']), ID, 'shop'))

  const may = (patterns: string[] | undefined, tunnel: Parameters<typeof requireReach>[1]): boolean => {
    try {
      requireReach(operator([], patterns), tunnel)
      return true
    } catch (error) {
      t.match(error, { code: 'forbidden' })
      return false
    }
  }
  const other = ID.replace('_prod', '_dev')
  t.ok(may(undefined, { tunnelId: ID }))
  t.ok(may(['*'], { tunnelId: ID }))
  t.ok(may(['agent_*_prod'], { tunnelId: ID }))
  t.notOk(may(['agent_*_prod'], { tunnelId: other }))
  t.ok(may(['agent_*_prod', 'name:shop'], { tunnelId: other }), 'its agent may have the name')
  t.notOk(may(['agent_*_prod', 'name:shop'], { tunnelId: other, name: 'bank' }))
  t.ok(may(['agent_*_prod'], { name: 'shop' }), 'its agent may have the id')
  t.notOk(may(['name:bank'], { name: 'shop' }))
  t.ok(may(['name:bank'], {}), 'nothing is named')
  const cases: [held: Scope, asked: Scope, may: boolean][] = [
    ['operator.write', 'operator.read', true],
    ['operator.read', 'operator.write', false],
    ['operator.admin', 'operator.pairing', true],
    ['operator.pairing', 'operator.read', false],
    ['operator.approvals', 'operator.approvals', true],
    ['operator.write', 'operator.admin', false],
  ]
  for (const [held, asked, may] of cases) {
    const [code, detail] = problem(() => requireScope(operator([held]), asked))
    t.equal(code, may ? 'none' : 'forbidden', `${held} for ${asked}`)
    if (!may) t.match(detail, asked)
  }
  t.equal(problem(() => requireScope(node(['*']), 'operator.read'))[0], 'forbidden')
})

t.test('a grant is read, or refused with its rule', async (t) => {
  t.same(parseGrant({}, ['operator.read']), {
    role: 'operator',
    scopes: ['operator.read'],
    tunnels: [],
    public: false,
  })
  t.same(parseGrant({ role: 'node' }, ['operator.read']), {
    role: 'node',
    scopes: [],
    tunnels: ['*'],
    public: false,
  })
  const cases: [AskedGrant, RegExp][] = [
    [{ role: 'root' }, /role is neither operator nor node/],
    [{ role: 'operator', scopes: ['operator.everything'] }, /"operator.everything" is unknown; there are/],
    [{ role: 'operator', scopes: 'operator.read' }, /scopes is no list of texts/],
    [{ role: 'node', scopes: ['operator.read'] }, /scopes are for operators/],
    [{ role: 'node', tunnels: [1] }, /tunnels is no list/],
    [{ role: 'node', tunnels: ['x'] }, /tunnel pattern "x"/],
    [{ role: 'operator', public: true }, /public is for nodes/],
    [{ role: 'node', public: 'yes' }, /public is neither true nor false/],
  ]
  for (const [asked, rule] of cases) {
    const [code, detail] = problem(() => parseGrant(asked, []))
    t.equal(code, 'bad_request')
    t.match(detail, rule)
  }
})

t.test('nobody grants more than there is to grant', async (t) => {
  const pairing: Scope[] = ['operator.pairing']
  const some = ['agent_*_prod', 'name:shop']
  const cases: [approver: Principal, asked: AskedGrant, excess: RegExp | undefined][] = [
    [EVERYBODY, { scopes: ['operator.admin'] }, undefined],
    [EVERYBODY, { role: 'node', public: true }, undefined],
    [operator(pairing), {}, undefined],
    [operator(pairing), { scopes: ['operator.pairing'] }, undefined],
    [operator(pairing), { scopes: ['operator.write'] }, /scope operator.write, which it does not hold/],
    [operator(pairing), { scopes: ['operator.read', 'operator.admin'] }, /operator.admin/],
    [operator([...pairing, 'operator.write']), { scopes: ['operator.write'] }, undefined],
    [operator(pairing), { role: 'node', tunnels: ['name:shop'] }, /name:shop, which is not within its own/],
    [operator(pairing, some), { role: 'node', tunnels: ['name:shop'] }, undefined],
    [operator(pairing, some), { role: 'node', tunnels: [ID] }, undefined],
    [operator(pairing, some), { role: 'node', tunnels: [ID, 'name:*'] }, /name:\*/],
    [operator(pairing, some), { role: 'node' }, /the tunnel pattern \*/],
    [operator(pairing, ['*']), { role: 'node' }, undefined],
    [operator(pairing, ['*']), { role: 'node', public: true }, /public tunnels/],
    [operator(pairing, some), {}, /all tunnels/],
    [operator(pairing, some), { tunnels: ['name:shop'] }, undefined],
    [operator(pairing, some), { tunnels: ['name:s*'] }, /name:s\*/],
    [operator(['operator.admin'], some), { scopes: ['operator.admin'] }, /all tunnels/],
    [operator(['operator.admin'], some), { role: 'node', tunnels: ['name:shop'], public: true }, undefined],
  ]
  for (const [approver, asked, excess] of cases) {
    const [code, detail] = problem(() => mayGrant(approver, parseGrant(asked, ['operator.read'])))
    t.equal(code, excess === undefined ? 'none' : 'forbidden', JSON.stringify(asked))
    if (excess !== undefined) t.match(detail, excess)
  }
})
