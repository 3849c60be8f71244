import { ratio } from '../figure.js'
import { FILES } from '../origin.js'
import { PEER_NAMES } from '../peers/table.js'
import { atLeast, atMost, type Scenario, type Work } from '../scenario.js'
import { AGAINST_PROXIES, against, GATEWAY_CPU, LATENCY, RATE, ratioOf } from './comparisons.js'

type Requests = Extract<Work, { kind: 'requests' }>

const MIB = 1024 * 1024

const SMALL: Requests = {
  kind: 'requests',
  path: '/',
  connections: 64,
  reuse: true,
  upload: 0,
  per: 'request',
  body: 13,
}

const small = (connections: number): Scenario => ({
  name: `small-${connections}`,
  about: `GET, 13 bytes, ${connections} kept ${connections === 1 ? 'connection' : 'connections'}`,
  origin: 'fixed',
  subjects: ['nginx', 'nginx-2', 'forward'],
  work: { ...SMALL, connections },
  rounds: 3,
  comparisons: AGAINST_PROXIES,
  goals: [],
  plots: ['rate', 'latency p50', 'CPU'],
})

const body = (name: string, about: string, work: Partial<Requests>): Scenario => ({
  ...small(64),
  name,
  about,
  origin: work.upload ? 'live' : 'fixed',
  subjects: ['nginx-2', 'forward', ...PEER_NAMES],
  work: { ...SMALL, per: 'MiB', ...work },
  comparisons: [...AGAINST_PROXIES, ...against(PEER_NAMES)],
  goals: [atLeast(ratioOf(RATE), 1, 'P5')],
  plots: ['rate', 'CPU'],
})

const HANDLER_CPU = 'gateway (handler) : nginx CPU'

/** Requests as fast as they are answered. */
export const REQUESTS: readonly Scenario[] = [
  {
    ...small(64),
    subjects: ['direct', 'nginx', 'nginx-2', 'haproxy', 'haproxy-2', 'forward', 'handler', ...PEER_NAMES],
    comparisons: [
      ...AGAINST_PROXIES,
      ratio(HANDLER_CPU, 'lower', ['handler/gateway CPU'], ['nginx/nginx CPU']),
      ...against(PEER_NAMES),
    ],
    goals: [
      atMost(ratioOf(GATEWAY_CPU), 0.7, 'P1'),
      atLeast(ratioOf(RATE), 1.3, 'P2'),
      atMost('forward/agent CPU', 20, 'P3'),
    ],
    quick: { subjects: ['nginx', 'nginx-2', 'forward'], rounds: 3 },
  },
  {
    ...small(1),
    subjects: ['direct', 'nginx', 'nginx-2', 'forward', ...PEER_NAMES],
    comparisons: [...AGAINST_PROXIES, ...against(PEER_NAMES)],
    goals: [atMost(ratioOf(LATENCY), 1, 'P4')],
  },
  { ...small(256), subjects: ['nginx-2', 'forward'] },
  {
    ...small(64),
    name: 'connect',
    about: 'GET, 13 bytes, a new connection for each request, 64 at once',
    subjects: ['nginx', 'nginx-2', 'forward', ...PEER_NAMES],
    work: { ...SMALL, reuse: false },
    comparisons: [...AGAINST_PROXIES, ...against(PEER_NAMES)],
    goals: [atLeast(ratioOf(RATE), 1, 'P10')],
  },
  body('body-1m', 'GET, 1 MiB, 16 kept connections', { path: '/1m', connections: 16, body: FILES['1m'] }),
  {
    ...body('body-100m', 'GET, 100 MiB, 2 kept connections', {
      path: '/100m',
      connections: 2,
      body: FILES['100m'],
    }),
    leastSeconds: 2,
  },
  {
    ...body('upload-10m', 'POST, 10 MiB, 4 kept connections', {
      path: '/upload',
      connections: 4,
      upload: 10 * MIB,
      body: 10 * MIB,
    }),
    leastSeconds: 2,
  },
  {
    ...small(64),
    name: 'options',
    about: 'what options cost: GET, 13 bytes, 64 kept connections',
    subjects: ['nginx', 'forward', 'logged', 'observed', 'token'],
    comparisons: [
      ratio(GATEWAY_CPU, 'lower', ['forward/gateway CPU'], ['nginx/nginx CPU']),
      ratio('access log : none, gateway CPU', 'lower', ['logged/gateway CPU'], ['forward/gateway CPU']),
      ratio(
        'access log and inspector : neither, gateway CPU',
        'lower',
        ['observed/gateway CPU'],
        ['forward/gateway CPU'],
      ),
      ratio(
        'access log and inspector : nginx without log, CPU',
        'lower',
        ['observed/gateway CPU'],
        ['nginx/nginx CPU'],
      ),
      ratio(
        'token : no authentication, gateway CPU',
        'lower',
        ['token/gateway CPU'],
        ['forward/gateway CPU'],
      ),
    ],
    goals: [
      atMost(ratioOf('access log and inspector : neither, gateway CPU'), 1.1),
      atMost(ratioOf('token : no authentication, gateway CPU'), 1.05),
    ],
  },
  {
    ...small(64),
    name: 'engines',
    about: 'both engines: GET, 13 bytes, 64 kept connections',
    subjects: ['uws', 'node'],
    comparisons: [
      ratio(
        'node : uws, requests per gateway CPU second',
        'higher',
        ['uws/gateway CPU'],
        ['node/gateway CPU'],
      ),
    ],
    goals: [atLeast(ratioOf('node : uws, requests per gateway CPU second'), 1 / 3)],
  },
]
