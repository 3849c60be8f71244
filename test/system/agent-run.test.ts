/** `gw-agent run` as its users run it, the example of an agent, and the client as its package brings it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { InProcessGateway } from '../../agent/client/index.js'
import { Agent, loadHandlers } from '../../agent/index.js'
import { runCommand } from '../../agent/run-command.js'
import { interpretCommandLine, type Program } from '../../shared/program.js'
import { directoryFor } from '../helpers/directory.js'
import { freshDirectory } from '../helpers/fresh-directory.js'
import { folder, type Ran, runProgram } from '../helpers/processes.js'
import { startGateway } from '../helpers/tunnel.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MAIN = fileURLToPath(new URL('../../agent/main.js', import.meta.url))
const EXAMPLES = join(ROOT, 'examples/agent')
const ID = 'agent_550e8400-e29b-41d4-a716-446655440000_prod'

const HANDLERS = `
export async function* execute({ userInput, history, signal, session }) {
  yield { type: 'text', data: { text: 'You said ' } }
  yield { type: 'text', data: { text: userInput + ' after ' + history.length + ' for ' + session.userId } }
  if (userInput === 'wait') await new Promise((resolve) => signal.addEventListener('abort', resolve))
  while (userInput === 'talk' && !signal.aborted) {
    yield { type: 'text', data: { text: 'more' } }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  if (userInput === 'stay') await new Promise(() => {})
  if (userInput === 'fail') throw new Error('no luck')
}
`

/** A directory with these handlers. */
function place(t: Test): string {
  const cwd = folder(t)
  writeFileSync(join(cwd, 'agent.mjs'), HANDLERS)
  return cwd
}

const run = (cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ran> =>
  runProgram(process.execPath, [MAIN, 'run', ...args], { cwd, env })

const sessionOf = ({ err }: Ran): string => /session (sess_[0-9a-f]+)/.exec(err)![1]!

t.test('run in this process', async (t) => {
  const cwd = place(t)
  const here = ['--handlers', 'agent.mjs', '--user', 'bob']
  const first = await run(cwd, ['List files', ...here])
  t.match(first, {
    code: 0,
    out: 'You said List files after 0 for bob\n',
    err: /^gw-agent: session sess_\w+\n$/,
  })
  const second = await run(cwd, ['More', ...here, '--session', sessionOf(first), '--json'])
  t.equal(second.code, 0)
  const events = second.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(events, [
    { type: 'session_info', seq: 3 },
    { type: 'text', seq: 4 },
    { type: 'text', data: { text: 'More after 3 for bob' } },
    { type: 'done', data: { status: 'completed' } },
  ])

  const gone = { GW_GATEWAY_URL: 'http://127.0.0.1:9' }
  const [failed, unknown, nowhere, closed, fallen] = await Promise.all([
    run(place(t), ['fail', ...here]),
    run(place(t), ['x', ...here, '--session', 'sess_000000000000']),
    run(place(t), ['x']),
    run(place(t), ['x'], gone),
    run(place(t), ['x', ...here], gone),
  ])
  t.match(failed, {
    code: 1,
    out: 'You said fail after 0 for bob\n',
    err: /agent_error: no luck\n.*run failed/,
  })
  t.match(unknown, { code: 1, out: '', err: /Session not found/ })
  t.match(nowhere, { code: 2, err: /run needs --gateway-url or --handlers/ })
  t.match(closed, { code: 1, out: '', err: /127\.0\.0\.1:9 cannot be reached/ })
  t.match(fallen, { code: 0, out: /You said x/, err: /cannot be reached.*; running here, on agent\.mjs/ })
})

t.test('what run refuses', async (t) => {
  const program: Program = { name: 'gw-agent', version: '0', summary: '', commands: [runCommand] }
  const cases: [string, Record<string, string>, RegExp][] = [
    ['--json', {}, /run needs a query/],
    ['x y', {}, /"y" is one argument too many/],
    ['x --token a --token-file b', {}, /--token and --token-file exclude each other/],
    ['x --gateway-url gw.test', {}, /is not such a URL/],
    ['x --gateway-url http://gw.test', { GW_AGENT_TOKEN: 's' }, /would be sent the token in the clear/],
  ]
  for (const [line, env, rule] of cases)
    await t.rejects(
      interpretCommandLine(program, { argv: ['run', ...line.split(' ')], env, directory: '.', columns: 80 }),
      { name: 'UsageError', mistakes: [rule] },
      line,
    )
})

t.test('where Node has no SQLite, sessions end with the process, unless they are wanted', async (t) => {
  const cwd = place(t)
  const without = join(cwd, 'without.cjs')
  writeFileSync(
    without,
    `const Module = require('node:module'); const load = Module._load
     Module._load = (name, ...rest) => {
       if (name === 'libsql' || name === 'node:sqlite') throw new Error('not here')
       return load(name, ...rest)
     }`,
  )
  const env = { NODE_OPTIONS: `--require ${without}` }
  const [memory, wanted] = await Promise.all([
    run(cwd, ['x', '--handlers', 'agent.mjs'], env),
    run(cwd, ['x', '--handlers', 'agent.mjs', '--data-dir', 'kept'], env),
  ])
  t.match(memory, {
    code: 0,
    out: /You said x/,
    err: /the session ends with this process: .*npm install libsql/,
  })
  t.match(wanted, { code: 1, out: '', err: /npm install libsql/ })
})

t.test('run at a gateway, by name or because it owns the sessions here', async (t) => {
  const cwd = place(t)
  const dataDir = join(cwd, '.gw')
  const token = 'a-secret-of-some-length-for-tests'
  const { url } = await startGateway(t, { dataDir, auth: ['token'], token })
  const agent = new Agent({
    gateway: url,
    tunnelId: ID,
    token,
    handlers: await loadHandlers(join(cwd, 'agent.mjs')),
  })
  t.teardown(() => agent.destroy())
  await agent.start()
  const named = await run(cwd, ['a', '--user', 'u'], { GW_GATEWAY_URL: url, GW_AGENT_TOKEN: token })
  t.match(named, { code: 0, out: 'You said a after 0 for u\n' })
  const [owned, bare, refused] = await Promise.all([
    run(cwd, ['b', '--handlers', 'agent.mjs', '--session', sessionOf(named)], { GW_TOKEN: token }),
    run(cwd, ['c', '--user', 'u'], { GW_AGENT_TOKEN: token }),
    run(cwd, ['d'], { GW_GATEWAY_URL: url }),
  ])
  t.match(owned, {
    code: 0,
    out: 'You said b after 3 for u\n',
    err: new RegExp(`belong to the gateway on ${url}`),
  })
  t.match(bare, { code: 0, out: 'You said c after 0 for u\n' })
  t.match(refused, { code: 1, out: '', err: /credential/ })
})

/** A run in a process of its own, from its first word on. */
async function started(t: Test, query: string): Promise<{ child: ChildProcess; told: string[] }> {
  const child = spawn(process.execPath, [MAIN, 'run', query, '--handlers', 'agent.mjs', '--json'], {
    cwd: place(t),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const told: string[] = []
  const begun = new Promise<void>((resolve) => {
    createInterface(child.stdout!).on('line', (line) => {
      told.push(line)
      if (line.includes(`${query} after`)) resolve()
    })
  })
  await begun
  return { child, told }
}

t.test('Ctrl-C cancels the run, and once more quits', async (t) => {
  const [patient, hasty, unread] = await Promise.all(
    ['wait', 'stay', 'talk'].map((query) => started(t, query)),
  )
  const closed = once(patient!.child, 'close')
  patient!.child.kill('SIGINT')
  t.equal((await closed)[0], 1)
  t.match(JSON.parse(patient!.told.at(-1)!), { type: 'done', data: { status: 'cancelled' } })
  const quit = once(hasty!.child, 'exit')
  hasty!.child.kill('SIGINT')
  for await (const line of createInterface(hasty!.child.stderr!)) if (line.includes('cancelling')) break
  hasty!.child.kill('SIGINT')
  t.equal((await quit)[0], 1)
  const left = once(unread!.child, 'exit')
  unread!.child.stdout!.destroy()
  t.equal((await left)[0], 1, 'nobody reads any more, as in `| head -1`')
})

/** The agent's package as it is installed: compiled, with its types, below `directory`. */
async function install(t: Test, directory: string): Promise<void> {
  const home = join(directory, 'node_modules/gw-agent')
  mkdirSync(home, { recursive: true })
  cpSync(join(ROOT, 'agent/package.json'), join(home, 'package.json'))
  const made = await compile(['-p', join(ROOT, 'agent'), '--outDir', join(home, 'dist')])
  t.equal(made.code, 0, made.out + made.err)
}

const compile = (args: string[]): Promise<Ran> =>
  runProgram(process.execPath, [join(ROOT, 'node_modules/typescript/lib/tsc.js'), ...args])

const PROGRAM = `
import { ExternalGateway, GatewayError, InProcessGateway, type Reply, type Session, type SessionGateway } from 'gw-agent/client'

async function ask(gateway: SessionGateway): Promise<string> {
  const session: Session = await gateway.createSession({ userId: 'u', metadata: { a: 1 }, agent: { labels: { region: 'eu' } } })
  const { sessions, nextCursor } = await gateway.listSessions({ userId: 'u', limit: 1 })
  if (nextCursor !== null || sessions[0]?.sessionId !== session.sessionId) throw new Error('not listed')
  let last = ''
  for await (const { type, data, run_id } of gateway.execute(session, { userInput: 'x', signal: AbortSignal.timeout(5000) }))
    last = type + ' ' + String(data.status) + ' ' + typeof run_id
  const reply: Reply = await gateway.runQuery(session.sessionId, { userInput: 'Hello' })
  return last + ', ' + reply.output
}

let told = ''
{
  await using gateway = new InProcessGateway({
    handlers: { execute: async function* ({ userInput }) { yield { type: 'text', data: { text: userInput } } } },
  })
  told = await ask(gateway)
}
try {
  await using gateway = new ExternalGateway(new URL('http://127.0.0.1:9'), { token: () => 'x', retry: { patience: 1 } })
  await ask(gateway)
} catch (error) {
  if (error instanceof GatewayError) console.log(told, error.code, error.status, error.requestId)
}
// @ts-expect-error a user is needed
export const wrong = (gateway: SessionGateway) => gateway.createSession({})
`

t.test('the package brings the client, and a program compiles against its types', async (t) => {
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
  }
  const home = directoryFor(t, {
    'program.ts': PROGRAM,
    'package.json': '{"type":"module"}',
    'tsconfig.json': JSON.stringify({ compilerOptions, files: ['program.ts'] }),
  })
  await install(t, home)
  const compiled = await compile(['-p', home])
  t.equal(compiled.code, 0, compiled.out + compiled.err)
  const ran = await runProgram(process.execPath, [join(home, 'program.js')])
  t.equal(ran.out, 'done completed string, Hello unreachable undefined undefined\n', ran.err)
  await t.test('the page about sessions: its commands run', (t) => runPage(t, home))
})

/** Runs what `docs/sessions.md` tells to, beside the installed package, so that the example of a client finds it. */
async function runPage(t: Test, home: string): Promise<void> {
  cpSync(EXAMPLES, join(home, 'examples/agent'), { recursive: true })
  writeFileSync(join(home, 'README.md'), '# Found\nmore\n')
  const { url } = await startGateway(t, { dataDir: freshDirectory() })
  const env: Record<string, string> = { PATH: process.env.PATH!, XDG_STATE_HOME: folder(t), USER: 'u' }
  const page = readFileSync(join(ROOT, 'docs/sessions.md'), 'utf8')
  const lines = page.slice(page.indexOf('## An agent with tools')).match(/^ {4}.+$/gm) ?? []
  const outs: string[] = []
  for (const line of lines.map((each) => each.trim().replace('http://localhost:3000', url))) {
    const [program, ...words] = line.match(/"[^"]*"|\S+/g)!.map((word) => word.replaceAll('"', ''))
    const args =
      program === 'gw-agent' ? [MAIN, ...words] : words.map((word) => (word === '8089' ? '0' : word))
    if (program === 'export') continue
    const stays = program === 'gw-agent' ? words[0] !== 'run' : words[0]!.endsWith('fake-model.js')
    if (!stays) {
      const ran = await runProgram(process.execPath, args, { cwd: home, env })
      t.equal(ran.code, 0, `${line}: ${ran.err}`)
      outs.push(ran.out)
      continue
    }
    const child = spawn(process.execPath, args, { cwd: home, env, stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => void child.kill('SIGKILL'))
    for await (const ready of createInterface(child.stdout)) {
      if (ready.startsWith('http')) env.OPENAI_BASE_URL = ready
      if (ready.startsWith('http') || /\bconnected\b/.test(ready)) break
    }
  }
  const answer = 'Let me look. It begins with: # Found\n'
  t.same(outs, [answer, answer + answer, answer])
}

t.test('the example of an agent: its tools, its bounds and its end', async (t) => {
  const model = spawn(process.execPath, [join(EXAMPLES, 'fake-model.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => void model.kill('SIGKILL'))
  const [url] = (await once(createInterface(model.stdout), 'line')) as [string]
  const root = directoryFor(t, { inside: { 'a.txt': 'A', sub: {} }, 'secret.txt': 'S' })
  symlinkSync(join(root, 'secret.txt'), join(root, 'inside/link.txt'))
  process.env.OPENAI_BASE_URL = url
  process.env.AGENT_ROOT = join(root, 'inside')
  t.teardown(() => {
    delete process.env.OPENAI_BASE_URL
    delete process.env.AGENT_ROOT
  })
  await using gateway = new InProcessGateway({ handlers: pathToFileURL(join(EXAMPLES, 'agent.js')) })
  const session = await gateway.createSession({ userId: 'u' })
  const reply = await gateway.runQuery(session, { userInput: 'What is here?' })
  t.match(reply, {
    status: 'completed',
    output: 'Let me look. There is: a.txt, link.txt, sub/\n',
    usage: { input_tokens: 20, output_tokens: 10 },
  })
  const types = reply.events.map(({ type }) => type)
  t.same(
    types.filter((type, i) => type !== types[i - 1]),
    ['text', 'tool_call', 'tool_result', 'iteration_end', 'text', 'iteration_end', 'done'],
  )
  const most = await gateway.runQuery(session, { userInput: 'Look for ever', maxIterations: 3 })
  t.equal(most.events.filter(({ type }) => type === 'iteration_end').length, 3)
  t.match(most.events.at(-2), { type: 'error', data: { code: 'max_iterations' } })
  for await (const { type, run_id } of gateway.execute(session, {
    userInput: 'Look for ever',
    maxIterations: 9999,
  }))
    if (type === 'iteration_end') await gateway.cancel(session, run_id!)
  const outside = await gateway.createSession({ userId: 'u', workspaceDir: root })
  t.match(await gateway.runQuery(outside, { userInput: 'x' }), { status: 'failed' })

  const { Workspace } = await import(pathToFileURL(join(EXAMPLES, 'workspace.js')).href)
  const workspace = await Workspace.open(root, 'inside')
  t.same(await workspace.use('read_file', { path: 'a.txt' }), { result: 'A', failed: false })
  for (const path of ['../secret.txt', 'link.txt', join(root, 'secret.txt'), '..', 'sub', 'nowhere', 1])
    t.match(await workspace.use('read_file', { path }), { failed: true, result: /^failed: / }, `${path}`)
})
