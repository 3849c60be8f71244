import type { Test } from 'tap'

type Content = Parameters<Test['testdir']>[0]

/**
 * `t.testdir`, there until the test's teardowns have ended what writes to it. Asked for before the first teardown, tap's
 * own is removed before they run: what still writes then fails the test (ENOTEMPTY), and no teardown runs at all.
 */
export function directoryFor(t: Test, content?: Content): string {
  t.teardown(() => {})
  return t.testdir(content)
}
