/** `gw-gateway token …`. */
import { duration, flag, text } from '../../shared/option-types.js'
import { ask } from './ask.js'
import { columns } from './columns.js'
import { placedCommand, write } from './placed.js'
import { askedRights, formatRights, rightsOptions } from './rights.js'
import { LONGEST_LIFE_MS, type ShownToken } from './verbs.js'

const create = placedCommand({
  name: 'token create',
  summary: 'make a token and print it, once',
  specs: {
    ...rightsOptions,
    public: { type: flag(), group: 'rights', help: "a node's tunnels may be opened to everybody" },
    expires: {
      type: { ...duration({ min: 1000, max: LONGEST_LIFE_MS }), takes: '30d, 12h or 90m, 1s or more' },
      group: 'token',
      otherwise: 'never',
      help: 'when it ends',
    },
    note: { type: text(), group: 'token', help: 'what it is for' },
  },
  examples: [
    ["gw-gateway token create --role node --tunnel 'agent_*_prod'", 'for agents of one purpose'],
    ['gw-gateway token create --role operator --scope operator.read --expires 30d', 'for who only looks'],
  ],
  resolve: ({ expires, note, public: open, ...values }, report) => {
    if (values.role === undefined) report('token create needs --role node or --role operator')
    return { ...askedRights(values, open, report), expires_in_ms: expires, note }
  },
  run: async (asked, dataDir) => {
    const token = await ask<ShownToken & { token: string }>(dataDir, 'token.create', asked)
    await write(process.stdout, `${token.token}\n`)
    const ends = token.expires_at === null ? 'never ends' : `ends ${token.expires_at}`
    await write(
      process.stderr,
      `token ${token.id}: ${formatRights(token)}; it ${ends} and is not shown again\n`,
    )
  },
})

const list = placedCommand({
  name: 'token list',
  summary: 'list the tokens',
  specs: { json: { type: flag(), group: 'output', help: 'as JSON' } },
  examples: [['gw-gateway token list', 'what there is, also what has ended in the last 30 days']],
  resolve: (values) => values,
  run: async ({ json }, dataDir) => {
    const { tokens } = await ask<{ tokens: ShownToken[] }>(dataDir, 'token.list')
    const rows = tokens.map((token) => [
      token.id,
      stateOf(token),
      formatRights(token),
      token.last_used_at ?? 'never',
      token.note,
    ])
    await write(
      process.stdout,
      json
        ? `${JSON.stringify(tokens, null, 2)}\n`
        : columns([['ID', 'STATE', 'RIGHTS', 'LAST USED', 'NOTE'], ...rows]),
    )
  },
})

function stateOf({ revoked_at: revoked, expires_at: expires }: ShownToken): string {
  if (revoked !== null) return `revoked ${revoked}`
  if (expires === null) return 'in force'
  return `${Date.parse(expires) <= Date.now() ? 'ended' : 'until'} ${expires}`
}

const revoke = placedCommand({
  name: 'token revoke',
  summary: 'end a token, and the links and streams that it opened',
  specs: { id: { type: text('ID'), group: 'token', help: 'as token list shows it' } },
  argument: 'id',
  examples: [['gw-gateway token revoke 3f9a0c51d2e4', 'end this one']],
  resolve: ({ id }, report) => {
    if (id === undefined) report('token revoke needs the id of a token')
    // Who has the whole token at hand has its id.
    return { id: id?.replace(/^gwt_([0-9a-f]+)_.*$/, '$1') }
  },
  run: async (asked, dataDir) => {
    const { id } = await ask<ShownToken>(dataDir, 'token.revoke', asked)
    await write(process.stdout, `revoked ${id}\n`)
  },
})

export const tokenCommands = [create, list, revoke] as const
