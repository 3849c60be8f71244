import type { Caller } from './engine.js'

export interface Watched {
  requestId: string
  route: string
  /** Of its body, as declared; undefined where there is none. */
  length: number | 'chunked' | undefined
  /** The exchange that it repeats. */
  replayOf?: string | undefined
}

/** Stands in front of the callers of exchanges and sees them pass: the recorder, tracing. */
export interface Watcher {
  /** @returns the caller to serve instead. */
  watch(caller: Caller, watched: Watched): Caller
  /** This request's id is taken by one that is kept. */
  knows?(requestId: string): boolean
}
