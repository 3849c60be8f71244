/** What flows is passed on as it comes, and connections serve one exchange after another. */
import { bare, type Case, chunked, type OriginStep, sized, untilClose } from './script.js'

const down = (count: number) => ({ wait: 'down', count }) as const
const begun = (head: string, body: string): OriginStep[] => [
  { wait: 'request' },
  `HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`,
]

const slow: Case[] = [
  {
    title: 'each chunk is passed on before the next is written',
    caller: [{}],
    origin: [
      [
        ...begun('Transfer-Encoding: chunked', '1\r\na\r\n'),
        ...[1, 2, 3, 4, 5, 6, 7, 8].flatMap((count): OriginStep[] => [down(count), '1\r\nb\r\n']),
        down(9),
        '0\r\n\r\n',
      ],
    ],
  },
  {
    title: 'each event of a stream is passed on before the next is written',
    caller: [{ fields: ['Accept: text/event-stream', 'Cache-Control: no-cache', 'Last-Event-ID: 4'] }],
    origin: [
      [
        ...begun('Content-Type: text/event-stream\r\nCache-Control: no-store', 'id: 1\ndata: a\n\n'),
        ...[1, 2, 3, 4, 5].flatMap((count): OriginStep[] => [down(15 * count), 'id: 2\ndata: b\n\n']),
        down(90),
        'half',
      ],
    ],
  },
  {
    title: 'the pieces of a sized answer are passed on as they come',
    caller: [{}],
    origin: [[...begun('Content-Length: 6', 'ab'), down(2), 'cd', down(4), 'ef']],
  },
  {
    title: 'the head of a sized answer is passed on before its body',
    caller: [{}],
    origin: [[...begun('Content-Length: 2', ''), { wait: 'head' }, 'ab']],
  },
  {
    title: 'the pieces of an upload are passed on as they come',
    caller: [
      { method: 'POST', body: 6, headOnly: true },
      'ab',
      { wait: 'up', count: 2 },
      'cd',
      { wait: 'up', count: 4 },
      'ef',
    ],
    origin: [sized('200 OK', 'ok')],
  },
  {
    title: 'the chunks of an upload are passed on as they come',
    caller: [
      { method: 'POST', body: '', chunk: 1, headOnly: true },
      '2\r\nab\r\n',
      { wait: 'up', count: 2 },
      '2\r\ncd\r\n',
      { wait: 'up', count: 4 },
      '0\r\n\r\n',
    ],
    origin: [sized('200 OK', 'ok')],
  },
  {
    title: 'both sides talk in turns',
    caller: [
      { method: 'POST', body: '', chunk: 1, headOnly: true },
      ...[1, 2, 3, 4, 5].flatMap((count) => ['1\r\n?\r\n', down(count)]),
      '0\r\n\r\n',
    ],
    origin: [
      [
        { wait: 'asked' },
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
        ...[1, 2, 3, 4, 5].flatMap((count): OriginStep[] => [{ wait: 'up', count }, '1\r\n!\r\n']),
        { wait: 'request' },
        '0\r\n\r\n',
      ],
    ],
  },
]

const connections: Case[] = [
  {
    title: 'a slow first byte is waited for',
    caller: [{}, { wait: 'asked' }, { note: 'head' }],
    origin: [[{ wait: 'noted' }, ...sized('200 OK', 'slow')]],
  },
  {
    title: 'three requests follow each other on one connection',
    caller: [
      { target: '/1' },
      { wait: 'answer' },
      { target: '/2', method: 'POST', body: 'two' },
      { wait: 'answer', count: 2 },
      { target: '/3' },
    ],
    origin: [sized('200 OK', 'one'), sized('201 Created', 'two'), chunked('200 OK', 'three', 2)],
  },
  {
    title: 'a HEAD, a 204 and a 304 leave the connection in order',
    caller: [
      { method: 'HEAD' },
      { wait: 'answer' },
      {},
      { wait: 'answer', count: 2 },
      {},
      { wait: 'answer', count: 3 },
      {},
    ],
    origin: [
      bare('200 OK', ['Content-Length: 9']),
      bare('204 No Content'),
      bare('304 Not Modified'),
      sized('200 OK', 'last'),
    ],
  },
  {
    title: 'an upload of 300,000 bytes leaves the connection in order',
    caller: [{ method: 'PUT', body: 300_000 }, { wait: 'answer' }, { target: '/next' }],
    origin: [sized('200 OK', 'stored'), sized('200 OK', 'next')],
  },
]

export const FLOW_CASES: readonly Case[] = [
  ...slow,
  ...connections,
  {
    title: 'an upstream that closes each connection is asked again on another',
    caller: [{ target: '/1' }],
    origin: [[...sized('200 OK', 'one', ['Connection: close']), 'half']],
  },
  {
    title: 'a caller that says Connection: close is answered, and that connection ends',
    caller: [{ fields: ['Connection: close'] }, { wait: 'answer' }, { wait: 'ended' }],
    origin: [[...sized('200 OK', 'bye', ['Connection: close']), 'half']],
  },
  {
    title: 'a caller that says Connection: close is answered until close',
    caller: [{ fields: ['Connection: close'] }],
    origin: [untilClose('200 OK', 5000)],
  },
]
