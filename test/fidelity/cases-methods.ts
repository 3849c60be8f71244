/** Methods as they stand, and targets byte for byte. */
import http from 'node:http'
import { node } from './limits.js'
import { bare, type Case, sized } from './script.js'

const METHODS =
  "GET POST PUT PATCH DELETE OPTIONS PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH QUERY PURGE M-SEARCH MKCALENDAR NOTIFY BREW get Post x-y !#$%&'*+-.^_`|~ A".split(
    ' ',
  )

/** Those that Node's parser does not know. */
const isUnknown = (method: string): boolean => !http.METHODS.includes(method)
const unknown = [node('methods', { refused: '400 Bad Request' })]

const methods: Case[] = METHODS.map((method) => ({
  title: `${method} reaches the origin as ${method}`,
  caller: [{ method, target: '/m' }],
  origin: [sized('200 OK', method)],
  ...(isUnknown(method) && { limits: unknown }),
}))

const bodies: Case[] = ['POST', 'GET', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY', 'SEARCH', 'get'].map(
  (method) => ({
    title: `${method} takes its body along`,
    caller: [{ method, body: '<propfind/>', fields: ['Content-Type: application/xml', 'Depth: 1'] }],
    origin: [sized('207 Multi-Status', '<multistatus/>')],
    ...(isUnknown(method) && { limits: unknown }),
  }),
)

const heads: Case[] = [
  { title: 'HEAD of a sized answer keeps its length', origin: [bare('200 OK', ['Content-Length: 12345'])] },
  { title: 'HEAD of an empty answer keeps its length', origin: [bare('200 OK', ['Content-Length: 0'])] },
  {
    title: 'HEAD of a chunked answer gets no length',
    origin: [bare('200 OK', ['Transfer-Encoding: chunked'])],
  },
  { title: 'HEAD of an answer until close gets no length', origin: [[...bare('200 OK'), 'half' as const]] },
  { title: 'HEAD of 204 has nothing', origin: [bare('204 No Content')] },
  {
    title: 'HEAD of 304 keeps its length',
    origin: [bare('304 Not Modified', ['ETag: "a"', 'Content-Length: 7'])],
  },
  { title: 'HEAD of 404 keeps its length', origin: [bare('404 Not Found', ['Content-Length: 9'])] },
  {
    title: 'HEAD of 301 keeps its Location',
    origin: [bare('301 Moved Permanently', ['Location: /x', 'Content-Length: 0'])],
  },
  { title: 'HEAD of 64 GiB keeps its length', origin: [bare('200 OK', ['Content-Length: 68719476736'])] },
].map((one) => ({ ...one, caller: [{ method: 'HEAD' }] }))

const TARGETS: Record<string, string> = {
  'dot segments': '/a/../b/./c/..',
  'dot segments that lead out': '/../../etc/passwd',
  'encoded dot segments': '/a/%2e%2e/%2E%2E%2fb',
  'empty segments': '//a///b//',
  'an encoded slash': '/a%2Fb%2fc',
  'an encoded NUL': '/a%00b',
  'encoded line ends': '/a%0d%0ab',
  parameters: '/a;v=1/b;w=2',
  'an at sign': '/@scope/name@1.0.0',
  'a colon': '/a:b/http://x/y',
  'letter case': '/AbC/%aB/%Ab',
  'a question mark alone': '/a?',
  'two question marks': '/a??b=?c',
  'a query with a slash': '/a?b=/c/../d//e',
  'an empty pair': '/a?&&=&b=&=c&',
  'a plus and an encoded space': '/a+b%20c?d+e=%20',
  'a query named like a selector': '/a?purpose=x&tunnel_id=y&labels=z&name=n&policy=p',
  'percent signs that encode nothing': '/100%/%zz/%',
  'a backslash': '/a\\b\\..\\c',
  'a bar': '/a|b?c|d',
  quotes: '/a"b\'c?d="e"',
  brackets: '/a[0]{1}<2>?b[]=1&c[x]={y}',
  'a caret and a backtick': '/a^b`c',
  'a tilde and a bang': '/~user/!a$b,c*(d)',
  'UTF-8 as it is': Buffer.from('/grüße/日本?ö=€').toString('latin1'),
  'encoded UTF-8': '/gr%C3%BC%C3%9Fe/%E6%97%A5',
  'a target of 8 KiB': `/${'abcdefg/'.repeat(1023)}`,
  'a query of 8 KiB': `/q?${'k=v&'.repeat(2047)}`,
  'nothing but the root and a query': '/?x',
  'a path like one of the gateway': '/connections/../health?t=/t/x',
}

const targets: Case[] = Object.entries(TARGETS).map(([name, target]) => ({
  title: `a target keeps ${name}`,
  caller: [{ target }],
  origin: [sized('200 OK', 'ok')],
  ...(/[\x80-\xff]/.test(target) && { limits: [node('target-bytes', { refused: '400 Bad Request' })] }),
}))

export const METHOD_CASES: readonly Case[] = [...methods, ...bodies, ...heads, ...targets]
