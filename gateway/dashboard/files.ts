/** `GET /dashboard` and below it: the page, its files, and the page again for each address of its own. */
import { Problem } from '../../shared/errors.js'
import { type Fields, getField } from '../../shared/headers.js'
import { PAGE_FIELDS } from '../../shared/page-policy.js'
import { isNotModified } from '../api/connections.js'
import type { ApiHandler } from '../api/request.js'
import type { Reply } from '../edge/reply.js'
import { type Asset, type Assets, loadAssets } from './assets.js'

const ALWAYS: Fields = [...PAGE_FIELDS, 'vary', 'accept-encoding']

const ROOT = '/dashboard'

/**
 * `target` begins with `/dashboard`; nothing of it is ever looked up in a file system.
 * @throws Problem `not_found` for a file that is not there.
 */
export function dashboardAnswer(assets: Assets, target: string, headers: Fields): Reply<Buffer> {
  const [path = ''] = target.split('?', 1)
  const below = path.slice(ROOT.length).replace(/^\//, '')
  const [first = ''] = below.split('/', 1)
  const fixed = first === assets.edition
  const asset = assets.files.get(fixed ? below.slice(first.length + 1) : below)
  if (asset !== undefined && (fixed || below !== ''))
    return answer(asset, headers, fixed ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (!isPage(below, headers)) throw new Problem('not_found', 'the dashboard has no such file')
  return answer(assets.index, headers, 'no-cache')
}

/** An address of the page's own, such as `/dashboard/links`: a navigation, or a name that is no file's. */
function isPage(below: string, headers: Fields): boolean {
  if (below.startsWith('@')) return false
  const destination = getField(headers, 'sec-fetch-dest')
  if (destination !== undefined && destination !== 'empty') return destination === 'document'
  const name = below.slice(below.lastIndexOf('/') + 1)
  return !name.includes('.') || /text\/html/i.test(getField(headers, 'accept') ?? '')
}

function answer(asset: Asset, headers: Fields, cache: string): Reply<Buffer> {
  const fields = [...ALWAYS, 'content-type', asset.type, 'etag', `W/${asset.tag}`, 'cache-control', cache]
  if (isNotModified(getField(headers, 'if-none-match'), asset.tag))
    return { head: { status: 304, headers: fields }, body: Buffer.alloc(0) }
  const packed = takesGzip(getField(headers, 'accept-encoding')) ? asset.packed : undefined
  if (packed !== undefined) fields.push('content-encoding', 'gzip')
  const body = packed ?? asset.body
  return { head: { status: 200, headers: fields }, body }
}

/** `gzip` or `*` is named, and not with a weight of 0 (RFC 9110 §12.5.3). */
function takesGzip(accepted = ''): boolean {
  const one = accepted.split(',').find((coding) => /^\s*(x-)?gzip\s*(;|$)/i.test(coding))
  const any = one ?? accepted.split(',').find((coding) => /^\s*\*\s*(;|$)/.test(coding))
  return any !== undefined && !/;\s*q=0(\.0{0,3})?\s*$/i.test(any)
}

/** `directory`: of `--ui-dir`. Reads every file now: none is read while requests are served. */
export async function dashboardFiles(directory?: string): Promise<ApiHandler> {
  const assets = await loadAssets(directory)
  return ({ head }) => dashboardAnswer(assets, head.target, head.headers)
}
