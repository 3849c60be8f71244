/** The dashboard in use: by keyboard, with many links, over a restart, with few rights, against hostile names. */
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { browserOrSkip, type Look, launch, openPage, visit } from '../helpers/browser.js'
import { FakeApi } from '../helpers/fake-api.js'
import { dice, fakeExchange, fakeLink, fakePoints, fakeSession } from '../helpers/fake-fleet.js'

t.test('the dashboard', browserOrSkip, async (t) => {
  const browser = await launch(t)
  /** A page before a fleet of its own. */
  const before = async (t: Test, { links = 30, exchanges = 20, look = {} as Look } = {}) => {
    const api = await FakeApi.start()
    api.fill(links, exchanges)
    const opened = await openPage(browser, api.url, look)
    t.teardown(async () => {
      await opened.context.close()
      await api.stop()
    })
    return { api, ...opened, at: (path: string) => opened.page.goto(`${api.url}/dashboard${path}`) }
  }

  t.test('is painted within a second', async (t) => {
    const { page, at, wrongs } = await before(t)
    await at('')
    await page.waitForSelector('.fields canvas')
    const paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    const first = await page.evaluate<number>(paint)
    await at('')
    await page.waitForSelector('.fields canvas')
    const second = await page.evaluate<number>(paint)
    t.comment(`first paint after ${Math.round(first)} ms, from the cache after ${Math.round(second)} ms`)
    t.ok(Math.min(first, second) < 1000, 'first paint under a second')
    t.match(await page.textContent('.health h1'), /All is well/)
    t.match(
      await page.textContent('.health div p'),
      /30 tunnels on 30 links .*requests a second, 95 % within/,
    )
    t.same(wrongs, [])
  })

  t.test('is used by keyboard alone', async (t) => {
    const { api, page, at, wrongs } = await before(t)
    const focused = () =>
      page.evaluate<string>(
        "[document.activeElement.textContent.trim(), document.activeElement.getAttribute('role') ?? ''].join('|')",
      )
    /** Its first two cells say which one it is; the others change as it is looked at. */
    const focusedRow = () =>
      page.evaluate<string>(
        "[...document.activeElement.children].slice(0, 2).map((cell) => cell.textContent).join('|')",
      )
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    await at('')
    await page.waitForSelector('.fields canvas')
    await press('Tab')
    t.match(await focused(), 'Skip to the view')
    await press('Tab', 'Tab', 'Tab')
    t.match(await focused(), 'Links')
    await press('Enter')
    await page.waitForSelector('.links .line')
    // A new view has the focus, and so has what opens.
    await page.waitForSelector('#main:focus')
    await press('Tab')
    await page.keyboard.type('prod')
    await page.waitForFunction("!document.querySelector('.listing').textContent.includes('billing')")
    await press('Tab', 'ArrowRight')
    t.match(page.url(), /state=ready/, 'radio buttons by arrows')
    for (let i = 0; i < 12 && !(await focused()).endsWith('|row'); i++) await press('Tab')
    const first = await focusedRow()
    await press('ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowDown')
    const third = await focusedRow()
    t.not(third, first, 'rows by arrows')
    await press('End', 'Home')
    t.equal(await focusedRow(), first, 'first and last row')
    await press('Enter')
    await page.waitForSelector('.panel :focus')
    for (let i = 0; i < 12 && !/^Drain…/.test(await focused()); i++) await press('Tab')
    await press('Enter')
    await page.waitForSelector('dialog[open]')
    t.match(await focused(), /^Keep/, 'the harmless answer has the focus')
    await press('Escape')
    await page.waitForSelector('dialog', { state: 'detached' })
    t.same(api.done, [])
    t.match(await focused(), /^Drain…/, 'and gives it back')
    await press('Enter')
    await page.waitForSelector('dialog[open]')
    await press('Tab', 'Enter')
    await page.waitForSelector('.says p')
    t.match(api.done, [{ method: 'DELETE', path: /^\/connections\/link-\d+\?drain=1$/ }])
    await press('Escape')
    await page.waitForSelector('.panel', { state: 'detached' })
    t.equal(await focusedRow(), first, 'back at the row')
    t.same(wrongs, [])
  })

  t.test('what is closed gives the focus to a row, also where its own has gone', async (t) => {
    const { api, page, at, wrongs } = await before(t)
    await at('/links?state=ready')
    await page.focus('.links [role=row][tabindex="0"]')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.panel :focus')
    const id = new URL(page.url()).pathname.split('/').at(-1)!
    api.change({ ...api.links.get(id)!, state: 'draining' })
    await page.waitForSelector('.links [aria-selected=true]', { state: 'detached' })
    await page.keyboard.press('Escape')
    await page.waitForSelector('.panel', { state: 'detached' })
    t.equal(await page.locator('.links [role=row]:focus').count(), 1)
    t.same(wrongs, [])
  })

  t.test('shows 2,000 links and 500 exchanges without jank', async (t) => {
    const { api, page, at, wrongs } = await before(t, { links: 2000, exchanges: 500 })
    await at('/links')
    await page.waitForSelector('.links .line')
    await page.evaluate('globalThis.slowest = 0')
    const busy = [...api.links.values()].slice(0, 300)
    const scroll = async (name: string) => {
      for (let i = 1; i <= 20; i++) {
        await page.evaluate(`(() => {
          const box = document.querySelector('.grid .scroll')
          box.scrollTop = (box.scrollHeight - box.clientHeight) * ${i / 20}
          return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
        })()`)
        for (const link of busy.splice(0, 15))
          api.change({ ...link, requests_total: Number(link.requests_total) + i })
      }
      const rows = await page.locator('.grid .line').count()
      const slowest = await page.evaluate<number>('globalThis.slowest')
      t.comment(`${name}: ${rows} rows in the page, slowest task ${Math.round(slowest)} ms`)
      t.ok(rows < 60, `${name}: only rows in sight exist`)
      // Other tests share the processors: 200 ms is what a quiet machine stays far under.
      t.ok(slowest < 500, `${name}: no long task`)
    }
    await scroll('links')
    t.match(await page.textContent('[aria-rowindex="2001"]'), /staging/, 'the end of the list is there')
    await page.fill('input[type=search]', 'link-1999')
    await page.waitForFunction("document.querySelectorAll('.grid .line').length === 1")
    await visit(page, '/inspector')
    await page.waitForSelector('.exchanges .line')
    await page.evaluate('globalThis.slowest = 0')
    await scroll('exchanges')
    t.equal(await page.getAttribute('.grid', 'aria-rowcount'), '501')
    t.same(wrongs, [])
  })

  t.test('says that the gateway is away, and comes back by itself where it was', async (t) => {
    const { api, page, at, wrongs } = await before(t)
    await at('/links/link-4?find=staging')
    await page.waitForSelector('.panel .tiles')
    await api.stop()
    await page.waitForSelector('.banner[data-tone=lost] >> text=does not answer')
    t.ok(await page.locator('.panel .tiles').isVisible(), 'what was known stays')
    api.links.delete('link-4')
    api.links.set('link-77', fakeLink(77, dice(), { name: 'staging-new' }))
    await api.listen()
    await page.waitForSelector('.banner[data-tone=back] >> text=is back')
    await page.waitForSelector('.links .line >> text=staging-new')
    await page.waitForSelector('.panel >> text=This link has gone')
    t.equal(await page.inputValue('input[type=search]'), 'staging')
    t.match(page.url(), /\/links\/link-4\?find=staging$/)
    t.equal(api.followers('/connections'), 1)
    const turn = (state: string) =>
      page.evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))`)
    await turn('hidden')
    while (api.followers('/connections') > 0) await setTimeout(10)
    api.links.set('link-78', fakeLink(78, dice(), { name: 'staging-newer' }))
    await turn('visible')
    await page.waitForSelector('.links .line >> text=staging-newer')
    t.notOk(await page.locator('.banner[data-tone=lost]').isVisible(), 'a rest is no loss')
    t.same(wrongs, [])
  })

  t.test('signs in and out, and says when a sign-in has ended', async (t) => {
    const { api, page, at, wrongs } = await before(t)
    api.modes = ['token', 'password']
    api.signedIn = false
    await at('/links')
    t.match(await page.textContent('.door'), 'This gateway takes a token or the password')
    await page.keyboard.type('wrong')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.door [role=alert] >> text=not known here')
    await page.fill('[name=credential]', 'gwt_right')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.links .line')
    api.signedIn = false
    await api.stop()
    await api.listen()
    await page.waitForSelector('.door >> text=Your sign-in has ended')
    await page.fill('[name=credential]', 'gwt_right')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.links .line')
    await page.click('text=Sign out')
    await page.waitForSelector('.door form')
    t.same(
      api.done.map(({ method }) => method),
      ['POST', 'POST', 'POST', 'DELETE'],
    )
    t.same(wrongs, [])
  })

  t.test('shows what the scopes allow', async (t) => {
    const { api, page, at, wrongs } = await before(t)
    const id = api.exchanges[0]!.request_id
    const buttons = async () => {
      const seen: Record<string, boolean> = {}
      for (const [path, text] of [
        ['/links/link-4', 'Close…'],
        [`/inspector/${id}`, 'Send again…'],
        ['/automation', 'Run now'],
      ] as const) {
        await visit(page, path)
        await page.waitForSelector(path === '/automation' ? '.task' : '.panel .facts')
        seen[text] = (await page.locator(`button >> text=${text}`).count()) > 0
      }
      return seen
    }
    for (const [scopes, expected] of [
      [['operator.read'], { 'Close…': false, 'Send again…': false, 'Run now': false }],
      [['operator.write'], { 'Close…': false, 'Send again…': false, 'Run now': true }],
      [['operator.admin'], { 'Close…': true, 'Send again…': true, 'Run now': true }],
    ] as const) {
      api.scopes = [...scopes]
      await at('')
      await page.waitForSelector('.fields')
      t.same(await buttons(), expected, scopes.join())
    }
    api.scopes = ['operator.pairing']
    await at('')
    await page.waitForSelector('.hollow >> text=operator.read')
    t.same(await page.locator('nav a').allTextContents(), ['API'])
    t.equal(api.followers('/connections'), 0, 'and asks for nothing else')
    t.same(wrongs, [])
  })

  t.test('replays an exchange with changes', async (t) => {
    const { api, page, at, wrongs } = await before(t)
    const id = api.exchanges[2]!.request_id
    await at(`/inspector/${id}`)
    await page.click('text=Send again…')
    t.match(
      await page.textContent('dialog'),
      /Left out unless you give them again: authorization, values of the query/,
    )
    const fields = await page.inputValue('dialog textarea >> nth=0')
    t.notMatch(fields, 'redacted')
    await page.fill('dialog textarea >> nth=0', `${fields.replace('accept: */*', '')}\nX-Try: 2`)
    await page.fill('dialog textarea >> nth=1', '{"new":true}')
    await page.click('dialog >> text=Send >> nth=-1')
    await page.waitForSelector('.says >> text=Sent again without authorization.')
    t.match(api.done, [{ method: 'POST', path: `/inspect/${id}/replay` }])
    t.same(JSON.parse(api.done[0]!.body), { body: '{"new":true}', headers: { accept: null, 'x-try': '2' } })
    t.same(wrongs, [])
  })

  t.test('shows events of a stream one by one as they come', async (t) => {
    const { api, page, at, wrongs } = await before(t)
    const [open] = api.exchanges
    const events = [{ event: 'delta', id: null, data: '{"text":"Hel"}' }]
    const tell = (state: string) => {
      const body = { kind: 'events', events: [...events] }
      const headers = [['content-type', 'text/event-stream']]
      api.details.set(open!.request_id, {
        state,
        response: { headers, bytes: 90, truncated: false, body },
      })
      api.tell('/inspect', 'exchange', { ...open, state })
    }
    tell('open')
    await at(`/inspector/${open!.request_id}`)
    await page.waitForSelector('.events >> text=1 event, more may come')
    events.push({ event: 'delta', id: null, data: '{"text":"lo"}' })
    tell('open')
    await page.waitForSelector('.events >> text=2 events, more may come')
    tell('ended')
    await page.waitForSelector('.events >> text=/2 events$/')
    t.equal(await page.locator('.events .scalar').count(), 2)
    t.same(wrongs, [])
  })

  t.test('shows hostile names, fields and bodies as text', async (t) => {
    const { api, page, at, wrongs } = await before(t, { links: 2, exchanges: 2 })
    const evil = `<img src=x onerror="document.title='owned'"><script>owned()</script>`
    const random = dice()
    const text = { name: evil, purpose: evil, remote_address: evil, instance_id: evil, agent_version: evil }
    api.links.set(
      'evil',
      fakeLink(9, random, { ...text, link_id: 'evil', labels: { [evil]: evil }, state: evil }),
    )
    const exchange = fakeExchange(9, random, {
      request_id: 'evil',
      method: evil,
      path: evil,
      code: evil,
      status: 500,
    })
    api.exchanges.unshift(exchange)
    const message = {
      headers: [
        [evil, evil],
        ['content-type', 'text/html'],
      ],
      bytes: 9,
      truncated: true,
    }
    api.details.set('evil', {
      path: evil,
      remote_address: evil,
      request: { ...message, body: { kind: 'json', text: evil, value: { [evil]: [evil] } } },
      response: { ...message, body: { kind: 'events', events: [{ event: evil, id: evil, data: evil }] } },
    })
    api.sessions.unshift({
      ...fakeSession(0),
      session_id: 'sess_evil',
      user_id: evil,
      metadata: { [evil]: evil },
    })
    api.events = ['text', 'tool_call', 'tool_result', 'error', 'work_product'].map((type, i) => ({
      type,
      seq: i + 1,
      timestamp: new Date().toISOString(),
      run_id: evil,
      data: { text: evil, name: evil, input: { [evil]: evil }, result: evil, message: evil, code: evil },
    }))
    api.runs = [{ ...api.runs[0], name: evil, event: evil, status: evil, output: `${evil}\n${evil}` }]
    api.tasks = [{ ...api.tasks[0], name: evil, description: evil, schedule: evil, last_run: api.runs[0] }]
    api.points = fakePoints(random).map((point) => ({ ...point, errors: { [evil]: 3 } }))
    api.openapi = { info: { version: evil }, paths: { [evil]: { get: { summary: evil, tags: [evil] } } } }
    await at('')
    for (const [path, sign] of [
      ['', '.legend'],
      ['/links/evil', '.panel .facts'],
      ['/inspector/evil', '.panel .events'],
      ['/sessions/sess_evil', '.log li'],
      ['/automation', '.task'],
      ['/api', '.operation'],
      [`/${encodeURIComponent(evil)}`, '.hollow'],
    ] as const) {
      await visit(page, path)
      await page.waitForSelector(sign)
      if (path.startsWith('/inspector')) {
        t.match(await page.textContent('.panel'), /Only the beginning of 9 B was kept/)
        await page.check('.sides input >> nth=1')
        await page.waitForSelector('.panel .json')
      }
      const text = await page.textContent('main')
      if (sign !== '.hollow') t.ok(text?.includes('<script>owned()</script>'), `${path} is shown`)
      t.equal(await page.locator('img, #page script').count(), 0, `${path} is not rendered`)
    }
    t.notMatch(await page.title(), 'owned')
    t.same(wrongs, [])
  })
})
