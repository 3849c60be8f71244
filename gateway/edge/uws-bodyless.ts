import type { ResponseHead } from './engine.js'
import { writeHead } from './uws-head.js'
import type { NativeResponse } from './uws-native.js'

/** A request of `method` is answered by the head alone. */
export const isBodyless = (method: string, { status }: ResponseHead): boolean =>
  status === 204 || status === 304 || method === 'HEAD'

/** A whole answer without a body; a length is told for HEAD and 304. */
export function endBodyless(res: NativeResponse, head: ResponseHead): void {
  res.cork(() => {
    writeHead(res, head)
    if (head.length !== undefined && head.status !== 204)
      res.writeHeader('content-length', String(head.length))
    res.endWithoutBody()
  })
}

/**
 * The same, and the engine believes that more comes. True where the system is known to have taken it. Without
 * a length the engine's own end cannot be used, so the date and the blank line are written here.
 */
export function writeBodyless(res: NativeResponse, head: ResponseHead): boolean {
  const length = head.status === 204 ? undefined : head.length
  let flushed = false
  res.cork(() => {
    writeHead(res, head)
    if (length !== undefined && length > 0) {
      res.writeHeader('connection', 'close')
      res.tryEnd('', length)
    } else {
      res.writeHeader('date', new Date().toUTCString())
      if (length === 0) res.writeHeader('content-length', '0')
      res.writeHeader('connection', 'close\r\n')
    }
  })
  if (length !== undefined && length > 0) {
    res.cork(() => {
      flushed = res.tryEnd('', length + 1)[0]
    })
  }
  return flushed
}
