import { unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Logger } from '../../shared/log.js'
import { makePrivateDirectory } from '../../shared/private-directory.js'
import { openSocketPath, type SocketPath } from './socket-path.js'
import { perform, type Verbs } from './verbs.js'

/** A command asks one thing and goes; more at once than this is no use that anybody means. */
const MOST_AT_ONCE = 32

/** Characters of one line that is asked. */
const LONGEST_LINE = 64 * 1024

/** For the line to come. The verb itself may take as long as it needs. */
const LINE_MS = 5000

/**
 * `control.sock` in the data directory: how commands of the same user talk to a running gateway. One line of JSON
 * each way, `{"verb", "args"}` and `{"answer"}` or `{"error": {"code", "message"}}`, one a connection. Who may write
 * to the socket (0600) may do everything.
 */
export class ControlServer {
  readonly #server: Server
  readonly #place: SocketPath
  readonly #sockets = new Set<Socket>()
  readonly #verbs: Verbs
  #closed: Promise<void> | undefined

  private constructor(place: SocketPath, verbs: Verbs) {
    this.#place = place
    this.#verbs = verbs
    // Half open: a caller that has asked and ended its side still gets its answer.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket))
    this.#server.maxConnections = MOST_AT_ONCE
  }

  /**
   * Replaces a socket on which nobody listens. Undefined, with a warning, where another gateway listens there or the
   * socket cannot be made: the gateway itself does not depend on it.
   */
  static async listen(dataDir: string, verbs: Verbs, log: Logger): Promise<ControlServer | undefined> {
    let place: SocketPath | undefined
    try {
      makePrivateDirectory(dataDir)
      place = openSocketPath(dataDir)
      if (await isServed(place.path)) {
        log.warn('another gateway runs on this data directory: commands reach that one', {
          data_dir: dataDir,
        })
        place.close()
        return undefined
      }
      const control = new ControlServer(place, verbs)
      await control.#listen()
      return control
    } catch (error) {
      place?.close()
      log.warn('no control socket: commands cannot reach this gateway', { data_dir: dataDir, error })
      return undefined
    }
  }

  /** Removes the socket. What is being answered is cut. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
    this.#place.close()
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.once('listening', () => {
        this.#server.removeListener('error', reject)
        resolve()
      })
      // Node binds within this call, so the socket never exists with other rights.
      const before = process.umask(0o177)
      try {
        this.#server.listen(this.#place.path)
      } finally {
        process.umask(before)
      }
    })
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    // Gone before it was answered: nobody is there to be told.
    socket.on('error', () => {})
    socket.setEncoding('utf8')
    const timer = setTimeout(() => socket.destroy(), LINE_MS)
    let line = ''
    let asked = false
    const take = (chunk: string): void => {
      const end = chunk.indexOf('\n')
      line += end < 0 ? chunk : chunk.slice(0, end)
      if (line.length > LONGEST_LINE) socket.destroy()
      else if (end >= 0) {
        asked = true
        clearTimeout(timer)
        socket.off('data', take)
        // What else is sent is read and dropped, so that its end is seen.
        socket.resume()
        void this.#answer(socket, line)
      }
    }
    socket.on('data', take)
    socket.on('end', () => {
      if (!asked) socket.destroy()
    })
    socket.on('close', () => clearTimeout(timer))
  }

  async #answer(socket: Socket, line: string): Promise<void> {
    const said = await perform(this.#verbs, line)
    if (!socket.destroyed) socket.end(`${JSON.stringify(said)}\n`, () => socket.destroy())
  }
}

/** Removes the socket of a gateway that was killed. */
export async function removeStaleSocket(dataDir: string): Promise<void> {
  let place: SocketPath | undefined
  try {
    place = openSocketPath(dataDir)
    await isServed(place.path)
  } catch (error) {
    // No directory, no socket.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  } finally {
    place?.close()
  }
}

/** Whether a process listens there; a socket that a dead one left is removed. */
async function isServed(path: string): Promise<boolean> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
  if (code === 'ECONNREFUSED') unlinkSync(path)
  return code !== 'ECONNREFUSED' && code !== 'ENOENT'
}
