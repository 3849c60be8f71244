/** What is known of each address, or of each credential: bounded, and swept of what tells nothing any more. */

/** `idle`: it tells nothing, and may go. `blocked`: it keeps somebody out, and goes last. */
export type EntryState = 'idle' | 'open' | 'blocked'

/** With more at once the oldest are forgotten, and so begin anew. A full table takes 10 to 15 MB. */
const MAX_ADDRESSES = 65_536

/** Entries looked at with each that is added: the table is swept all the time and never stops the loop for it. */
const SWEPT = 4

export class AddressTable<E> {
  readonly #open = new Map<string, E>()
  readonly #blocked = new Map<string, E>()
  readonly #state: (entry: E, now: number) => EntryState
  readonly #most: number
  /** Where the sweep stands in either. */
  #openHand = this.#open.entries()
  #blockedHand = this.#blocked.entries()
  /** While room has to be made: the oldest that are left. An iterator costs nothing to go on, much to begin anew. */
  #oldest: MapIterator<string> | undefined

  constructor(state: (entry: E, now: number) => EntryState, most = MAX_ADDRESSES) {
    this.#state = state
    this.#most = most
  }

  get size(): number {
    return this.#open.size + this.#blocked.size
  }

  get(key: string): E | undefined {
    return this.#open.get(key) ?? this.#blocked.get(key)
  }

  /** Of a key that is not there. Makes room, by the oldest that blocks nobody where there is one. */
  add(key: string, entry: E, now: number): void {
    this.#openHand = this.#sweep(this.#open, this.#openHand, now)
    this.#blockedHand = this.#sweep(this.#blocked, this.#blockedHand, now)
    if (this.size >= this.#most) this.#evict()
    else this.#oldest = undefined
    this.#open.set(key, entry)
  }

  /** The entry keeps somebody out from now on. */
  block(key: string): void {
    const entry = this.#open.get(key)
    if (entry === undefined) return
    this.#open.delete(key)
    this.#blocked.set(key, entry)
  }

  #evict(): void {
    if (this.#open.size === 0) {
      for (const key of this.#blocked.keys()) {
        this.#blocked.delete(key)
        return
      }
    }
    this.#oldest ??= this.#open.keys()
    let { value, done } = this.#oldest.next()
    if (done === true) {
      this.#oldest = this.#open.keys()
      ;({ value } = this.#oldest.next())
    }
    if (value !== undefined) this.#open.delete(value)
  }

  /** @returns where it stands then; from the end on it begins anew. */
  #sweep(map: Map<string, E>, hand: MapIterator<[string, E]>, now: number): MapIterator<[string, E]> {
    for (let i = 0; i < SWEPT; i++) {
      const { value, done } = hand.next()
      if (done === true) return map.entries()
      const [key, entry] = value
      const state = this.#state(entry, now)
      if (state === 'idle') map.delete(key)
      else if (state === 'open' && map === this.#blocked) {
        map.delete(key)
        this.#open.set(key, entry)
      }
    }
    return hand
  }
}
