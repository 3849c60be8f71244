/** The dashboard on a desk and on a telephone, by day and by night: every view, to eyes and to screen readers. */
import t from 'tap'
import { browserOrSkip, type Look, launch, openPage, SIZES, violations, visit } from '../helpers/browser.js'
import { FakeApi } from '../helpers/fake-api.js'

const LOOKS: Look[] = [
  { size: 'desk', colorScheme: 'light' },
  { size: 'desk', colorScheme: 'dark' },
  { size: 'telephone', colorScheme: 'light' },
  { size: 'telephone', colorScheme: 'dark' },
]

t.test('every view', browserOrSkip, async (t) => {
  const api = await FakeApi.start()
  t.teardown(() => api.stop())
  api.fill(40, 40)
  const [exchange] = api.exchanges
  const views = {
    overview: ['', '.fields canvas'],
    links: ['/links', '.links .line'],
    link: ['/links/link-4', '.panel .tiles'],
    inspector: ['/inspector', '.exchanges .line'],
    exchange: [`/inspector/${exchange!.request_id}`, '.panel .json details'],
    sessions: ['/sessions', '.sessions .line'],
    session: [`/sessions/${api.sessions[0]!.session_id}`, '.log li'],
    automation: ['/automation', '.runs tbody tr'],
    connect: ['/connect', '.command'],
    api: ['/api', '.operation'],
    nowhere: ['/nowhere', '.hollow'],
  }
  const browser = await launch(t)
  await Promise.all(
    LOOKS.map(async (look) => {
      const name = `${look.size} ${look.colorScheme}`
      const { page, context, wrongs } = await openPage(browser, api.url, look)
      await page.goto(`${api.url}/dashboard`)
      for (const [view, [path, sign]] of Object.entries(views)) {
        await visit(page, path!)
        await page.waitForSelector(sign!)
        t.equal((await violations(page)).join(' | '), '', `${name}: ${view}`)
        t.equal(
          await page.evaluate('document.documentElement.scrollWidth'),
          SIZES[look.size!].width,
          `${name}: ${view} is not wider than the screen`,
        )
        t.equal(await page.locator('h1').count(), 1, `${name}: ${view} has one main heading`)
      }
      t.same(wrongs, [], name)
      await context.close()
    }),
  )
})
