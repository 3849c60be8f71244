/** A made-up fleet, and what went through it: the shapes that the dashboard is given, always the same. */

const PURPOSES = ['prod', 'staging', 'models', 'billing', 'eu-west']
const PATHS = [
  '/v1/chat/completions',
  '/api/items',
  '/api/items/7421/history',
  '/health',
  '/search',
  '/mcp',
  '/files/report-2026-03.pdf',
]

export type Json = Record<string, unknown>
export interface FakeLink extends Json {
  link_id: string
  tunnel_id: string
  state: string
}
export interface FakeExchange extends Json {
  request_id: string
  status: number
}

/** 0 to 1, the same sequence each time. */
export function dice(seed = 7): () => number {
  let state = seed
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32
    return state / 2 ** 32
  }
}

export function fakeLink(i: number, random: () => number, over: Json = {}): FakeLink {
  const purpose = PURPOSES[Math.floor(random() ** 1.7 * PURPOSES.length)]!
  const uuid = `${(0x550e8400 + i * 7919).toString(16).slice(-8)}-e29b-41d4-a716-${String(i).padStart(12, '0')}`
  const most = [16, 64, 256][i % 3]!
  return {
    link_id: `link-${i}`,
    tunnel_id: `agent_${uuid}_${purpose}`,
    agent_id: uuid,
    purpose,
    instance_id: `host-${i}`,
    link: 0,
    name: i % 4 === 0 ? `${purpose}-${i}` : null,
    labels: { region: ['eu', 'us', 'ap'][i % 3], tier: i % 5 === 0 ? 'gpu' : 'cpu' },
    weight: 1,
    state: i % 17 === 9 ? 'draining' : 'ready',
    remote_address: `10.0.${i % 250}.${(i * 7) % 250}`,
    connected_at: new Date(Date.now() - 3_600_000 * (1 + random() * 90)).toISOString(),
    last_seen_at: new Date().toISOString(),
    rtt_ms: Math.round((2 + random() ** 3 * 140) * 100) / 100,
    inflight: random() < 0.4 ? 0 : Math.floor(random() * most * 0.8),
    max_concurrent: most,
    requests_total: Math.floor(random() * 90_000),
    errors_total: Math.floor(random() ** 4 * 120),
    bytes_in: Math.floor(random() * 5e8),
    bytes_out: Math.floor(random() * 9e9),
    latency_ms: { p50: Math.round(4 + random() * 60), p99: Math.round(80 + random() * 900) },
    protocol: 'gw.v1',
    agent_version: '0.1.0',
    node: null,
    ...over,
  }
}

export const fakeStatus = (links: number, requests: number): Json => ({
  status: 'healthy',
  version: '0.1.0',
  uptime_s: 271_930,
  node: 'gw-eu-1',
  engine: 'uws',
  counts: { links, inflight: 212 },
  rates: { requests_per_s: requests, errors_per_s: requests / 900 },
  store: { kind: 'sqlite' },
  loop_lag_ms: 1.4,
})

/** A quarter of an hour. */
export function fakePoints(random: () => number): Json[] {
  return Array.from({ length: 90 }, (_, i) => {
    const wave = 1 + 0.35 * Math.sin(i / 9) + 0.12 * Math.sin(i / 2.3)
    const requests = Math.round((820 + random() * 90) * wave)
    const slow = 1 + (i > 52 && i < 60 ? 1.4 : 0) + random() * 0.2
    const errors: Record<string, number> = {}
    if (i % 7 === 3) errors.upstream_unreachable = 1 + Math.floor(random() * 3)
    if (i > 52 && i < 60) errors.response_timeout = 2 + Math.floor(random() * 6)
    if (i % 19 === 4) errors.no_agent = 1
    return {
      time: new Date(Date.now() - (89 - i) * 10_000).toISOString(),
      requests,
      errors,
      p50_ms: 11 * slow,
      p95_ms: 46 * slow,
      p99_ms: 118 * slow + random() * 30,
      bytes_in: requests * 900,
      bytes_out: requests * 9000,
    }
  })
}

export function fakeExchange(i: number, random: () => number, over: Json = {}): FakeExchange {
  const total = Math.round((8 + random() ** 4 * 2400) * 10) / 10
  const queued = i % 9 === 0 ? total * 0.3 : total * 0.02
  const status = [200, 200, 200, 200, 201, 304, 200, 404, 200, 502, 200][i % 11]!
  return {
    request_id: `0195f1c4-7b3a-7000-8000-${String(i).padStart(12, '0')}`,
    time: new Date(Date.now() - i * 1700).toISOString(),
    method: ['GET', 'POST', 'GET', 'PUT', 'GET', 'DELETE'][i % 6],
    path: PATHS[i % PATHS.length],
    status,
    code: status === 502 ? 'upstream_unreachable' : null,
    tunnel_id: `agent_550e8400-e29b-41d4-a716-${String(i % 40).padStart(12, '0')}_${PURPOSES[i % 5]}`,
    route: 'tunnel',
    state: 'ended',
    queued_ms: queued,
    first_byte_ms: queued + (total - queued) * 0.6,
    duration_ms: total,
    bytes_in: 203,
    bytes_out: 203,
    replay_of: null,
    ...over,
  }
}

const BODY = {
  model: 'llama-3.3-70b',
  stream: false,
  temperature: 0.2,
  messages: [
    { role: 'system', content: 'You are a careful assistant.' },
    { role: 'user', content: 'What changed in the last release?' },
  ],
  tools: [],
}

/** With both messages. */
export function fakeDetail(summary: FakeExchange, over: Json = {}): Json {
  const text = JSON.stringify(BODY)
  const whole = { bytes: text.length, truncated: false, body: { kind: 'json', text, value: BODY } }
  return {
    ...summary,
    path: `${summary.path}?page=2&token=[redacted]`,
    remote_address: '203.0.113.7',
    request: {
      headers: [
        ['host', 'gw.example.com'],
        ['user-agent', 'curl/8.5.0'],
        ['content-type', 'application/json'],
        ['authorization', '[redacted]'],
        ['accept', '*/*'],
      ],
      ...whole,
    },
    response: {
      headers: [
        ['content-type', 'application/json'],
        ['date', 'Tue, 03 Mar 2026 10:12:44 GMT'],
        ['set-cookie', '[redacted]'],
      ],
      ...whole,
    },
    ...over,
  }
}

export const fakeSession = (i: number): Json => ({
  session_id: `sess_${(0xabc123def456 + i).toString(16)}`,
  user_id: `user_${100 + i}`,
  workspace_dir: '/home/user/project',
  created_at: new Date(Date.now() - i * 600_000 - 90_000).toISOString(),
  metadata: i % 2 === 0 ? { channel: 'web' } : {},
  status: i === 0 ? 'running' : 'idle',
  tunnel_id: `agent_550e8400-e29b-41d4-a716-446655440000_prod`,
  last_active_at: new Date(Date.now() - i * 600_000).toISOString(),
  expires_at: null,
})

export const fakeEvents = (): Json[] => {
  const said: [string, Json][] = [
    ['text', { text: 'I will look at the files ' }],
    ['text', { text: 'of the project first.' }],
    ['tool_call', { id: 'call_1', name: 'ListDir', input: { path: '.', depth: 2 } }],
    ['tool_result', { tool_call_id: 'call_1', result: 'README.md\npackage.json\nsrc/' }],
    ['iteration_end', { iteration: 1 }],
    ['text', { text: 'There are a README, a manifest and the sources. The entry point is src/main.ts.' }],
    ['done', { run_id: 'run_1', status: 'completed', output: '…', usage: { input_tokens: 812 } }],
  ]
  return said.map(([type, data], i) => ({
    type,
    data,
    seq: i + 1,
    run_id: 'run_1',
    timestamp: new Date(Date.now() - (10 - i) * 3000).toISOString(),
  }))
}

export function fakeRuns(n: number): Json[] {
  const statuses = ['ok', 'ok', 'failed', 'ok', 'timeout']
  return Array.from({ length: n }, (_, i) => ({
    name: ['log-startup', 'notify', 'page-oncall'][i % 3],
    event: ['gateway:startup', 'agent:disconnected', 'request:error'][i % 3],
    seq: n - i,
    status: statuses[i % 5],
    exit_code: statuses[i % 5] === 'ok' ? 0 : statuses[i % 5] === 'failed' ? 3 : null,
    started_at: new Date(Date.now() - i * 95_000 - 4000).toISOString(),
    duration_ms: 40 + i * 37,
    output: i % 3 === 2 ? 'connecting…\nretrying\ngave up after 3 attempts\n' : `sent ${i + 1} messages\n`,
  }))
}

export const FAKE_OPENAPI: Json = {
  openapi: '3.1.0',
  info: { title: 'gw', version: '0.1.0' },
  paths: {
    '/connections': {
      get: {
        summary: 'Who is connected',
        'x-scope': 'operator.read',
        parameters: [{ name: 'purpose', in: 'query', description: 'Only these', schema: { type: 'string' } }],
        responses: { 200: { description: 'The links' } },
      },
    },
    '/connections/{link_id}': {
      delete: { summary: 'Close or drain a link', responses: { 200: { description: 'Closed' } } },
    },
  },
}
