/** What a request asks of the gateway, and when it may be tried again. */
import t from 'tap'
import { mayMove } from '../../gateway/edge/retry.js'
import { stickyKey, termsOf } from '../../gateway/edge/terms.js'
import { Problem } from '../../shared/errors.js'
import { requestHead as head, outcome } from '../helpers/heads.js'

t.test('what a request asks for is bounded', async (t) => {
  const limits = {
    hold: 5,
    responseTimeout: 60_000,
    idleTimeout: 300_000,
    holdLimit: 60_000,
    maxTimeout: 3_600_000,
  }
  const terms = (...headers: string[]) =>
    outcome(() => {
      const { hold, responseTimeout, idleTimeout } = termsOf(headers, limits)
      return [hold, responseTimeout, idleTimeout]
    })
  const cases: [string[], unknown][] = [
    [[], [5, 60_000, 300_000]],
    [
      ['gw-hold', '10s', 'gw-response-timeout', '500', 'gw-idle-timeout', ' 2m '],
      [10_000, 500, 120_000],
    ],
    [
      ['gw-hold', '2h', 'gw-response-timeout', '2h', 'gw-idle-timeout', '0'],
      [60_000, 3_600_000, 3_600_000],
    ],
    [
      ['gw-hold', '0'],
      [0, 60_000, 300_000],
    ],
    ...['', 'soon', '-1', '1.5s', '10 s', '1w'].flatMap((value) =>
      ['gw-hold', 'gw-response-timeout', 'gw-idle-timeout'].map(
        (name) => [[name, value], 'bad_request'] as [string[], string],
      ),
    ),
  ]
  for (const [headers, expected] of cases) t.same(terms(...headers), expected, headers.join(': '))
  const free = termsOf(['gw-hold', '9000h', 'gw-idle-timeout', '0'], {
    ...limits,
    holdLimit: 0,
    maxTimeout: 0,
  })
  t.ok(free.hold < 2 ** 31, 'no timer of Node waits longer')
  t.equal(free.idleTimeout, 0)
  const keys: [string[], string][] = [
    [['gw-sticky-key', 'k', 'cookie', 'gw_sticky=c'], 'k'],
    [['cookie', 'a=1', 'cookie', 'xgw_sticky=no; gw_sticky = c ; b=2', 'mcp-session-id', 'm'], 'c'],
    [['mcp-session-id', 'm'], 'm'],
    [['cookie', 'gw_sticky'], '192.0.2.1'],
  ]
  for (const [headers, expected] of keys) t.equal(stickyKey(head(headers)), expected)
})

t.test('what may be tried again elsewhere', async (t) => {
  const problem = new Problem('agent_error', '')
  const cases: [method: string, headers: string[], any: boolean, idempotent: boolean][] = [
    ...['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY', 'PUT', 'DELETE'].map(
      (method) => [method, [], true, true] as [string, string[], boolean, boolean],
    ),
    ['GET', ['if-match', 'x'], true, true],
    ['PUT', ['if-match', 'x'], true, false],
    ['DELETE', ['if-unmodified-since', 'x'], true, false],
    ...['POST', 'PATCH', 'LOCK', 'get', 'BREW'].map(
      (method) => [method, [], true, false] as [string, string[], boolean, boolean],
    ),
  ]
  for (const [method, headers, any, idempotent] of cases) {
    const may = (moves: 'any' | 'idempotent', before = 0) =>
      mayMove(head(headers, '/', method), { problem, moves, lost: false }, before)
    t.same(
      [may('any'), may('idempotent'), may('any', 1), may('any', 2)],
      [any, idempotent, any, false],
      `${method} ${headers}`,
    )
  }
})
