import fc from 'fast-check'
import t from 'tap'
import { Problem } from '../../shared/errors.js'
import {
  formatTunnelId,
  hostLabel,
  nameFault,
  parseHostLabel,
  parseTunnelId,
} from '../../shared/tunnel-id.js'

const UUID = '550e8400-e29b-41d4-a716-446655440000'
const LONGEST = 'p'.repeat(24)

t.test('tunnel ids that are taken', (t) => {
  const cases: [string, string, string][] = [
    [`agent_${UUID}_prod`, UUID, 'prod'],
    [`agent_${UUID.toUpperCase()}_prod`, UUID, 'prod'],
    [`agent_${UUID}_a`, UUID, 'a'],
    [`agent_${UUID}_0`, UUID, '0'],
    [`agent_${UUID}_a-b--c`, UUID, 'a-b--c'],
    [`agent_${UUID}_${LONGEST}`, UUID, LONGEST],
    ['agent_00000000-0000-0000-0000-000000000000_nil', '00000000-0000-0000-0000-000000000000', 'nil'],
    ['agent_ffffffff-ffff-ffff-ffff-ffffffffffff_max', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'max'],
    ['agent_12345678-1234-f234-0234-123456789abc_any', '12345678-1234-f234-0234-123456789abc', 'any'],
  ]
  for (const [text, uuid, purpose] of cases) {
    t.strictSame(parseTunnelId(text), { id: `agent_${uuid}_${purpose}`, uuid, purpose }, text)
    t.strictSame(parseHostLabel(hostLabel({ uuid, purpose })), parseTunnelId(text), `host label of ${text}`)
  }
  t.end()
})

t.test('everything else is invalid_tunnel_id', (t) => {
  const cases = [
    '',
    'agent_',
    'prod',
    UUID,
    `agent_${UUID}`,
    `agent_${UUID}_`,
    `agent_${UUID}_-a`,
    `agent_${UUID}_a-`,
    `agent_${UUID}_-`,
    `agent_${UUID}_Prod`,
    `agent_${UUID}_a_b`,
    `agent_${UUID}_ä`,
    `agent_${UUID}_a.b`,
    `agent_${UUID}_prod\n`,
    ` agent_${UUID}_prod`,
    `agent_${UUID}_p${LONGEST}`,
    `Agent_${UUID}_prod`,
    `agent-${UUID}-prod`,
    `agent_{${UUID}}_prod`,
    `agent_${UUID.replaceAll('-', '')}_prod`,
    `agent_${UUID.replace('5', 'g')}_prod`,
    `agent_${UUID.slice(1)}_prod`,
    `agent_0${UUID}_prod`,
    `agent_${'x'.repeat(5000)}`,
  ]
  for (const text of cases) {
    try {
      parseTunnelId(text)
      t.fail(`taken: ${text}`)
    } catch (error) {
      t.ok(error instanceof Problem && error.code === 'invalid_tunnel_id', JSON.stringify(text.slice(0, 80)))
      t.ok(String(error).length < 300, 'the detail is short')
      t.notMatch(String(error), /[\u0000-\u001f]/, 'and holds no control character')
    }
  }
  t.end()
})

t.test('ids and host labels stand for each other', (t) => {
  const purpose = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/)
  fc.assert(
    fc.property(fc.uuid(), purpose, (uuid, word) => {
      const id = formatTunnelId(uuid.toUpperCase(), word)
      const label = hostLabel(id)
      t.equal(parseTunnelId(id.id).id, id.id)
      t.equal(parseHostLabel(label.toUpperCase())?.id, id.id)
      return label.length <= 63 && nameFault(label) !== undefined
    }),
  )
  for (const label of [
    'prod',
    UUID,
    `-${UUID}`,
    `a_${UUID}`,
    `-a-${UUID}`,
    `p${LONGEST}-${UUID}`,
    `prod-${UUID}x`,
  ]) {
    t.equal(parseHostLabel(label), undefined, label)
  }
  t.end()
})

t.test('names', (t) => {
  const cases: [string, RegExp | undefined][] = [
    ['a', undefined],
    ['my-app-2', undefined],
    ['a'.repeat(63), undefined],
    ['wwww', undefined],
    [`${UUID}-x`, undefined],
    ['', /is not made of/],
    ['-a', /is not made of/],
    ['a-', /is not made of/],
    ['A', /is not made of/],
    ['a.b', /is not made of/],
    ['a'.repeat(64), /longer than 63/],
    [UUID, /ends in a uuid/],
    [`prod-${UUID}`, /ends in a uuid/],
    ...['www', 'api', 'admin', 'gateway', 'dashboard'].map((name): [string, RegExp] => [name, /reserved/]),
  ]
  for (const [name, expected] of cases) {
    if (expected === undefined) t.equal(nameFault(name), undefined, name)
    else t.match(nameFault(name), expected, name)
  }
  t.end()
})
