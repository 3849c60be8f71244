import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The version in the nearest package.json above a module, given its `import.meta.url`. */
export function packageVersion(moduleUrl: string): string {
  for (let folder = new URL('.', moduleUrl); ; folder = new URL('..', folder)) {
    const file = new URL('package.json', folder)
    if (existsSync(file)) {
      const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
      if (typeof content === 'object' && content !== null && 'version' in content)
        return String(content.version)
    }
    if (folder.pathname === new URL('..', folder).pathname) {
      throw new Error(`no package.json with a version above ${fileURLToPath(moduleUrl)}`)
    }
  }
}
