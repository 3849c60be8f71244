import { RATIO, type Ratio } from './figure.js'
import { FILES } from './origin.js'
import type { Scenario, Work } from './scenario.js'
import type { SubjectName } from './subject.js'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

/** One hop against one hop, two against two, and what callers of either get. */
const AGAINST_NGINX: readonly Ratio[] = [
  { name: 'gateway : nginx CPU', over: ['forward/gateway CPU'], under: ['nginx/nginx CPU'] },
  {
    name: 'gateway + agent : nginx two hops CPU',
    over: ['forward/gateway CPU', 'forward/agent CPU'],
    under: ['nginx-2/front CPU', 'nginx-2/back CPU'],
  },
  { name: 'gateway : haproxy CPU', over: ['forward/gateway CPU'], under: ['haproxy/haproxy CPU'] },
  { name: 'forward : nginx two hops rate', over: ['forward/rate'], under: ['nginx-2/rate'] },
]
const WITH_HANDLER: Ratio = {
  name: 'gateway (handler) : nginx CPU',
  over: ['handler/gateway CPU'],
  under: ['nginx/nginx CPU'],
}
const WITH_LOG: Ratio = {
  name: 'gateway (access log) : nginx CPU',
  over: ['logged/gateway CPU'],
  under: ['nginx/nginx CPU'],
}

const PROXIES: readonly SubjectName[] = ['nginx', 'nginx-2', 'haproxy', 'forward']

type Requests = Extract<Work, { kind: 'requests' }>

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
  subjects: [...PROXIES, 'handler'],
  work: { ...SMALL, connections },
  rounds: 3,
  ratios: [...AGAINST_NGINX, WITH_HANDLER],
  goals: [],
})

const body = (name: string, about: string, work: Partial<Requests>): Scenario => ({
  name,
  about,
  origin: work.upload ? 'live' : 'fixed',
  subjects: PROXIES,
  work: { ...SMALL, per: 'MiB', ...work },
  rounds: 3,
  ratios: AGAINST_NGINX,
  goals: [],
})

export const SCENARIOS: readonly Scenario[] = [
  {
    ...small(64),
    subjects: ['direct', ...PROXIES, 'handler', 'logged'],
    ratios: [...AGAINST_NGINX, WITH_HANDLER, WITH_LOG],
    goals: [
      { figure: `${RATIO}/gateway : nginx CPU`, kind: 'at-most', limit: 1.2 },
      { figure: 'handler/rate', kind: 'at-least', limit: 20_000 },
    ],
    quick: { subjects: ['nginx', 'forward', 'handler'], rounds: 3 },
  },
  small(1),
  small(256),
  {
    ...small(64),
    name: 'connect',
    about: 'GET, 13 bytes, a new connection for each request, 64 at once',
    work: { ...SMALL, reuse: false },
  },
  body('body-1m', 'GET, 1 MiB, 16 kept connections', { path: '/1m', connections: 16, body: FILES['1m'] }),
  body('body-100m', 'GET, 100 MiB, 2 kept connections', {
    path: '/100m',
    connections: 2,
    body: FILES['100m'],
  }),
  body('upload-10m', 'POST, 10 MiB, 4 kept connections', {
    path: '/upload',
    connections: 4,
    upload: 10 * MIB,
    body: 10 * MIB,
  }),
  {
    name: 'streams',
    about: '200 event streams, an event each 20 ms',
    origin: 'live',
    subjects: PROXIES,
    work: { kind: 'streams', streams: 200, intervalMs: 20 },
    rounds: 3,
    ratios: AGAINST_NGINX.filter((ratio) => !ratio.name.endsWith('rate')),
    goals: [],
  },
  {
    name: 'idle',
    about: 'memory of 2,000 idle agents in one gateway',
    origin: 'none',
    subjects: ['gateway'],
    work: { kind: 'idle', links: 2_000 },
    rounds: 3,
    ratios: [],
    goals: [{ figure: 'gateway/memory of a link', kind: 'at-most', limit: 8 }],
    quick: { subjects: ['gateway'], rounds: 3 },
  },
  {
    name: 'bulk',
    about: '1 GiB down, then up, one transfer at a time, SHA-256 compared at the far end',
    origin: 'live',
    subjects: ['nginx', 'forward'],
    work: { kind: 'bulk', bytes: GIB },
    rounds: 3,
    ratios: [
      { name: 'forward : nginx, down', over: ['forward/down'], under: ['nginx/down'] },
      { name: 'forward : nginx, up', over: ['forward/up'], under: ['nginx/up'] },
    ],
    goals: ['down', 'up'].flatMap((way) =>
      ['gateway', 'agent'].map((process) => ({
        figure: `forward/${process} growth ${way}`,
        kind: 'at-most' as const,
        limit: 64,
      })),
    ),
    quick: { subjects: ['nginx', 'forward'], rounds: 1 },
  },
]
