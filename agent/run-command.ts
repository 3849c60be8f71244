/** `gw-agent run`: its options, and the rules that they keep. */
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { type Command, defineCommand } from '../shared/command.js'
import { BadValue, flag, one, path, text } from '../shared/option-types.js'
import { defineOptions, type Loaded, type Report } from '../shared/options.js'
import { isInTheClear, parseGatewayUrl } from './gateway-url.js'
import { agentOptions } from './options.js'
import { type RunConfig, runQuery } from './run.js'

const { token, tokenFile } = agentOptions.specs

const runOptions = defineOptions({
  query: {
    type: one('TEXT', 'text', readQuery),
    group: 'run',
    help: 'what to ask; the bare argument',
  },
  session: { type: text('ID'), group: 'run', otherwise: 'a new one', help: 'the session to go on with' },
  user: {
    type: text('ID'),
    group: 'run',
    otherwise: "the system user's name",
    help: 'whose a new session is',
  },
  json: { type: flag(), group: 'run', help: 'print each event as a line of JSON, not the text' },
  gatewayUrl: {
    type: one('URL', 'an http or https URL', readUrl),
    group: 'place',
    help: 'the gateway whose agents run it',
  },
  token,
  tokenFile,
  insecure: {
    type: flag(),
    group: 'place',
    help: 'send the credential also over http to another machine, where it can be read on the way',
  },
  handlers: {
    type: path('MODULE'),
    group: 'place',
    help: 'run it here, by the execute that this module exports, where there is no gateway',
  },
  dataDir: {
    type: path('DIR'),
    default: '.gw',
    group: 'place',
    help: 'where sessions that run here are kept; one that a gateway owns leads to it',
  },
})

type LoadedRun = Loaded<typeof runOptions.specs>

export const runCommand: Command = defineCommand({
  name: 'run',
  summary: 'run a query in a session, at a gateway or here',
  options: runOptions,
  argument: { name: 'query', flag: 'query' },
  examples: [
    ['gw-agent run "List files" --gateway-url https://gw.example.com', 'by an agent of this gateway'],
    ['gw-agent run "List files" --handlers ./agent.js', 'in this process'],
    ['gw-agent run "And the hidden ones?" --session sess_4f0c8a12b3de', 'in the same session'],
  ],
  resolve: resolveRun,
  run: runQuery,
})

function resolveRun(loaded: LoadedRun, report: Report): RunConfig {
  const { values, provenance } = loaded
  const { query, gatewayUrl, insecure, session, user, json, handlers, dataDir } = values
  const token = tokenOf(loaded, report)
  if (query === undefined) report('run needs a query: gw-agent run "List files"')
  if (gatewayUrl !== undefined && token !== undefined && !insecure)
    if (isInTheClear(parseGatewayUrl(gatewayUrl)))
      report(
        `--gateway-url: ${gatewayUrl} would be sent the token in the clear; it takes https, or --insecure`,
      )
  return Object.freeze({
    query: query ?? '',
    session,
    userId: user ?? systemUser(),
    workspaceDir: process.cwd(),
    json,
    gatewayUrl,
    token,
    insecure,
    handlers,
    dataDir: resolve(dataDir),
    mayForget: provenance.dataDir?.source.kind === 'default' && session === undefined,
  })
}

/** Of a token and a file the one that the command line names. A file is read when the token is needed. */
function tokenOf({ values, provenance }: LoadedRun, report: Report): RunConfig['token'] {
  const { token, tokenFile } = values
  const named = (['token', 'tokenFile'] as const).filter((key) => provenance[key]?.source.kind === 'flag')
  if (token !== undefined && tokenFile !== undefined && named.length !== 1)
    report('--token and --token-file exclude each other')
  if (tokenFile === undefined || named[0] === 'token') return token
  return () => readFileSync(tokenFile, 'utf8').trim()
}

function readQuery(value: string): string {
  if (value.trim() === '') throw new BadValue('is empty')
  return value
}

function readUrl(value: string): string {
  parseGatewayUrl(value)
  return value
}

function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a number that has no name.
    return 'user'
  }
}
