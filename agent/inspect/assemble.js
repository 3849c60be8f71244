/**
 * Puts the agent's page together in `dist/page`: its own files, and of the dashboard just what they lead to, so that
 * gw-agent carries no more of it. A step of the build, behind the compilation of the gateway.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readVendor } from '../../gateway/dist/gateway/dashboard/vendor.js'

const OWN = fileURLToPath(new URL('./page/', import.meta.url))
const DASHBOARD = fileURLToPath(new URL('../../gateway/dashboard/page/', import.meta.url))
const OUT = fileURLToPath(new URL('../dist/page/', import.meta.url))
/** Whose modules are copied: their licences come along. */
const VENDORS = ['preact', 'htm']

const vendor = await readVendor()

/** @throws Error for a file that is in none of the places. */
function read(path) {
  const place = [OWN, DASHBOARD].find((folder) => existsSync(join(folder, path)))
  const content = place === undefined ? vendor.get(path) : readFileSync(join(place, path))
  if (content === undefined) throw new Error(`the inspector's page needs ${path}, which is not there`)
  return content
}

/** Paths below `/dashboard/` that a file leads to. */
function references(path, text) {
  if (path.endsWith('.html'))
    return [...text.matchAll(/(?:src|href)="\/dashboard\/([^"]+)"/g)].map(([, to]) => to)
  if (!path.endsWith('.js')) return []
  const imports = [...text.matchAll(/\b(?:from|import)\s*['"](\.[^'"]+)['"]/g)]
  return imports.map(([, to]) => join(dirname(path), to))
}

function licenceOf(name) {
  let folder = dirname(fileURLToPath(import.meta.resolve(name)))
  while (!existsSync(join(folder, 'LICENSE'))) folder = dirname(folder)
  return readFileSync(join(folder, 'LICENSE'))
}

rmSync(OUT, { recursive: true, force: true })
const found = new Set(['index.html'])
// The set grows while it is walked.
for (const path of found) {
  const content = read(path)
  for (const to of references(path, content.toString())) found.add(to)
  mkdirSync(dirname(join(OUT, path)), { recursive: true })
  writeFileSync(join(OUT, path), content)
}
for (const name of VENDORS) writeFileSync(join(OUT, 'vendor', `${name}.LICENSE`), licenceOf(name))
