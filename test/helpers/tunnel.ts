/** A real gateway, in this process or as a child of it, and callers for it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import http from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Gateway, type GatewayConfig } from '../../gateway/gateway.js'
import { createLogger } from '../../shared/log.js'
import { freshDirectory } from './fresh-directory.js'
import { RawAgent, type RawAgentOptions } from './raw-agent.js'

export type LogLine = { msg: string; [field: string]: unknown }

/** What a gateway has logged, as it logs it. */
export class LogTape extends EventEmitter<{ line: [LogLine] }> {
  readonly lines: LogLine[] = []
  readonly logger = createLogger({ level: 'debug', write: (chunk) => this.take(chunk) })

  take(chunk: string): void {
    for (const text of chunk.split('\n')) {
      if (text === '') continue
      const line = JSON.parse(text) as LogLine
      this.lines.push(line)
      this.emit('line', line)
    }
  }

  /** The first line that holds `wanted`, now or later. */
  async find(wanted: Partial<LogLine>): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find((line) =>
        Object.entries(wanted).every(([key, value]) => line[key] === value),
      )
      if (found !== undefined) return found
      await once(this, 'line')
    }
  }
}

export interface Site {
  gateway: Gateway
  url: string
  port: number
  log: LogTape
  /** An agent that is killed when the test ends. */
  agent(options?: RawAgentOptions): Promise<RawAgent>
}

/** Which engine the suites of the gateway run over. */
const engine = () => (process.env.GW_TEST_ENGINE ?? 'uws') as 'uws' | 'node'

/** A gateway on a free port for one test. */
export async function startGateway(t: Test, options: GatewayConfig = {}): Promise<Site> {
  const log = new LogTape()
  const gateway = await Gateway.start({
    port: 0,
    engine: engine(),
    dataDir: freshDirectory(),
    log: log.logger,
    logFormat: 'json',
    ...options,
  })
  const agents: RawAgent[] = []
  t.teardown(async () => {
    for (const agent of agents) agent.socket.terminate()
    await gateway.destroy()
  })
  const agent = async (given?: RawAgentOptions): Promise<RawAgent> => {
    const one = await RawAgent.connect(gateway.url, given)
    agents.push(one)
    return one
  }
  return { gateway, url: gateway.url, port: Number(new URL(gateway.url).port), log, agent }
}

export interface GatewayProcess {
  child: ChildProcess
  url: string
  /** Lines of its standard output and error so far. */
  lines: string[]
  /** Resolves to its exit code. */
  exited: Promise<number | null>
}

/** `gw-gateway --port 0 …args`, killed when the test ends. */
export async function spawnGateway(
  t: Test,
  ...given: (string | { env: NodeJS.ProcessEnv })[]
): Promise<GatewayProcess> {
  const env = Object.assign(
    { GW_ENGINE: engine(), GW_DATA_DIR: freshDirectory(), ...process.env },
    ...given.map((each) => (typeof each === 'object' ? each.env : {})),
  )
  const args = given.filter((each): each is string => typeof each === 'string')
  const bin = fileURLToPath(new URL('../../../gateway/bin/gw-gateway.js', import.meta.url))
  const port = args.includes('--port') ? [] : ['--port', '0']
  const child = spawn(process.execPath, [bin, ...port, '--log-format', 'json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const reader = createInterface(child.stdout!)
  createInterface(child.stderr!).on('line', (line) => lines.push(line))
  const url = await new Promise<string>((resolve, reject) => {
    reader.on('line', (line) => {
      lines.push(line)
      const found = /listening on (http:[^"\s]+)/.exec(line)
      if (found !== null) resolve(found[1]!)
    })
    void exited.then((code) => reject(new Error(`it ended with ${code}: ${lines.join('\n')}`)))
  })
  return { child, url, lines, exited }
}

export interface Asked {
  method?: string
  headers?: http.OutgoingHttpHeaders
  body?: string | Buffer
  signal?: AbortSignal
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
  /** The framing said that the body is complete. */
  complete: boolean
  /** The `code` of a problem. */
  code: string | undefined
}

/** One request on a connection of its own, and the whole answer; a connection cut inside it is no error. */
export async function call(url: string, asked: Asked = {}): Promise<Answer> {
  const request = ask(url, asked)
  // Bytes, since Node writes a head together with a string as UTF-8.
  request.end(asked.body && Buffer.from(asked.body))
  return answerOf(request)
}

/** A request that the test writes itself. */
export function ask(url: string, { method = 'GET', headers = {}, signal }: Asked = {}): http.ClientRequest {
  const { hostname, port } = new URL(url)
  // As it stands: a URL would tidy it.
  const path = url.slice(url.indexOf('/', 8))
  const request = http.request({
    hostname,
    port,
    path,
    method,
    headers,
    agent: false,
    ...(signal && { signal }),
  })
  request.on('error', () => {})
  return request
}

export async function answerOf(request: http.ClientRequest): Promise<Answer> {
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => chunks.push(chunk))
  response.on('error', () => {})
  if (!response.closed) await new Promise((resolve) => response.on('close', resolve))
  const body = Buffer.concat(chunks).toString('latin1')
  const json = response.headers['content-type']?.includes('problem+json') ? JSON.parse(body) : undefined
  const code = (json as { code: string } | undefined)?.code
  return { status: response.statusCode!, headers: response.headers, body, complete: response.complete, code }
}

/** Resolves once the gateway has read what was sent to it before: another connection's round trip. */
export async function settled(site: { url: string }): Promise<void> {
  for (let i = 0; i < 2; i++) await call(`${site.url}/health`)
}
