import { ADDED, type Comparison, RATIO, ratio } from '../figure.js'
import type { SubjectName } from '../subject.js'

/** How scenarios name a comparison's figure in their goals. */
export const ratioOf = (name: string): string => `${RATIO}/${name}`
export const addedBy = (name: string): string => `${ADDED}/${name}`

export const GATEWAY_CPU = 'gateway : nginx CPU'
export const RATE = 'forward : nginx two hops rate'
export const LATENCY = 'forward : nginx two hops p50'

/** One hop against one hop, two against two, and what callers of either get. */
export const AGAINST_PROXIES: readonly Comparison[] = [
  ratio(GATEWAY_CPU, 'lower', ['forward/gateway CPU'], ['nginx/nginx CPU']),
  ratio(
    'gateway + agent : nginx two hops CPU',
    'lower',
    ['forward/gateway CPU', 'forward/agent CPU'],
    ['nginx-2/front CPU', 'nginx-2/back CPU'],
  ),
  ratio('gateway : haproxy CPU', 'lower', ['forward/gateway CPU'], ['haproxy/haproxy CPU']),
  ratio(RATE, 'higher', ['forward/rate'], ['nginx-2/rate']),
  ratio('forward : haproxy two hops rate', 'higher', ['forward/rate'], ['haproxy-2/rate']),
  ratio(LATENCY, 'lower', ['forward/latency p50'], ['nginx-2/latency p50']),
]

/** Against each tunnel that people would use instead: what callers get, and what it costs both ends together. */
export const against = (peers: readonly SubjectName[]): Comparison[] =>
  peers.flatMap((peer) => [
    ratio(`forward : ${peer} rate`, 'higher', ['forward/rate'], [`${peer}/rate`]),
    ratio(`forward : ${peer} p50`, 'lower', ['forward/latency p50'], [`${peer}/latency p50`]),
    ratio(
      `gateway + agent : ${peer} CPU`,
      'lower',
      ['forward/gateway CPU', 'forward/agent CPU'],
      [`${peer}/server CPU`, `${peer}/client CPU`],
    ),
  ])
