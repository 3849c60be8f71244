import { added, ratio } from '../figure.js'
import { FILES } from '../origin.js'
import { atLeast, atMost, type Scenario } from '../scenario.js'
import { AGAINST_PROXIES, addedBy, ratioOf } from './comparisons.js'

const GIB = 1024 ** 3
const TWO_HOPS_CPU = AGAINST_PROXIES.filter(({ name }) => name.endsWith('two hops CPU'))

/** What lasts: event streams, WebSockets and large bodies. */
export const STREAMS: readonly Scenario[] = [
  {
    name: 'streams',
    about: '2,000 event streams, an event each 200 ms',
    origin: 'live',
    subjects: ['direct', 'nginx-2', 'forward'],
    work: { kind: 'streams', streams: 2_000, intervalMs: 200, lifeMs: undefined },
    plots: ['first event p99', 'delay p99', 'CPU'],
    rounds: 3,
    leastSeconds: 2,
    comparisons: [
      ...TWO_HOPS_CPU,
      added('forward, event delay p99', 'forward/delay p99', 'direct/delay p99'),
    ],
    goals: [atMost('forward/stalled', 0, 'P8')],
  },
  {
    name: 'first-event',
    about: '100 event streams of about 500 ms, an event each 50 ms; as one ends the next begins',
    origin: 'live',
    subjects: ['direct', 'nginx-2', 'forward'],
    work: { kind: 'streams', streams: 100, intervalMs: 50, lifeMs: 500 },
    plots: ['first event p50', 'first event p99'],
    rounds: 3,
    leastSeconds: 2,
    comparisons: [
      added('forward, first event p99', 'forward/first event p99', 'direct/first event p99'),
      added('nginx two hops, first event p99', 'nginx-2/first event p99', 'direct/first event p99'),
    ],
    goals: [atMost(addedBy('forward, first event p99'), 1, 'P8')],
  },
  {
    name: 'echo',
    about: 'WebSocket messages of 125 bytes and back, 64 connections',
    origin: 'live',
    subjects: ['nginx', 'nginx-2', 'forward'],
    work: { kind: 'echo', connections: 64, bytes: 125 },
    plots: ['rate', 'latency p50', 'CPU'],
    rounds: 3,
    comparisons: AGAINST_PROXIES,
    goals: [],
  },
  {
    name: 'beside',
    about: 'GET, 13 bytes, 8 kept connections, alone and beside one endless download',
    origin: 'fixed',
    subjects: ['nginx-2', 'forward'],
    work: { kind: 'beside', connections: 8, path: '/100m' },
    plots: ['latency p99 alone', 'latency p99 beside', 'download'],
    rounds: 3,
    comparisons: [
      ratio(
        'forward, p99 beside : alone',
        'lower',
        ['forward/latency p99 beside'],
        ['forward/latency p99 alone'],
      ),
      ratio(
        'forward : nginx two hops, p99 beside',
        'lower',
        ['forward/latency p99 beside'],
        ['nginx-2/latency p99 beside'],
      ),
      ratio('forward : nginx two hops, download', 'higher', ['forward/download'], ['nginx-2/download']),
    ],
    goals: [],
  },
  {
    name: 'distance',
    about: 'one download of 100 MiB over a line with 100 ms round trip and a window of 4 MiB',
    origin: 'fixed',
    subjects: ['far', 'far-forward'],
    work: { kind: 'distance', path: '/100m', bytes: FILES['100m'] },
    plots: ['rate'],
    rounds: 3,
    comparisons: [ratio('tunnel : plain TCP, rate', 'higher', ['far-forward/rate'], ['far/rate'])],
    goals: [atLeast(ratioOf('tunnel : plain TCP, rate'), 0.8, 'P9')],
  },
  {
    name: 'bulk',
    about: '1 GiB down, then up, one transfer at a time, SHA-256 compared at the far end',
    origin: 'live',
    subjects: ['nginx', 'forward'],
    work: { kind: 'bulk', bytes: GIB },
    plots: ['down', 'up'],
    rounds: 3,
    comparisons: [
      ratio('forward : nginx, down', 'higher', ['forward/down'], ['nginx/down']),
      ratio('forward : nginx, up', 'higher', ['forward/up'], ['nginx/up']),
    ],
    goals: ['down', 'up'].flatMap((way) =>
      ['gateway', 'agent'].map((process) => atMost(`forward/${process} growth ${way}`, 64)),
    ),
  },
]
