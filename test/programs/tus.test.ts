/** A resumable upload: tus, the protocol's own server and client. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'
import t from 'tap'
import { Upload, type UploadOptions } from 'tus-js-client'
import { folder, listening, startTunnel } from '../helpers/processes.js'

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

t.test('tus uploads, stops, and goes on from there', async (t) => {
  const directory = folder(t)
  const tus = new Server({
    path: '/files',
    datastore: new FileStore({ directory }),
    // A Location is not rewritten on its way: who makes it looks where the caller came from.
    generateUrl: (request, { path, id }) => `${request.headers.get('x-forwarded-prefix')}${path}/${id}`,
  })
  const port = await listening(
    t,
    createServer((request, response) => void tus.handle(request, response)),
  )
  const tunnel = await startTunnel(t, port)
  const bytes = randomBytes(4_000_000)
  const common: UploadOptions = {
    endpoint: `${tunnel.url}/files`,
    chunkSize: 500_000,
    retryDelays: null,
    metadata: { filename: 'grün.bin', filetype: 'application/octet-stream' },
  }
  const name = (url: string | null): string => url!.slice(url!.lastIndexOf('/') + 1)

  const stopped = await new Promise<string>((resolve, reject) => {
    const upload = new Upload(bytes, {
      ...common,
      onError: reject,
      onChunkComplete: (_size, sent) => {
        if (sent >= 1_500_000) void upload.abort().then(() => resolve(name(upload.url)))
      },
    })
    upload.start()
  })
  t.ok(readFileSync(join(directory, stopped)).length < bytes.length, 'it has stopped')

  let resumedFrom = -1
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(bytes, {
      ...common,
      uploadUrl: `${tunnel.url}/files/${stopped}`,
      onError: reject,
      onProgress: (sent) => {
        if (resumedFrom < 0) resumedFrom = sent
      },
      onSuccess: () => resolve(),
    })
    upload.start()
  })
  t.ok(resumedFrom >= 1_500_000, `went on from ${resumedFrom}`)
  t.equal(hash(readFileSync(join(directory, stopped))), hash(bytes))
})
