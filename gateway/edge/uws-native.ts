/**
 * The part of uWebSockets.js that is used, as structural types: only `uws.ts` imports the package. Its own
 * types carry an index signature that lets any misspelt member through.
 */

export type Native = string | Uint8Array

/** Every method throws after the answer ended, after the caller went away and after an upgrade. */
export interface NativeResponse {
  onAborted(handler: () => void): unknown
  onData(handler: (chunk: ArrayBuffer, last: boolean) => void): unknown
  onWritable(handler: () => boolean): unknown
  cork(handler: () => void): unknown
  writeStatus(status: Native): unknown
  writeHeader(name: Native, value: Native): unknown
  /** Chunked. False: taken into a buffer. */
  write(chunk: Native): boolean
  /** Fixed length. What it could not send is not kept. Returns whether all was sent, whether the answer is complete. */
  tryEnd(chunk: Native, total: number): [boolean, boolean]
  getWriteOffset(): number
  end(body?: Native, close?: boolean): unknown
  endWithoutBody(): unknown
  close(): unknown
  pause(): unknown
  resume(): unknown
  getRemoteAddress(): ArrayBuffer
  /** PEM of the certificate that the caller showed, empty where it showed none. */
  getX509Certificate(): string
  upgrade(data: object, key: string, protocol: string, extensions: string, context: NativeContext): void
}

/** Valid inside the handler only. */
export interface NativeRequest {
  getCaseSensitiveMethod(): string
  getUrl(): string
  getQuery(): string | undefined
  getHeader(name: string): string
  forEach(visit: (name: string, value: string) => void): void
}

/** Opaque; handed from the upgrade handler to `upgrade`. */
export type NativeContext = object

export interface NativeSocket {
  /** 1 sent, 0 buffered, 2 dropped. */
  send(message: Uint8Array, binary: boolean, compress: boolean): number
  getBufferedAmount(): number
  ping(): unknown
  end(code?: number, reason?: Native): void
  close(): void
  getUserData(): unknown
}

/** What `addChildAppDescriptor` takes of another app. */
export type NativeDescriptor = object

/** One set of routes, and of certificates. */
export interface NativeApp {
  any(pattern: string, handler: (res: NativeResponse, req: NativeRequest) => void): unknown
  ws(pattern: string, behaviour: object): unknown
  /** `change` is 1 for a connection that opens and -1 for one that closes; of a WebSocket no closing is told. */
  filter(handler: (res: NativeResponse, change: number) => void): unknown
  listen(host: string, port: number, options: number, done: (socket: object | false) => void): unknown
  /** Ends its connections. */
  close(): unknown
  getDescriptor(): NativeDescriptor
  /** With one or more of these an app that listens serves nothing itself: they get its new connections in turn. */
  addChildAppDescriptor(child: NativeDescriptor): unknown
  removeChildAppDescriptor(child: NativeDescriptor): unknown
}
