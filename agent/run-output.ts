/** What a run shows its user. */
import type { SessionEvent } from '../shared/sessions/event.js'

/** Escapes of a terminal, which an agent's text has no business with. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

export class RunOutput {
  readonly #out: NodeJS.WriteStream
  readonly #err: NodeJS.WriteStream
  readonly #json: boolean
  /** The text does not end with a line. */
  #inLine = false
  /** How the run ended. */
  status: string | undefined

  constructor(out: NodeJS.WriteStream, err: NodeJS.WriteStream, json: boolean) {
    this.#out = out
    this.#err = err
    this.#json = json
  }

  /** Calls `work` when standard output is closed. */
  onGone(work: () => void): void {
    this.#out.once('error', work)
  }

  notice(line: string): void {
    this.#err.write(`gw-agent: ${line}\n`)
  }

  /** Resolves when there is room for more. */
  async show(event: SessionEvent): Promise<void> {
    const { type, data } = event
    if (type === 'done') this.status = String(data.status)
    if (this.#json) {
      await this.#write(`${JSON.stringify(event)}\n`)
      return
    }
    switch (type) {
      case 'text':
        await this.#write(String(data.text))
        return
      case 'error':
        this.notice(`${data.code}: ${data.message}`)
        return
      case 'input_required':
      case 'auth_required':
        this.notice(`${type}: ${JSON.stringify(data)}`)
        return
      case 'done':
        if (data.status === 'cancelled') this.notice('the run was cancelled')
        if (data.status === 'failed') this.notice(`the run failed${data.reason ? `: ${data.reason}` : ''}`)
        return
      default:
        // The others are for programs.
        return
    }
  }

  /** Whatever comes next on the terminal begins a line. */
  async end(): Promise<void> {
    if (this.#inLine) await this.#write('\n')
  }

  #write(text: string): Promise<void> {
    const shown = this.#out.isTTY ? text.replace(CONTROLS, '') : text
    if (shown === '') return Promise.resolve()
    this.#inLine = !shown.endsWith('\n')
    // Called also where the write failed.
    return new Promise((resolve) => this.#out.write(shown, () => resolve()))
  }
}
