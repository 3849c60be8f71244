/**
 * Other people's modules that the page runs on, from their packages. Browsers resolve no package names, and the
 * policy allows no import map (it would be an inline script): the few names are put in order here.
 */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Vendored {
  /** Below `/dashboard/`. */
  path: string
  /** What the package calls it, and a file beside that where it is not exported. */
  name: string
  beside?: string
  adapt?(text: string): string
}

const MODULES: readonly Vendored[] = [
  { path: 'vendor/preact.js', name: 'preact' },
  {
    path: 'vendor/hooks.js',
    name: 'preact/hooks',
    adapt: (text) => text.replace(/from\s*"preact"/, 'from"./preact.js"'),
  },
  { path: 'vendor/htm.js', name: 'htm' },
  // The minified build is a third of the module's size, and a plain script: its one name is exported.
  {
    path: 'vendor/uplot.js',
    name: 'uplot',
    beside: 'uPlot.iife.min.js',
    adapt: (text) => `${text}\nexport default uPlot\n`,
  },
  { path: 'vendor/uplot.css', name: 'uplot', beside: 'uPlot.min.css' },
]

/** By path below `/dashboard/`. */
export async function readVendor(): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  for (const { path, name, beside, adapt } of MODULES) {
    const main = fileURLToPath(import.meta.resolve(name))
    const text = await readFile(beside === undefined ? main : join(dirname(main), beside), 'utf8')
    // Source maps are not served.
    const clean = text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')
    found.set(path, Buffer.from(adapt === undefined ? clean : adapt(clean)))
  }
  return found
}
