import { MAX_EXCESS } from './engine.js'
import type { NativeApp, NativeResponse } from './uws-native.js'

/** Without it a second process on the port is let in silently, and gets half of the callers. */
const EXCLUSIVE = 1

/** An app, and for which connections it is: past the bound each request is told so. */
interface Room {
  readonly excess: boolean
  readonly app: NativeApp
}

/** Makes an app with all its routes; throws where the engine does not take the certificates. */
export type BuildApp = (excess: boolean) => NativeApp

/**
 * Where connections come in. The first app listens as long as the engine lives. The engine has no way to change the
 * certificates of an app, but one to hand new connections on to another: a renewal makes an app that gets them from
 * then on, and those that are open stay where they are. In the same way those past the bound go to an app that refuses.
 */
export class UwsDoor {
  readonly #build: BuildApp
  readonly #max: number
  readonly #front: Room
  /** All that may have connections. */
  readonly #rooms: Room[] = []
  #serving: Room
  /** Undefined where there is no bound. Made with the other, as the certificates may be bad by the time it is needed. */
  #refusing: Room | undefined
  /** Gets the connections that come now. */
  #receiving: Room
  #served = 0
  #excess = 0

  /** `max`: connections that are served at once; 0: no limit. */
  constructor(build: BuildApp, max: number) {
    this.#build = build
    this.#max = max === 0 ? Number.POSITIVE_INFINITY : max
    this.#front = this.#make(false)
    this.#serving = this.#front
    this.#refusing = max === 0 ? undefined : this.#make(true)
    this.#receiving = this.#front
  }

  get connections(): number {
    return this.#served + this.#excess
  }

  /** `done` gets the listening socket, or false. */
  listen(host: string, port: number, done: (socket: object | false) => void): void {
    this.#front.app.listen(host, port, EXCLUSIVE, done)
  }

  /** New connections get an app that is made now. */
  renew(): void {
    const refusing = this.#refusing && this.#make(true)
    this.#serving = this.#make(false)
    this.#refusing = refusing
    this.#direct()
  }

  /** Of a closing WebSocket the engine tells nothing but to the WebSocket. */
  socketClosed(): void {
    this.#served -= 1
    this.#direct()
  }

  close(): void {
    for (const { app } of this.#rooms) app.close()
  }

  #make(excess: boolean): Room {
    const room = { excess, app: this.#build(excess) }
    room.app.filter((res, change) => this.#count(room, res, change))
    this.#rooms.push(room)
    return room
  }

  #count({ excess }: Room, res: NativeResponse, change: number): void {
    if (excess) this.#excess += change
    else this.#served += change
    // Those that came in one turn of the loop have been handed on before the first of them was counted.
    const full = excess ? this.#excess > MAX_EXCESS : this.#served > this.#max
    if (change > 0 && full) res.close()
    this.#direct()
  }

  #direct(): void {
    const next = this.#served < this.#max ? this.#serving : this.#refusing!
    const last = this.#receiving
    if (next === last) return
    this.#receiving = next
    if (next !== this.#front) this.#front.app.addChildAppDescriptor(next.app.getDescriptor())
    if (last !== this.#front) this.#front.app.removeChildAppDescriptor(last.app.getDescriptor())
  }
}
