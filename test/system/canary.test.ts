/**
 * A secret in every position that takes one, right and wrong, under everything that tells of what happens: none of them
 * is found anywhere afterwards.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Credentials } from '../../gateway/access/credentials.js'
import { Endings } from '../../gateway/access/endings.js'
import { type AskedGrant, parseGrant } from '../../gateway/access/grant.js'
import { CredentialStore } from '../../gateway/access/store.js'
import { issuerKey } from '../helpers/jwt-issuer.js'
import { folder, listening, runProgram } from '../helpers/processes.js'
import { tunnelId } from '../helpers/raw-agent.js'
import { type Asked, call } from '../helpers/tunnel.js'

const main = (program: string): string => fileURLToPath(new URL(`../../${program}/main.js`, import.meta.url))
const GATEWAY = main('gateway')
const AGENT = main('agent')

const PATH = process.env.PATH ?? ''

/** A program that runs until the test ends, and all that it says. */
class Program {
  readonly child: ChildProcess
  text = ''

  constructor(t: Test, args: string[], cwd: string, env: Record<string, string>) {
    const options = { cwd, env: { PATH, HOME: cwd, ...env }, stdio: ['ignore', 'pipe', 'pipe'] as const }
    this.child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => void this.child.kill('SIGKILL'))
    for (const pipe of [this.child.stdout!, this.child.stderr!])
      pipe.setEncoding('utf8').on('data', (text: string) => {
        this.text += text
        this.child.emit('said')
      })
  }

  async says(wanted: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = wanted.exec(this.text)
      if (found !== null) return found
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.text}`)
      await Promise.race([once(this.child, 'said'), once(this.child, 'exit')])
    }
  }

  /** As the process list shows it. */
  get title(): string {
    try {
      return readFileSync(`/proc/${this.child.pid}/cmdline`, 'latin1')
    } catch {
      return ''
    }
  }
}

t.test('no secret is found anywhere', { timeout: 60_000 }, async (t) => {
  /** What must not be found, by what it is. */
  const secrets = new Map<string, string>()
  const canary = (what: string): string => {
    const value = `canary-${randomBytes(12).toString('hex')}`
    secrets.set(what, value)
    return value
  }
  /** Where it was looked. */
  const places: [where: string, text: string, allowed?: string | undefined][] = []

  const cwd = folder(t)
  const dataDir = join(cwd, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  const key = issuerKey('EdDSA')
  writeFileSync(join(cwd, 'key.pem'), key.pem)
  mkdirSync(join(cwd, 'hooks'))
  writeFileSync(
    join(cwd, 'hooks', 'hooks.yaml'),
    'hooks:\n  - { name: all, event: "*", command: "env; cat" }\n',
  )
  const credentials = new Credentials(CredentialStore.open(dataDir), new Endings(Date.now), Date.now)
  const made = (what: string, grant: AskedGrant): string => {
    const { text } = credentials.issue({
      kind: 'token',
      grant: parseGrant(grant, ['operator.write']),
      label: what,
    })
    secrets.set(what, text.replace(/^gwt_[0-9a-f]+_/, ''))
    return text
  }
  const operator = made('operator token', {})
  const byVariable = made('node token by variable', { role: 'node', public: true })
  const byFile = made('node token by file', { role: 'node' })
  const byFlag = made('node token by flag', { role: 'node' })
  credentials.close()
  const rootSecret = canary('root secret')
  const password = canary('password')
  secrets.set('password as Basic', btoa(`any:${password}`))
  const secretsByVariable = { GW_TOKEN: rootSecret, GW_PASSWORD: password }
  const options = [
    '--auth',
    'token,password,device_token,jwt',
    '--jwt-key-file',
    'key.pem',
    '--data-dir',
    dataDir,
  ]
  const gateway = new Program(
    t,
    [
      GATEWAY,
      '--port',
      '0',
      ...options,
      '--inspect',
      '--metrics-per-tunnel',
      '--log-level',
      'debug',
      '--log-format',
      'json',
    ],
    cwd,
    secretsByVariable,
  )
  const [, url = ''] = await gateway.says(/listening on (http:[^"\s]+)/)
  const root = { authorization: `Bearer ${rootSecret}` }
  const command = async (line: string): Promise<string> => {
    const ran = await runProgram(process.execPath, [GATEWAY, ...line.split(' '), '--data-dir', dataDir], {
      cwd,
      env: secretsByVariable,
    })
    places.push([`gw-gateway ${line.split(' ').slice(0, 2).join(' ')}`, ran.out + ran.err])
    return ran.out.trim()
  }
  const application = canary('Authorization of the application')
  const planted = canary('cookie of the application')
  const arrived: string[] = []
  const upstream = createServer((request, response) => {
    arrived.push(JSON.stringify([request.url, request.rawHeaders]))
    response.setHeader('set-cookie', `app=${planted}`)
    response.end('fine')
  })
  const forward = ['--forward', String(await listening(t, upstream)), '--gateway', url]
  const quiet = ['--log-level', 'debug', '--log-format', 'json']
  const guard = canary('password of a tunnel')
  secrets.set('password of a tunnel as Basic', btoa(`user:${guard}`))
  writeFileSync(join(cwd, 'token'), `${byFile}\n`, { mode: 0o600 })
  const id = tunnelId('canary')
  const agent = (...args: string[]) => [AGENT, ...forward, ...quiet, ...args]
  const agents = [
    new Program(t, agent('--tunnel-id', id, '--name', 'guarded', '--public'), cwd, {
      GW_AGENT_TOKEN: byVariable,
      GW_BASIC_AUTH: `user:${guard}`,
    }),
    new Program(t, agent('--tunnel-id', tunnelId(), '--token-file', 'token', '--name', 'plain'), cwd, {}),
    new Program(t, agent('--tunnel-id', tunnelId(), '--token', byFlag), cwd, {}),
  ]
  const refused = new Program(t, agent('--tunnel-id', tunnelId()), cwd, {
    GW_AGENT_TOKEN: `gwt_0123456789ab_${canary('wrong node token')}`,
  })
  const refusal = once(refused.child, 'exit')
  await Promise.all(agents.map((each) => each.says(/\bconnected\b/)))
  t.same((await refusal)[0], 3)

  const expected = async (status: number, path: string, asked: Asked = {}): Promise<string> => {
    const answer = await call(`${url}${path}`, asked)
    t.equal(answer.status, status, `${path} ${Object.keys(asked.headers ?? {})}`)
    places.push([
      `answer of ${path.replace(/canary-\w+/, '…')}`,
      answer.body + JSON.stringify(answer.headers),
    ])
    return answer.body
  }
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
  const jwt = key.jwt({ sub: 'me', scope: 'operator.admin', exp: Math.floor(Date.now() / 1000) + 600 })
  secrets.set('JWT', jwt.split('.')[2]!)
  const wrongJwt = `${jwt.split('.').slice(0, 2).join('.')}.${canary('wrong JWT')}`

  // Right ones.
  const json = { 'content-type': 'application/json' }
  const { code } = JSON.parse(
    (await call(`${url}/devices/pair`, { method: 'POST', headers: json, body: '{"name":"till"}' })).body,
  ) as { code: string }
  secrets.set('pairing code', code)
  await expected(200, `/devices/pair/${code}/approve`, { method: 'POST', headers: root, body: '{}' })
  const claimed = await call(`${url}/devices/pair/${code}/claim`, { method: 'POST' })
  const { token: device } = JSON.parse(claimed.body) as { token: string }
  secrets.set('device token', device.replace(/^gwd_[0-9a-f]+_/, ''))
  for (const headers of [
    root,
    { 'x-api-key': rootSecret },
    bearer(operator),
    { 'x-api-key': operator },
    bearer(password),
    { authorization: `Basic ${btoa(`any:${password}`)}` },
    { authorization: `DeviceToken ${device}` },
    bearer(jwt),
  ])
    await expected(200, '/connections', { headers })
  const signIn = await call(`${url}/dashboard/session`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ credential: operator }),
  })
  const cookie = signIn.headers['set-cookie']![0]!.split(';')[0]!
  secrets.set("the dashboard's cookie", cookie.slice(cookie.indexOf('=') + 1))
  await expected(200, '/status', { headers: { cookie } })
  const gw = { 'gw-authorization': `Bearer ${operator}` }
  const proxied = {
    ...gw,
    authorization: `Bearer ${application}`,
    cookie: `${cookie}; a=${canary('a cookie')}`,
  }
  const sent = await call(`${url}/t/plain/a?api_key=${canary('key in a query')}&x=1`, { headers: proxied })
  t.equal(sent.status, 200)
  await call(`${url}/t/guarded/b`, { headers: { authorization: `Basic ${btoa(`user:${guard}`)}` } })
  const again = `/inspect/${sent.headers['gw-request-id']}`
  await expected(200, `${again}/replay`, { method: 'POST', headers: root })
  t.match(arrived.join(), application, 'what is for the application reaches it')
  for (const what of ['operator token', 'password of a tunnel', "the dashboard's cookie"])
    t.notMatch(arrived.join(), secrets.get(what)!, `${what} does not reach the upstream`)

  // Wrong ones.
  for (const headers of [
    bearer(canary('wrong secret')),
    bearer(`gwt_0123456789ab_${canary('wrong token')}`),
    bearer(wrongJwt),
    { authorization: `Basic ${btoa(`any:${canary('wrong password')}`)}` },
    { authorization: `DeviceToken gwd_0123456789ab_${canary('wrong device token')}` },
    { 'x-api-key': canary('wrong key') },
  ])
    await expected(401, '/connections', { headers })
  await expected(401, '/t/guarded/', {
    headers: { authorization: `Basic ${btoa(`user:${canary('wrong guess')}`)}` },
  })
  await expected(401, '/forward/', { headers: { 'gw-authorization': `Bearer ${canary('wrong gw')}` } })
  await expected(400, `/connections?token=${canary('token in a query')}`, { headers: root })
  await expected(400, `/ws?tunnel_id=${id}&access_token=${canary('token of a link')}`, { headers: root })
  await expected(404, `/nothing?key=${canary('key nowhere')}`, { headers: root })

  // Everything that tells.
  const told = async (path: string): Promise<string> => {
    const { body } = await call(`${url}${path}`, { headers: root })
    places.push([path, body])
    return body
  }
  const { exchanges } = JSON.parse(await told('/inspect')) as { exchanges: { request_id: string }[] }
  t.ok(exchanges.length >= 3)
  for (const { request_id: one } of exchanges) {
    await told(`/inspect/${one}`)
    await told(`/inspect/${one}/curl`)
  }
  t.match(await told(again), /redacted/)
  for (const path of ['/', '/health', '/metrics', '/status', '/connections', '/devices', '/dashboard'])
    await told(path)
  // Hooks run beside what they tell of.
  while (!(await told('/hooks/runs')).includes('auth:failed'))
    await new Promise((resolve) => setTimeout(resolve, 50))
  await Promise.all([
    command('token list'),
    command('status --json'),
    command('config show'),
    command(`token revoke gwt_0123456789ab_${canary('token that is none')}`),
    command(`--token ${canary('flag that is none')}`),
    command(`serve --token=${canary('the same with =')}`),
  ])
  for (const each of [gateway, ...agents]) {
    // Its user was warned, and chose to.
    places.push(['process list', each.title, each === agents[2] ? 'node token by flag' : undefined])
  }
  const stops = [gateway, ...agents].map(({ child }) => {
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    return exit
  })
  await Promise.all(stops)
  for (const each of [gateway, refused, ...agents]) places.push(['output', each.text])
  for (const file of readdirSync(dataDir, { recursive: true, withFileTypes: true }))
    if (file.isFile()) places.push([file.name, readFileSync(join(file.parentPath, file.name), 'latin1')])
  t.ok(places.some(([where]) => where === 'access.db'))

  for (const [where, text, allowed] of places) {
    const found = [...secrets].filter(([what, secret]) => what !== allowed && text.includes(secret))
    t.same(
      found.map(([what]) => what),
      [],
      `${where} (${text.length} characters)`,
    )
  }
  t.ok(secrets.size > 25, `${secrets.size} secrets`)
})
