/** Every limit that a caller or an upstream may notice, and why it is there. `docs/limits.md` is made of these. */
import type { Engine as AnyEngine } from '../../gateway/edge/engine.js'
import type { LogTape } from '../helpers/tunnel.js'
import type { Effect, Limit } from './script.js'

export type Engine = AnyEngine['name']
export type Scope = 'every' | Engine

/** Sentences without their full stop. */
export interface Reading {
  readonly says: string
  readonly why: string
}

export const LIMITS = {
  every: {
    upgrade: {
      says: '`Upgrade` is served for `websocket` only; any other value is dropped and the request goes on without it',
      why: 'agents carry WebSockets alone',
    },
    'connect-trace': {
      says: '`CONNECT` and `TRACE` are answered 405',
      why: 'they ask the next hop, which is the gateway',
    },
    'method-length': {
      says: 'a method has at most 64 bytes; a longer one gets 400',
      why: 'a link carries no longer one',
    },
    'request-head': {
      says: "a request's head has at most 16 KiB (`--max-head`); a larger one gets 431",
      why: 'the gateway bounds what it keeps of a caller that it does not know yet',
    },
    'request-fields': {
      says: 'a request has at most 96 fields; one with more gets 431',
      why: 'uWebSockets.js has room for 98, and some are added on the way',
    },
    'answer-head': {
      says: "an answer's head has at most 256 fields, 64 KiB, a reason phrase of 512 bytes and a status of 599; beyond that the caller gets 502",
      why: 'a link bounds what it carries',
    },
    'reason-bytes': {
      says: 'a reason phrase whose bytes are not UTF-8 arrives empty',
      why: "the agent's client decodes it",
    },
    expect: {
      says: '`Expect: 100-continue` is answered before the agent is asked, and does not reach an upstream',
      why: 'the engines answer as they read the head',
    },
    'unasked-100': {
      says: 'an upstream that sends `100 Continue` all the same gives the caller 502',
      why: "the agent's client takes it for an error, since nobody asked",
    },
    interim: {
      says: 'interim answers other than 100 and 101 are dropped',
      why: 'uWebSockets.js cannot write a head before the answer',
    },
    'response-trailers': {
      says: "an answer's trailers are dropped",
      why: 'uWebSockets.js ends a chunked body by itself',
    },
    date: {
      says: "`Date` of an answer is the gateway's",
      why: 'uWebSockets.js writes one whatever it is given',
    },
    'upload-head': {
      says: 'where a request has a body, the upstream gets its head together with the first byte of it',
      why: "the agent's client writes both together",
    },
    'zero-length': {
      says: '`Content-Length: 0` of a request whose method expects no body, such as GET or DELETE, is left out',
      why: "the agent's client leaves it out",
    },
    'no-content': { says: '`Content-Length` of a 204 is left out', why: 'HTTP forbids it' },
    ambiguous: {
      says: 'a request that two servers might read in two ways gets 400: a length that is no plain number, a coding other than `chunked`, a field such as `Content_Length`',
      why: 'a request that two servers read in two ways is how one is smuggled past the first',
    },
    'malformed-answer': {
      says: "an upstream's answer that breaks the grammar of HTTP, as one with two lengths or a folded field, gives the caller 502",
      why: 'nobody can tell what it means',
    },
    reset: {
      says: 'a connection that breaks amid an answer is closed towards the caller, never reset; the answer is seen to be incomplete either way',
      why: 'uWebSockets.js closes a socket in order only, and node:http is to look the same',
    },
  },
  uws: {
    'http-1.0': { says: 'HTTP/1.0 gets 505', why: 'its parser takes HTTP/1.1 alone' },
    'target-form': {
      says: 'a target in absolute form and `OPTIONS *` get 505',
      why: 'its parser wants a path',
    },
    'split-line': {
      says: 'a request line that TCP cuts at certain bytes gets 505',
      why: 'its parser wants more of the line at once',
    },
    'value-ends': {
      says: "non-ASCII bytes at either end of a request field's value are lost, be it a framing field or Host",
      why: 'its parser trims them like spaces',
    },
    'target-bytes': {
      says: 'a target with raw bytes that are not UTF-8 is refused with 400',
      why: 'it decodes targets, and the bytes cannot be had back',
    },
    'field-bytes': {
      says: 'a request with several fields of one name, one of them with bytes that are not UTF-8, is refused with 400',
      why: 'it gives the bytes of the first of them only',
    },
    malformed: {
      says: 'malformed heads are closed, or answered by the engine in its own words (400, 431, 505)',
      why: 'its parser answers by itself',
    },
    'request-trailers': {
      says: 'request trailers end the exchange',
      why: 'its parser takes them for an error',
    },
    'late-head': {
      says: "where a response's length is unknown, its head reaches the caller together with the first byte of its body",
      why: 'it writes the head of a chunked answer with its first chunk',
    },
    pipelining: {
      says: 'a second request on a connection before the first is answered ends the connection',
      why: 'it has one answer at a time',
    },
    'half-close': {
      says: 'a caller that half-closes its connection is taken to have left',
      why: 'it takes the end of one half for the end',
    },
    'connection-option': {
      says: 'a `Connection` field with any one option of five letters ends the connection with its answer',
      why: 'its parser tells `close` by its length',
    },
    'chunked-last': {
      says: 'a connection that carried a chunked request ends with its answer',
      why: 'how leniently the chunks were read cannot be seen from outside, so nothing behind them is ever parsed',
    },
    nameless: {
      says: 'a field line without a name hides those behind it from the gateway, framing fields too: what such a request has for a body may be taken for another request',
      why: 'its parser takes the empty name for the end of the fields, and nothing tells it from one',
    },
    'chunk-rules': {
      says: 'the body of a chunked request whose chunks have extensions, or break the rules of chunks, may be read wrongly or never to its end',
      why: 'its parser reads chunk sizes leniently; what belongs to no body is never taken for a request',
    },
    'close-codes': {
      says: 'a WebSocket close code from 1012 to 3999 that a caller sends does not reach the upstream, which sees 1006',
      why: 'it takes those codes for a broken frame',
    },
    'large-message': {
      says: 'a WebSocket message of more than twice `--max-message` and a MiB is cut without a close frame; up to that it is closed with 1009',
      why: 'it closes by itself, without a word, what is past the bound it was given',
    },
    outrun: {
      says: 'a caller on the same machine that sends faster than the gateway copies can make it hold more of an upload than it asked for, 256 MiB at the most, after which the caller is cut; over a network that does not happen',
      why: 'it reads in pieces of 512 KiB and goes on, past any pause, while they come back full',
    },
  },
  node: {
    methods: {
      says: 'a method is one of those that Node knows by name; any other gets 400',
      why: 'its parser has a list of them',
    },
    'target-bytes': {
      says: 'a target with raw bytes outside ASCII is refused with 400',
      why: 'its parser takes ASCII alone',
    },
    'target-form': { says: '`OPTIONS *` gets 400', why: 'no tunnel can be told from it' },
    malformed: {
      says: 'malformed heads get 400, 408, 431 or 505 without a body, and the connection ends',
      why: 'its parser refuses them before the gateway sees them',
    },
    'request-trailers': {
      says: "a request's trailers are dropped",
      why: 'what the two engines have in common has no place for them',
    },
    'half-close': {
      says: 'a caller that half-closes its connection gets `100 Continue`, by which one that waits for its answer is told from one that has left; amid the body of an answer it is taken to have left',
      why: 'both look the same until something is written',
    },
    'after-upgrade': {
      says: 'after an `Upgrade` that is not served, a `CONNECT`, and a WebSocket handshake that is refused, the connection ends',
      why: 'its parser is gone by then, or may have dropped what came behind',
    },
    'length-tab': {
      says: 'with llhttp before 9.4, as Node 20 has it, a tab behind `Content-Length` gets 400',
      why: 'its parser takes it for a part of the number',
    },
    'proxy-connection': {
      says: 'a request with `Proxy-Connection: close` is the last on its connection',
      why: 'its parser takes that field for `Connection`',
    },
    'early-handshake': {
      says: 'a WebSocket handshake that does not wait for the answer before it ends the connection',
      why: 'the answer that is owed would come after the 101',
    },
  },
} as const satisfies Record<Scope, Record<string, Reading>>

type Names<S extends Scope> = S extends Scope ? keyof (typeof LIMITS)[S] : never
/** The name of a limit on any engine. */
export type LimitName = Names<Scope>

export const every = (name: keyof typeof LIMITS.every, effect: Effect): Limit => ({
  on: 'every',
  name,
  ...effect,
})
export const uws = (name: keyof typeof LIMITS.uws, effect: Effect): Limit => ({ on: 'uws', name, ...effect })
export const node = (name: keyof typeof LIMITS.node, effect: Effect): Limit => ({
  on: 'node',
  name,
  ...effect,
})

const [major = 0, minor = 0] = (process.versions.llhttp ?? '').split('.').map(Number)
/** Whether this Node has the limit `length-tab`. */
export const LENGTH_TAB = major < 9 || (major === 9 && minor < 4)

/** Whether `engine` has that limit, for a suite that runs over both. */
export const limited = (engine: Engine, name: LimitName): boolean =>
  name in LIMITS[engine] || name in LIMITS.every

/** Which engine a gateway runs on, as it logs it. */
export const engineOf = async (log: LogTape): Promise<Engine> =>
  (await log.find({ msg: 'engine' })).engine as Engine
