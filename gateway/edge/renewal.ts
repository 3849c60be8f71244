/** When certificates are read again: their files have changed, or somebody says so. */
import { stat } from 'node:fs/promises'
import type { Logger } from '../../shared/log.js'
import { CertificateError, type Certificates, readCertificates, sameCertificates } from './certificates.js'
import type { TlsFiles } from './engine.js'

const POLL_MS = 1_000

/**
 * `settling`: something has changed since the last look and may go on changing, as where a certificate is written
 * before its key; it is taken up once a look finds nothing new.
 */
export type WatchState =
  | { readonly kind: 'steady'; readonly seen: string }
  | { readonly kind: 'settling'; readonly seen: string }

/** What a look at the files tells; `due`: they are to be read. */
export function look(state: WatchState, marks: string): { state: WatchState; due: boolean } {
  if (marks !== state.seen) return { state: { kind: 'settling', seen: marks }, due: false }
  if (state.kind === 'settling') return { state: { kind: 'steady', seen: marks }, due: true }
  return { state, due: false }
}

export interface RenewalParts {
  readonly files: TlsFiles
  /** Takes up what stands in the files, or throws and leaves all as it was. */
  renew(): Certificates
  readonly log: Logger
  /** Milliseconds; 1 s where it is not given. */
  readonly interval?: number
}

/** Watches by looking: that sees a rename over the file and a swapped link on the way to it, which events miss. */
export class Renewal {
  readonly #parts: RenewalParts
  #timer: NodeJS.Timeout | undefined
  #state: WatchState | undefined
  #looking = false
  #inForce: Certificates
  /** Why the last attempt failed, which has been told. */
  #fault: string | undefined

  /** Throws as `renew` does, which is asked what is in force. */
  constructor(parts: RenewalParts) {
    this.#parts = parts
    this.#inForce = parts.renew()
  }

  /** Looks from now on. */
  start(): void {
    this.#timer = setInterval(() => void this.#poll(), this.#parts.interval ?? POLL_MS).unref()
    void this.#poll()
  }

  /** Takes up what stands in the files now. @returns false where that did not do; the log says why. */
  now(): boolean {
    const { log, renew } = this.#parts
    try {
      const next = renew()
      const told = this.#fault === undefined && sameCertificates(next, this.#inForce)
      this.#inForce = next
      this.#fault = undefined
      const { names, expires } = next
      if (!told) log.info('certificate in force', { names, expires: expires.toISOString() })
      return true
    } catch (error) {
      const file = error instanceof CertificateError ? error.file : undefined
      const reason = error instanceof Error ? error.message : String(error)
      if (reason !== this.#fault)
        log.error('certificate not taken up, the one before stays in force', { file, reason })
      this.#fault = reason
      return false
    }
  }

  /** The same in two steps, for a reload. Throws `CertificateError` where what stands in the files does not do. */
  prepare(): { changed: readonly string[]; apply(): void } {
    const same = sameCertificates(readCertificates(this.#parts.files), this.#inForce)
    return { changed: same ? [] : ['certificates'], apply: () => void (same || this.now()) }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** A look that takes longer than the interval, as on a file system that hangs, is not joined by another. */
  async #poll(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    const marks = await marksOf(this.#parts.files)
    this.#looking = false
    // At the first look they are read once more: they may have changed since the start.
    const { state, due } = look(this.#state ?? { kind: 'settling', seen: marks }, marks)
    this.#state = state
    if (due) this.now()
  }
}

/** Differs wherever the files may. */
async function marksOf(files: TlsFiles): Promise<string> {
  const paths = [files.cert, files.key, files.passphrase, files.ca].filter((path) => path !== undefined)
  const marks = paths.map(async (path) => {
    const facts = await stat(path, { bigint: true }).catch(() => undefined)
    return facts === undefined
      ? 'none'
      : `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeNs}:${facts.ctimeNs}`
  })
  return (await Promise.all(marks)).join(' ')
}
