/** Answers that end badly or early, and callers that leave. */
import { every } from './limits.js'
import type { Case, OriginStep } from './script.js'

const cut = [every('reset', { answer: { ending: 'truncated' } })]
const down = (count: number) => ({ wait: 'down', count }) as const
const begun = (head: string, body: string): OriginStep[] => [
  { wait: 'request' },
  `HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`,
]

const broken: Case[] = [
  {
    title: 'a sized answer that is cut is seen to be cut',
    caller: [{}],
    origin: [[...begun('Content-Length: 100', 'half'), down(4), 'close']],
  },
  {
    title: 'a chunked answer that is cut is seen to be cut',
    caller: [{}],
    origin: [[...begun('Transfer-Encoding: chunked', '4\r\nhalf\r\n'), down(4), 'close']],
  },
  {
    title: 'a chunked answer that is cut inside a chunk is seen to be cut',
    caller: [{}],
    origin: [[...begun('Transfer-Encoding: chunked', 'ff\r\nhalf'), down(4), 'close']],
  },
  {
    title: 'a large sized answer that is cut is seen to be cut',
    caller: [{}],
    origin: [[...begun('Content-Length: 2000000', ''), { fill: 1_000_000 }, down(1_000_000), 'close']],
  },
  {
    title: 'a sized answer that is reset',
    caller: [{}],
    origin: [[...begun('Content-Length: 100', 'half'), down(4), 'reset']],
    limits: cut,
  },
  {
    title: 'a chunked answer that is reset',
    caller: [{}],
    origin: [[...begun('Transfer-Encoding: chunked', '4\r\nhalf\r\n'), down(4), 'reset']],
    limits: cut,
  },
  {
    title: 'an answer until close that is reset is not complete',
    caller: [{}],
    origin: [[...begun('Content-Type: text/plain', 'half'), down(4), 'reset']],
    limits: cut,
  },
]

const early: Case[] = ['413 Content Too Large', '200 OK', '401 Unauthorized'].flatMap((status) => [
  {
    title: `${status} before the upload is complete reaches the caller, who then leaves`,
    caller: [
      { method: 'POST', body: 1_000_000, headOnly: true },
      { fill: 5000 },
      { wait: 'answer' },
      'close',
      { wait: 'left' },
    ],
    origin: [
      [
        { wait: 'up', count: 5000 },
        `HTTP/1.1 ${status}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly`,
        { wait: 'left' },
        'close',
      ],
    ],
  } satisfies Case,
])

const hurried: Case[] = [
  {
    title: 'an early answer reaches a caller that goes on sending',
    caller: [
      { method: 'POST', body: 50_000, headOnly: true },
      { fill: 20_000 },
      { wait: 'answer' },
      { fill: 30_000 },
    ],
    origin: [
      [
        { wait: 'up', count: 20_000 },
        'HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly',
        { wait: 'request' },
      ],
    ],
  },
  {
    title: 'an early answer does not end an upload that goes on to its end',
    caller: [{ method: 'POST', body: 300_001, headOnly: true }, 'a', { wait: 'head' }, { fill: 300_000 }],
    origin: [
      [
        { wait: 'asked' },
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n',
        { wait: 'request' },
        '4\r\nlate\r\n0\r\n\r\n',
      ],
    ],
  },
  {
    title: 'a large upload and a large answer pass each other',
    caller: [{ method: 'POST', body: 3_000_000 }, { wait: 'request' }],
    origin: [
      [
        { wait: 'asked' },
        'HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n',
        { fill: 2_900_000 },
        { wait: 'request' },
        { fill: 100_000 },
      ],
    ],
  },
]

const gone = (title: string, caller: Case['caller'], origin: OriginStep[]): Case => ({
  title,
  caller,
  origin: [origin],
  leaves: true,
})

const leaving: Case[] = (['close', 'reset'] as const).flatMap((leave) => [
  gone(
    `a caller that leaves before the head (${leave}) ends the upstream's request`,
    [{}, { wait: 'request' }, leave, { wait: 'left' }],
    [{ wait: 'left' }, 'close'],
  ),
  gone(
    `a caller that leaves amid its upload (${leave}) ends the upstream's request`,
    [
      { method: 'PUT', body: 1_000_000, headOnly: true },
      { fill: 100_000 },
      { wait: 'up', count: 100_000 },
      leave,
      { wait: 'left' },
    ],
    [{ wait: 'left' }, 'close'],
  ),
  gone(
    `a caller that leaves amid its chunked upload (${leave}) ends the upstream's request`,
    [
      { method: 'PUT', body: 0, chunk: 100, headOnly: true },
      { fill: 1000, chunk: 100 },
      { wait: 'up', count: 1000 },
      leave,
      { wait: 'left' },
    ],
    [{ wait: 'left' }, 'close'],
  ),
  gone(
    `a caller that leaves amid a sized answer (${leave}) ends the upstream's request`,
    [{}, { wait: 'down', count: 4 }, leave, { wait: 'left' }],
    [...begun('Content-Length: 1000', 'half'), { wait: 'left' }, 'close'],
  ),
  gone(
    `a caller that leaves amid a stream (${leave}) ends the upstream's request`,
    [{}, { wait: 'down', count: 4 }, leave, { wait: 'left' }],
    [...begun('Transfer-Encoding: chunked', '4\r\nhalf\r\n'), { wait: 'left' }, 'close'],
  ),
  gone(
    `a caller that leaves a flood (${leave}) ends the upstream's request`,
    [{}, { wait: 'down', count: 500_000 }, leave, { wait: 'left' }],
    [...begun('Content-Length: 1000000000', ''), { fill: 1_000_000_000 }, 'close'],
  ),
])

export const ENDING_CASES: readonly Case[] = [...broken, ...early, ...hurried, ...leaving]
