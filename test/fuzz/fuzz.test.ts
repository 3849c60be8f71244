/** The same bytes to both engines, for a moment, and what tells a fault from what is known. */
import t from 'tap'
import { ENGINES } from '../helpers/engine-suite.js'
import type { Outcome } from './ground.js'
import { judge } from './judge.js'
import { PREFIX } from './material.js'
import { fuzz } from './run.js'
import { readStrictly, type StrictRequest } from './strict.js'

const SEED = 1
const CASES = 600
const skip = ENGINES.length < 2 && 'it takes both engines'

t.test('both engines let the same through, and nothing that nobody sent', { skip }, async (t) => {
  const { cases, limits, findings } = await fuzz({
    seed: SEED,
    time: 30_000,
    most: CASES,
    width: 4,
    linger: false,
  })
  t.equal(cases, CASES)
  t.same(findings, [])
  t.ok(limits.size > 5, 'the engines differ where that is known')
})

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const read = (text: string) => readStrictly(Buffer.from(text, 'latin1'))
const GET = head(`GET ${PREFIX}/ HTTP/1.1`, 'Host: a')
const CHUNKED = head(`POST ${PREFIX}/ HTTP/1.1`, 'Host: a', 'Transfer-Encoding: chunked')

t.test('what is read strictly', async (t) => {
  const whole = read(`${GET}${CHUNKED}2\r\nab\r\n03;a="b;c"\r\ncde\r\n0\r\n\r\n${GET}`)
  t.equal(whole.fault, undefined)
  t.match(
    whole.requests.map(({ body, complete, unusual }) => [String(body), complete, unusual]),
    [
      ['', true, false],
      ['abcde', true, true],
      ['', true, false],
    ],
  )
  const faults: [text: string, complete: number][] = [
    [GET.replace('\r\n', '\n'), 0],
    [GET.replace('a\r\n', 'a\r\n folded\r\n'), 0],
    [GET.replace('Host: a', 'Host : a'), 0],
    [GET.replace('Host: a', 'Host: a\r\nHost: a'), 0],
    [GET.replace('1.1', '2.0'), 0],
    [GET.replace('a\r\n', 'a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n'), 0],
    [GET.replace('a\r\n', 'a\r\nContent-Length: +1\r\n'), 0],
    [GET.replace('a\r\n', 'a\r\nTransfer-Encoding: xchunked\r\n'), 0],
    [`${CHUNKED}2\r\nabc\r\n0\r\n\r\n`, 0],
    [`${CHUNKED}0x2\r\nab\r\n0\r\n\r\n`, 0],
    [`${CHUNKED}2\nab\r\n0\r\n\r\n`, 0],
    [`${GET}\0`, 1],
  ]
  for (const [text, complete] of faults) {
    const { fault, requests } = read(text)
    t.ok(fault, JSON.stringify(text))
    t.equal(requests.filter((one) => one.complete).length, complete)
  }
  t.equal(
    read(`${GET.replace('a\r\n', 'a\r\nConnection: x, Close\r\n')}${GET}`).requests.length,
    1,
    'the last one',
  )
  t.match(read(`${CHUNKED}5\r\nab`), { fault: undefined, requests: [{ complete: false }] })
})

const outcome = (requests: readonly StrictRequest[], rest: Partial<Outcome> = {}): Outcome => ({
  requests,
  faults: [],
  answers: requests.map((_, i) => ({ status: '200', nth: i + 1, problem: false, whole: true, last: false })),
  closed: false,
  ...rest,
})

/** What the origin gets of `text`: the same without the prefix. */
const passed = (text: string): StrictRequest[] => read(text.replaceAll(PREFIX, '')).requests

t.test('what is a finding', async (t) => {
  const told = (text: string, uws: Outcome, node: Outcome) =>
    judge({ pieces: [Buffer.from(text, 'latin1')] }, read(text), { uws, node })
  const same = outcome(passed(GET))
  t.same(told(GET, same, same), { findings: [], limit: undefined })

  const evil = passed(GET.replace('GET', 'DELETE'))
  t.match(told(GET, outcome(evil), outcome(evil)).findings, [/uws: .* nobody sent/, /node: .* nobody sent/])
  t.match(told(GET, outcome([...passed(GET), ...passed(GET)]), same).findings[0], /nobody sent/, 'one twice')
  const longer = GET.replace('a\r\n', 'a\r\nContent-Length: 2\r\n')
  t.match(
    told(`${longer}ab`, outcome(passed(`${longer}ax`)), same).findings[0],
    /nobody sent/,
    'another body',
  )
  t.match(
    told(GET, outcome(passed(GET.replace('a\r\n', 'a\r\nx-new: 1\r\n'))), same).findings[0],
    /nobody sent/,
  )
  t.match(told(GET, outcome(passed(GET), { faults: ['x'] }), same).findings, [/no request: x/])
  t.match(told(GET, outcome(passed(GET), { answers: [] }), same).findings[0], /no answer/)
  t.match(told(GET, outcome([], { closed: true }), same).findings, [/the engines differ/])
  t.match(told(GET, same, outcome(passed(GET), { closed: true })).findings, [/refused by node alone/])

  const old = GET.replace('1.1', '1.0')
  t.same(told(old, outcome([], { closed: true }), outcome(passed(old), { closed: true })), {
    findings: [],
    limit: 'http-1.0',
  })
  t.match(told(old, outcome(passed(old)), outcome([], { closed: true })).findings, [/the engines differ/])
})
