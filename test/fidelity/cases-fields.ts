/** Fields: many, repeated, empty, odd, and those of one connection only. */
import { type Case, sized } from './script.js'

const many = (count: number, line: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => line(i))

const asked = (title: string, fields: readonly string[]): Case => ({
  title: `a request: ${title}`,
  caller: [{ fields }],
  origin: [sized('200 OK', 'ok')],
})

const told = (title: string, fields: readonly string[]): Case => ({
  title: `an answer: ${title}`,
  caller: [{}],
  origin: [sized('200 OK', 'ok', fields)],
})

const SHARED: Record<string, string[]> = {
  '90 fields': many(90, (i) => `X-${i}: ${i}`),
  'one name 40 times': many(40, (i) => `X-Same: ${i}`),
  'an empty value': ['X-Empty:', 'X-Blank:   ', 'X-Full: 1'],
  'latin1 inside a value': ['X-Latin: a \xe4\xf6\xfc\xff z'],
  'UTF-8 inside a value': [`X-Utf8: a ${Buffer.from('grüße 日本 😀').toString('latin1')} z`],
  'a tab inside a value': ['X-Tab: a\tb\t\tc'],
  'spaces inside a value': ['X-Spaces: a  b   c'],
  'commas, quotes and colons': ['X-List: a, "b, c", d:e; f="g\\"h"', 'X-List: ,,'],
  'a value of 8 KiB': [`X-Long: ${'v'.repeat(8 * 1024)}`],
  'a name of 200 bytes': [`X-${'n'.repeat(198)}: 1`],
  'a name with odd tokens': ["!#$%&'*+-.^_`|~9: 1"],
  'names with underscores': ['x_under_score: 1', 'X-Under-Score: 2'],
  'names that JavaScript knows': ['constructor: 1', '__proto__: 2', 'toString: 3', 'hasOwnProperty: 4'],
  'fields named by Connection': ['Connection: X-Gone, x-also', 'X-Gone: 1', 'X-Also: 2', 'X-Stays: 3'],
  'Keep-Alive and Proxy-Connection': ['Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'X-Stays: 1'],
  'Via and Max-Forwards': ['Via: 1.1 other', 'Max-Forwards: 3'],
  'traceparent and tracestate': [
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'tracestate: a=1,b=2',
  ],
}

const shared = Object.entries(SHARED).flatMap(([title, fields]) => [
  asked(title, fields),
  told(title, fields),
])

export const FIELD_CASES: readonly Case[] = [
  ...shared,
  asked('12 KiB of cookies', [`Cookie: ${many(400, (i) => `name-${i}=${'c'.repeat(20)}`).join('; ')}`]),
  asked('several Cookie fields', ['Cookie: a=1', 'Cookie: b=2; c="3"']),
  asked('conditions', ['If-None-Match: "a", W/"b"', 'If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT']),
  asked('authorization and origin named by Connection stay', [
    'Connection: authorization, cookie, origin, host',
    'Authorization: Bearer x',
    'Cookie: a=1',
    'Origin: http://o.test',
  ]),
  asked('TE goes', ['TE: trailers, deflate', 'Connection: TE']),
  asked('Proxy-Authorization goes', ['Proxy-Authorization: Basic eDp5']),
  asked('Trailer goes', ['Trailer: X-Sum']),
  asked('what a caller forges about proxies goes', [
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Prefix: /evil',
    'X-Forwarded-Email: root@evil.test',
    'X-Real-IP: 10.0.0.1',
    'Forwarded: for=10.0.0.1',
  ]),
  asked('gw fields go', ['gw-policy: first', 'gw-anything: 1']),
  asked('odd Accept and User-Agent', ['Accept: */*;q=0.1, text/html;level=1', 'User-Agent: (a; b) c/1 [d]']),
  asked('no User-Agent and no Accept', []),
  asked('Content-Type without a body', ['Content-Type: application/json']),
  asked('Sec fields of a browser', ['Sec-Fetch-Mode: cors', 'Sec-CH-UA: "A";v="1"', 'DNT: 1']),
  asked('Upgrade-Insecure-Requests is no Upgrade', ['Upgrade-Insecure-Requests: 1']),
  asked('X-Request-Id and friends', ['X-Request-Id: 1', 'X-Correlation-Id: 2', 'Priority: u=1, i']),
  told(
    '60 cookies are set',
    many(60, (i) => `Set-Cookie: c${i}=${i}; Path=/t; Expires=Thu, 01 Jan 1970 00:00:00 GMT`),
  ),
  told('cookie paths and domains are left alone', [
    'Set-Cookie: a=1; Path=/api; Domain=upstream.test; Secure',
  ]),
  told(
    '12 KiB of Set-Cookie',
    many(12, (i) => `Set-Cookie: c${i}=${'c'.repeat(1010)}`),
  ),
  told('links and policies', [
    'Link: </a.css>; rel=preload, <http://127.0.0.1:1/b>; rel=next',
    "Content-Security-Policy: default-src 'self'",
    'Strict-Transport-Security: max-age=1',
  ]),
  told('cross-origin rules', [
    'Access-Control-Allow-Origin: *',
    'Access-Control-Expose-Headers: X-A, X-B',
    'Vary: Origin',
    'Vary: Accept',
  ]),
  told('Server and X-Powered-By', ['Server: nginx/1.0', 'X-Powered-By: PHP/4']),
  told('latin1 at both ends of a value', ['X-Ends: \xe4 middle \xff']),
  told('Content-Disposition in UTF-8', [
    `Content-Disposition: attachment; filename="${Buffer.from('ü.txt').toString('latin1')}"`,
  ]),
  told('Age, ETag and Expires', ['Age: 7', 'ETag: W/"x"', 'Expires: 0', 'Last-Modified: yesterday']),
  told('gw fields of an upstream go', ['gw-tunnel-id: forged', 'gw-anything: 1']),
  told('Proxy-Authenticate goes', ['Proxy-Authenticate: Basic realm="x"']),
  told('Upgrade offered by an upstream goes', ['Connection: Upgrade', 'Upgrade: h2c']),
  told('Alt-Svc and Accept-CH', ['Alt-Svc: h3=":443"', 'Accept-CH: Sec-CH-UA']),
]
