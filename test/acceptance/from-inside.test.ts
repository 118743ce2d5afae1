// Point 4, first half: what a process of each type finds when it looks around.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runPython, runR } from '@berth/testing/probe.js'
import { type Published, publish } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import type { RestClient } from '@berth/testing/rest-client.js'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import type { TestBerth } from '@berth/testing/test-berth.js'
import { beforeAll, describe, expect, test } from 'vitest'

const MNT = '/opt/berth/mnt'

interface Inside {
  /** Value of a shell-free question, asked in the language of the content. */
  readFile(path: string): Promise<string | null>
  list(path: string): Promise<string[] | null>
  exists(path: string): Promise<boolean>
  environment(): Promise<Record<string, string>>
  cwd(): Promise<string>
  canWrite(path: string): Promise<boolean>
  /** Asks mount(8), which is set-user-id. */
  canMount(): Promise<boolean>
}

let berth: TestBerth
let rest: RestClient
let wsgi: Published
let shiny: Published

beforeAll(async () => {
  berth = await sharedBerth()
  rest = berth.rest()
  wsgi = await publish(rest, readContent('test/content/probe-wsgi'), { title: 'inside: python-api' })
  shiny = await publish(rest, readContent('test/content/probe-shiny'), { title: 'inside: shiny' })
})

const python: Inside = {
  canMount: () =>
    runPython(
      rest,
      wsgi.url,
      'import subprocess\nresult = subprocess.run(["mount", "-t", "tmpfs", "none", "/tmp"], stderr=subprocess.DEVNULL).returncode == 0',
    ),
  readFile: (path) =>
    runPython(rest, wsgi.url, `try:\n  result = open(${py(path)}, errors="replace").read()\nexcept OSError:\n  pass`),
  list: (path) =>
    runPython(rest, wsgi.url, `import os\ntry:\n  result = sorted(os.listdir(${py(path)}))\nexcept OSError:\n  pass`),
  exists: (path) => runPython(rest, wsgi.url, `import os\nresult = os.path.lexists(${py(path)})`),
  environment: () => runPython(rest, wsgi.url, 'import os\nresult = dict(os.environ)'),
  cwd: () => runPython(rest, wsgi.url, 'import os\nresult = os.getcwd()'),
  canWrite: (path) =>
    runPython(
      rest,
      wsgi.url,
      `import os\ntry:\n  open(${py(path)}, "w").close()\n  os.remove(${py(path)})\n  result = True\nexcept OSError:\n  result = False`,
    ),
}

const r: Inside = {
  canMount: () =>
    runR(rest, shiny.url, 'system2("mount", c("-t", "tmpfs", "none", "/tmp"), stdout = FALSE, stderr = FALSE) == 0'),
  readFile: (path) =>
    runR(
      rest,
      shiny.url,
      `if (file.access(${py(path)}, 4) == 0) paste(suppressWarnings(readLines(${py(path)})), collapse = "\\n") else NULL`,
    ),
  list: (path) =>
    runR(
      rest,
      shiny.url,
      `if (file.access(${py(path)}, 4) == 0) I(as.list(sort(list.files(${py(path)}, all.files = TRUE, no.. = TRUE)))) else NULL`,
    ),
  exists: (path) => runR(rest, shiny.url, `file.exists(${py(path)})`),
  environment: () => runR(rest, shiny.url, 'as.list(Sys.getenv())'),
  cwd: () => runR(rest, shiny.url, 'getwd()'),
  canWrite: (path) => runR(rest, shiny.url, `suppressWarnings(file.create(${py(path)}) && file.remove(${py(path)}))`),
}

const TYPES = [
  { type: 'python-api', inside: python, content: () => wsgi },
  { type: 'shiny', inside: r, content: () => shiny },
] as const

describe.each(TYPES)('$type', ({ type, inside, content }) => {
  test('R-005 real, effective and saved ids are the account, the groups are its own, no capability remains', async () => {
    const status = statusFields((await inside.readFile('/proc/self/status')) ?? '')
    const { uid, gid } = berth.accounts.standard
    expect(status.Uid).toEqual([uid, uid, uid, uid].map(String))
    expect(status.Gid).toEqual([gid, gid, gid, gid].map(String))
    expect((status.Groups ?? []).filter((group) => group !== String(gid))).toEqual([])
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(status[set]).toEqual(['0000000000000000'])
    expect(status.NoNewPrivs).toEqual(['1'])
  })

  test('R-006 it cannot mount', async () => {
    expect(await inside.canMount()).toBe(false)
  })

  test('R-007 its mounts are invisible on the host', async () => {
    const { readFileSync } = await import('node:fs')
    expect((await inside.readFile('/proc/self/mountinfo')) ?? '').toContain(` ${MNT}/app `)
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(` ${MNT}/app `)
  })

  test('R-009 DataDir is masked', async () => {
    const { id, bundleId } = content()
    const data = berth.record.dirs.data
    expect(await inside.exists(join(data, 'apps', id, bundleId))).toBe(false)
    expect((await inside.list(data)) ?? []).toEqual([])
    expect(await inside.exists(join(data, 'administrator.txt'))).toBe(false)
  })

  test('R-011 the configuration directory is masked', async () => {
    expect(await inside.exists(berth.configFile)).toBe(false)
    expect((await inside.list(berth.record.dirs.config)) ?? []).toEqual([])
  })

  test('R-012 the workspaces, the run directory and the agent’s state are masked', async () => {
    expect((await inside.list(join(berth.record.dirs.temp, 'berth-workspaces'))) ?? []).toEqual([])
    expect((await inside.list(berth.record.dirs.run)) ?? []).toEqual([])
    expect((await inside.list(berth.record.dirs.agent)) ?? []).toEqual([])
    expect((await inside.list('/run/user')) ?? []).toEqual([])
  })

  test('R-014 R-017 R-094 the deployed code is readable at MNT/app while its physical place is masked', async () => {
    const name = type === 'shiny' ? 'app.R' : 'app.py'
    expect(await inside.readFile(`${MNT}/app/${name}`)).toContain('sandbox')
  })

  test('R-015 an application has no render destination', async () => {
    expect((await inside.list(`${MNT}/report`)) ?? []).toEqual([])
    expect(await inside.canWrite(`${MNT}/report/x`)).toBe(false)
  })

  test('R-016 TMPDIR names a writable directory of the process', async () => {
    const environment = await inside.environment()
    expect(environment.TMPDIR).toBe(`${MNT}/tmp`)
    expect(await inside.canWrite(`${MNT}/tmp/x`)).toBe(true)
    expect(await inside.canWrite('/tmp/x')).toBe(true)
    expect(await inside.canWrite('/var/tmp/x')).toBe(true)
    expect(await inside.canWrite('/dev/shm/x')).toBe(true)
  })

  test('R-018 /home is the host’s', async () => {
    expect((await inside.list('/home')) ?? []).toEqual(readdirSync('/home').sort())
  })

  test('R-021 HOME is set', async () => {
    expect((await inside.environment()).HOME).toMatch(/^\//)
  })

  test('R-023 it may write beside its code', async () => {
    expect(await inside.canWrite(`${MNT}/app/written`)).toBe(true)
  })

  test('R-024 its working directory is MNT/app', async () => {
    expect(await inside.cwd()).toBe(`${MNT}/app`)
  })

  test('R-094 its environment names the product, the content and the account', async () => {
    const environment = await inside.environment()
    expect(environment).toMatchObject({
      LOGNAME: berth.accounts.standard.name,
      RSTUDIO_PRODUCT: 'CONNECT',
      POSIT_PRODUCT: 'CONNECT',
      CONNECT_CONTENT_GUID: content().guid,
    })
    expect(environment.CONNECT_SERVER).toMatch(new RegExp(`^${berth.address}/?$`))
    expect(environment.CONNECT_API_KEY).toMatch(/^[0-9A-Za-z]{32}$/)
    expect(environment.CONNECT_CONTENT_JOB_KEY).toMatch(/^[0-9A-Za-z]{16}$/)
    const me = await berth.rest(environment.CONNECT_API_KEY ?? '').get('/v1/user')
    expect(me.json?.username).toBe(berth.admin.name)
  })

  test('R-116 R_CONFIG_ACTIVE is set for R and absent elsewhere', async () => {
    expect((await inside.environment()).R_CONFIG_ACTIVE).toBe(type === 'shiny' ? 'rsconnect' : undefined)
  })

  test('it sees the caches of its own language only, and cannot write them', async () => {
    const [own, other] = type === 'shiny' ? ['R', 'python-environments'] : ['python-environments', 'R']
    expect(await inside.canWrite(`${MNT}/${own}/x`)).toBe(false)
    expect((await inside.list(`${MNT}/${other}`)) ?? []).toEqual([])
  })

  test('T14 T19 it sees only its own processes', async () => {
    const pids = ((await inside.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name))
    expect(pids.length).toBeLessThan(8)
    expect((await inside.readFile('/proc/1/environ')) || null).toBeNull()
  })
})

test('R-098 on the host the tree under MNT consists of empty directories', () => {
  const names = readdirSync(MNT).sort()
  expect(names).toEqual(['R', 'app', 'packrat', 'python-environments', 'report', 'run', 'tmp'])
  for (const name of names) expect(readdirSync(join(MNT, name))).toEqual([])
})

test('R-099 a changed DataDir keeps the places inside the sandbox', async () => {
  expect(berth.record.dirs.data).not.toBe('/var/lib/berth')
  expect(await python.cwd()).toBe(`${MNT}/app`)
})

test('static content is served from sealed files: no process, none of the product’s other files', async () => {
  const page = await publish(rest, readContent('test/content/plain-static'), { access_type: 'all' })
  const anonymous = berth.rest(null)
  expect((await anonymous.get(page.url)).text).toContain('version one')
  expect((await anonymous.get(`${page.url}manifest.json`)).status).toBeLessThan(500)
  for (const path of ['..%2f..%2f..%2fadministrator.txt', '%2e%2e/%2e%2e/db/secret.key', '....//administrator.txt']) {
    expect((await anonymous.get(`${page.url}${path}`)).status).toBeGreaterThanOrEqual(400)
  }
})

function py(text: string): string {
  return JSON.stringify(text)
}

function statusFields(status: string): Record<string, string[]> {
  return Object.fromEntries(
    status.split('\n').map((line) => {
      const [name = '', rest = ''] = line.split(':')
      return [name, rest.trim().split(/\s+/).filter(Boolean)]
    }),
  )
}
