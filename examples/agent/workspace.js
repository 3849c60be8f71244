/** The directory that a session may look into, and nothing outside of it, wherever links lead. */
import { open, readdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve } from 'node:path'

/** Past these a model has seen enough. */
const MOST_NAMES = 1000
const MOST_BYTES = 64 * 1024

const path = (description) => ({
  type: 'object',
  properties: { path: { type: 'string', description } },
  required: ['path'],
})

export class Workspace {
  #root

  /** `tools`: as OpenAI's API takes them. */
  tools = [
    tool(
      'list_files',
      'The names in a directory; those of directories end with a slash.',
      path('"." is the whole'),
    ),
    tool('read_file', 'The text of a file.', path('as list_files names it')),
  ]

  constructor(root) {
    this.#root = root
  }

  /** Whoever begins a session names its directory, so it must lie in `root`. */
  static async open(root, directory) {
    const allowed = await realpath(root)
    const asked = await realpath(resolve(allowed, directory ?? '.'))
    if (!isInside(allowed, asked)) throw new Error(`the workspace ${directory} is not in ${root}`)
    return new Workspace(asked)
  }

  /** What a tool finds, or why it does not: both are for the model. */
  async use(name, input) {
    try {
      return { result: await this.#use(name, input), failed: false }
    } catch (error) {
      return { result: `failed: ${error.message}`, failed: true }
    }
  }

  async #use(name, { path }) {
    if (typeof path !== 'string') throw new Error('the path is missing')
    switch (name) {
      case 'list_files':
        return this.#list(await this.#place(path))
      case 'read_file':
        return this.#read(await this.#place(path))
      default:
        throw new Error(`there is no tool ${name}`)
    }
  }

  async #list(directory) {
    const entries = await readdir(directory, { withFileTypes: true })
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort()
    return names.slice(0, MOST_NAMES).join('\n') || '(empty)'
  }

  async #read(file) {
    // A pipe would be waited for.
    if (!(await stat(file)).isFile()) throw new Error('it is no file')
    const handle = await open(file)
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0)
      return buffer.subarray(0, bytesRead).toString()
    } finally {
      await handle.close()
    }
  }

  async #place(path) {
    const real = await realpath(resolve(this.#root, path))
    if (!isInside(this.#root, real)) throw new Error(`${path} is not in the workspace`)
    return real
  }
}

function isInside(root, path) {
  const way = relative(root, path)
  return way === '' || !(way === '..' || way.startsWith('../') || way.startsWith('..\\') || isAbsolute(way))
}

function tool(name, description, parameters) {
  return { type: 'function', function: { name, description, parameters } }
}
