import type { ServerResponse } from 'node:http'
import type { DenseSet } from '../../shared/dense-set.js'
import { saysClose } from './close-option.js'
import { type Caller, type CallerEvents, NO_EVENTS, type RequestHead, type ResponseHead } from './engine.js'
import type { NodeConnection } from './node-connection.js'
import { hasBody, type Incoming } from './node-head.js'
import { NodeIntake } from './node-intake.js'
import { NodeReply, type ReplyOwner } from './node-reply.js'
import { FAILED, FAILED_BODY } from './response-head.js'

const ignore = (): void => {}

/** What the exchanges of one engine share. */
export interface Host {
  onError(error: unknown): void
  readonly paused: DenseSet<NodeIntake>
}

/** One exchange on node:http. */
export class NodeCaller implements Caller, ReplyOwner {
  readonly head: RequestHead
  events: CallerEvents = NO_EVENTS
  /** The caller waits for a 100 before it sends its body. */
  expects = false
  private readonly host: Host
  private readonly connection: NodeConnection
  private readonly req: Incoming
  private readonly res: ServerResponse
  private readonly intake: NodeIntake | undefined
  private readonly reply: NodeReply

  constructor(host: Host, connection: NodeConnection, head: RequestHead, req: Incoming, res: ServerResponse) {
    this.host = host
    this.connection = connection
    this.head = head
    this.req = req
    this.res = res
    this.reply = new NodeReply(res, this)
    // A write that loses the race against the connection's end; the end itself is told.
    res.on('error', ignore)
    if (hasBody(head)) {
      this.intake = new NodeIntake(req, host.paused, {
        data: (chunk) => this.guard(() => this.events.data(chunk)),
        end: () => this.guard(() => this.events.end()),
        reading: () => this.welcome(),
      })
    }
    connection.callers.add(this)
    connection.expect(res)
  }

  get method(): string {
    return this.head.method
  }

  /** The request has been read to its end. */
  get received(): boolean {
    return this.intake === undefined || this.req.complete
  }

  /** An upload that is not read to its end would be taken for the next request. */
  get last(): boolean {
    return this.connection.closing || !this.received
  }

  /** Nothing has been said yet. */
  get silent(): boolean {
    return this.reply.kind === 'waiting'
  }

  /** Some of the answer's body is out. */
  get speaking(): boolean {
    return this.reply.speaking
  }

  /** Writes what means nothing, to see whether it is taken. False: nothing can be written now. */
  probe(): boolean {
    if (!this.silent || this.req.httpVersionMinor === 0) return false
    this.res.writeContinue()
    return true
  }

  /** Hands the request over. `work` sets the events. */
  begin(work: () => void): void {
    const { req } = this
    // Behind a declined upgrade its parser drops what came in the same read, whose rest would pass for a request; and
    // of both options in HTTP/1.0 it heeds the other one.
    if (req.declined || saysClose(this.head)) this.connection.closing = true
    // Where nothing is missing Node would still end the connection if it were not said.
    if (this.received) this.welcome()
    const fault = versionFault(req)
    if (fault === undefined) this.guard(work)
    else this.respond({ status: fault, headers: [], close: true })
    if (this.intake === undefined) this.guard(() => this.events.end())
    else this.intake.start()
  }

  /** Gives the connection away, as for an upgrade: false where the caller is gone or answered. */
  take(): boolean {
    if (!this.silent) return false
    this.reply.finish()
    return true
  }

  pause(): void {
    this.intake?.pause()
  }

  resume(): void {
    this.intake?.resume()
  }

  respond(head: ResponseHead, body: Uint8Array | string = ''): void {
    this.reply.respond(head, body)
  }

  start(head: ResponseHead): void {
    this.reply.start(head)
  }

  write(chunk: Uint8Array): boolean {
    return this.reply.write(chunk)
  }

  end(): void {
    this.reply.end()
  }

  cut(): void {
    this.reply.cut()
  }

  /** The connection is gone. */
  left(): void {
    if (this.reply.kind === 'done') return
    const { events } = this
    this.reply.finish()
    this.guard(() => events.aborted())
  }

  /** The socket has room, where nobody tells the response. */
  drained(): void {
    this.reply.drained()
  }

  onError(error: unknown): void {
    this.host.onError(error)
  }

  beginning(close: boolean): void {
    if (close) this.connection.closing = true
  }

  writable(): void {
    this.guard(() => this.events.writable())
  }

  over(): void {
    this.events = NO_EVENTS
    this.connection.callers.delete(this)
    this.intake?.discard()
  }

  drop(loudly: boolean): void {
    this.connection.destroy(loudly)
  }

  private welcome(): void {
    if (!this.expects || !this.silent) return
    this.expects = false
    this.res.writeContinue()
  }

  /** What an event throws costs this exchange and nothing else. */
  private guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.onError(error)
      if (this.silent) this.respond(FAILED, FAILED_BODY)
      else this.cut()
    }
  }
}

/** What Node's parser lets pass: other versions in the words of this one, and codings where HTTP had none yet. */
function versionFault({ httpVersionMajor, httpVersionMinor, headers }: Incoming): number | undefined {
  if (httpVersionMajor !== 1) return 505
  return httpVersionMinor === 0 && headers['transfer-encoding'] !== undefined ? 400 : undefined
}
