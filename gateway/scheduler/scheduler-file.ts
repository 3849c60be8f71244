/** `scheduler.yaml`: what runs by the clock. */
import type { FileNode } from '../../shared/config-file.js'
import type { Report } from '../../shared/option-spec.js'
import { readEntries } from '../hooks/entry.js'
import { readPlace } from '../hooks/place.js'
import type { Task } from './task.js'
import { FILE_KEYS, readTask, readTiming, readWork } from './task-entry.js'

/** `given`: `--scheduler-dir`. @throws UsageError with every mistake in the file. @returns undefined without a file. */
export function loadTasks(given: string | undefined): Task[] | undefined {
  return readPlace({ given, otherwise: '.', file: 'scheduler.yaml' }, (root, directory, report) =>
    parseTasks(root, directory, Date.now(), report),
  )
}

/**
 * `directory`: where commands run that name no other. `wall`: ms since the epoch; a schedule that never fires after
 * it is refused. Once `report` was called the result is not to be used.
 */
export function parseTasks(root: FileNode, directory: string, wall: number, report: Report): Task[] {
  const tasks: Task[] = []
  const names = new Set<string>()
  for (const entry of readEntries(root, 'tasks', report)) {
    if (entry.finished(FILE_KEYS) === undefined) continue
    const name = entry.name() ?? ''
    if (name !== '' && names.has(name))
      entry.refuse('name', `name ${JSON.stringify(name)} stands there already`)
    names.add(name)
    const task = readTask(entry, name, readTiming(entry, wall), readWork(entry, directory))
    if (task !== undefined) tasks.push(task)
  }
  return tasks
}
