/** A gateway's endpoints as the dashboard sees them, with the real files: without agents, store or requests. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Assets, loadAssets } from '../../gateway/dashboard/assets.js'
import { dashboardAnswer } from '../../gateway/dashboard/files.js'
import { Problem } from '../../shared/errors.js'
import {
  dice,
  FAKE_OPENAPI,
  type FakeExchange,
  type FakeLink,
  fakeDetail,
  fakeEvents,
  fakeExchange,
  fakeLink,
  fakePoints,
  fakeRuns,
  fakeSession,
  fakeStatus,
  type Json,
} from './fake-fleet.js'

/** A body, text or JSON, and a status. */
type Answer = [value: unknown, status?: number]
type Feed = { path: string; response: ServerResponse }

export class FakeApi {
  modes: string[] = ['none']
  scopes: string[] = ['operator.admin']
  credential = 'gwt_right'
  signedIn = true
  links = new Map<string, FakeLink>()
  exchanges: FakeExchange[] = []
  /** Over the made-up message of an exchange, by request id. */
  details = new Map<string, Json>()
  sessions: Json[] = []
  events: Json[] = []
  runs: Json[] = []
  tasks: Json[] = []
  points: Json[] = []
  /** Path → status: refused with that. */
  refusals = new Map<string, number>()
  /** Method and path of all but reading. */
  readonly done: { method: string; path: string; body: string }[] = []
  openapi: Json = {}
  readonly #assets: Assets
  readonly #feeds = new Set<Feed>()
  #server: Server | undefined
  #port = 0

  private constructor(assets: Assets) {
    this.#assets = assets
  }

  static async start(): Promise<FakeApi> {
    const api = new FakeApi(await loadAssets())
    await api.listen()
    return api
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async listen(): Promise<void> {
    this.#server = createServer((request, response) => void this.#serve(request, response))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** As a gateway that is gone; `listen` brings it back on the same port. */
  async stop(): Promise<void> {
    this.#feeds.clear()
    this.#server!.closeAllConnections()
    this.#server!.close()
    await once(this.#server!, 'close')
  }

  /** A fleet of `links`, and `exchanges` that went through it. */
  fill(links: number, exchanges: number): void {
    const random = dice()
    this.links = new Map(
      Array.from({ length: links }, (_, i) => fakeLink(i, random)).map((link) => [link.link_id, link]),
    )
    this.exchanges = Array.from({ length: exchanges }, (_, i) => fakeExchange(i, random))
    this.sessions = Array.from({ length: 6 }, (_, i) => fakeSession(i))
    this.events = fakeEvents()
    this.runs = fakeRuns(12)
    const last = { ...this.runs[0], output: 'removed 14 files\n' }
    const soon = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
    this.tasks = [
      {
        name: 'cleanup',
        type: 'interval',
        schedule: '1h',
        enabled: true,
        next_run_at: soon(12),
        last_run: last,
      },
      {
        name: 'backup',
        type: 'cron',
        schedule: '0 3 * * *',
        enabled: true,
        next_run_at: soon(400),
        last_run: this.runs[2],
      },
      { name: 'reminder', type: 'one_shot', enabled: false, next_run_at: null, last_run: null },
    ]
    this.points = fakePoints(random)
    this.openapi = FAKE_OPENAPI
  }

  /** To all who follow `path`. */
  tell(path: string, event: string, data: unknown): void {
    for (const feed of this.#feeds)
      if (feed.path === path) feed.response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  change(link: FakeLink): void {
    this.links.set(link.link_id, link)
    this.tell('/connections', 'changed', link)
  }

  followers(path: string): number {
    return [...this.#feeds].filter((feed) => feed.path === path).length
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.url)
    const method = request.method!
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    if (method !== 'GET') this.done.push({ method, path: url.pathname + url.search, body })
    const refused = this.refusals.get(url.pathname)
    try {
      if (refused !== undefined) json(response, [problem(refused), refused])
      else if (url.pathname.startsWith('/dashboard') && url.pathname !== '/dashboard/session') {
        const headers = Object.entries(request.headers).flatMap(([name, value]) => [name, String(value)])
        const { head, body } = dashboardAnswer(this.#assets, request.url!, headers)
        response.writeHead(head.status, [...head.headers]).end(body)
      } else if (request.headers.accept === 'text/event-stream') this.#follow(url, response)
      else json(response, this.#answer(method, url, body))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      json(response, [{ code: error.code, detail: error.message }, error.status])
    }
  }

  #follow(url: URL, response: ServerResponse): void {
    if (!this.#allowed(url.pathname)) {
      json(response, [problem(401), 401])
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const feed = { path: url.pathname, response }
    this.#feeds.add(feed)
    response.on('close', () => this.#feeds.delete(feed))
    const whole =
      url.pathname === '/connections' ? this.#connections() : { exchanges: this.#found(url.searchParams) }
    if (!url.pathname.endsWith('/events'))
      response.write(`event: snapshot\ndata: ${JSON.stringify(whole)}\n\n`)
    else
      for (const event of this.events)
        response.write(`event: ${event.type}\nid: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`)
  }

  #connections(): Json {
    return { count: this.links.size, connections: [...this.links.values()] }
  }

  #found(query: URLSearchParams): FakeExchange[] {
    const path = query.get('path')
    const code = query.get('code')
    return this.exchanges.filter(
      (one) =>
        (path === null || String(one.path).includes(path)) && (code === null || String(one.status) === code),
    )
  }

  #allowed(path: string): boolean {
    if (path === '/openapi.json' || path === '/dashboard/session') return true
    return this.signedIn && this.scopes.some((scope) => /read|write|admin/.test(scope))
  }

  #session(): Json {
    return { modes: this.modes, signed_in: this.signedIn, scopes: this.signedIn ? this.scopes : [] }
  }

  #answer(method: string, url: URL, body: string): Answer {
    const path = url.pathname
    if (!this.#allowed(path)) return [problem(401), 401]
    const [, room, id, verb] = path.split('/').map(decodeURIComponent)
    const exchange = this.exchanges.find(({ request_id }) => request_id === id)
    switch (`${method} /${room}`) {
      case 'POST /dashboard':
        this.signedIn = (JSON.parse(body) as Json).credential === this.credential
        return this.signedIn ? [this.#session()] : [problem(401), 401]
      case 'DELETE /dashboard':
        this.signedIn = false
        return [{}]
      case 'GET /dashboard':
        return [this.#session()]
      case 'GET /connections':
        return [this.#connections()]
      case 'DELETE /connections':
        return [url.search === '' ? { closed: true } : { state: 'draining' }]
      case 'GET /status':
        if (url.search === '') return [fakeStatus(this.links.size, this.points.length)]
        return [{ interval_s: 10, points: this.points }]
      case 'GET /inspect':
        if (id === undefined) return [{ exchanges: this.#found(url.searchParams) }]
        if (exchange === undefined) return [problem(404), 404]
        if (verb === 'curl') return [`curl 'http://127.0.0.1/${exchange.path}'`]
        return [fakeDetail(exchange, this.details.get(id))]
      case 'POST /inspect':
        return [{ request_id: id, replay_of: id, omitted: ['authorization'] }]
      case 'GET /api':
        return [{ sessions: this.sessions, next_cursor: null }]
      case 'GET /hooks':
        return [{ runs: this.runs }]
      case 'GET /tasks':
        return [id === undefined ? { tasks: this.tasks } : { runs: this.runs.slice(0, 4) }]
      case 'POST /tasks':
        return [{}, 202]
      case 'GET /openapi.json':
        return [this.openapi]
      default:
        return [problem(404), 404]
    }
  }
}

const problem = (status: number): Json => ({ status, code: 'refused', detail: `refused with ${status}` })

function json(response: ServerResponse, [value, status = 200]: Answer): void {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  response.writeHead(status, { 'content-type': 'application/json' }).end(text)
}
