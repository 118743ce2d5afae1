// Point 4, second half: a second content of the same account, and another account of the host, reach nothing of the first.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { listSockets } from '@berth/testing/leftovers.js'
import { runPython } from '@berth/testing/probe.js'
import { type Published, publish } from '@berth/testing/publish-content.js'
import { readContent } from '@berth/testing/read-content.js'
import type { RestClient } from '@berth/testing/rest-client.js'
import { sharedBerth } from '@berth/testing/shared-berth.js'
import type { TestBerth } from '@berth/testing/test-berth.js'
import { beforeAll, expect, test } from 'vitest'

const SECRET_WORD = 'only-the-first-content-knows'

let berth: TestBerth
let rest: RestClient
let first: Published
let second: Published

beforeAll(async () => {
  berth = await sharedBerth()
  rest = berth.rest()
  const files = readContent('test/content/probe-wsgi')
  first = await publish(rest, files, { title: 'apart: first' })
  second = await publish(rest, files, { title: 'apart: second' })
  await runPython(
    rest,
    first.url,
    `
    import os, subprocess
    for path in ("/tmp/mark", "/var/tmp/mark", "/dev/shm/mark", "written-by-first", os.environ["TMPDIR"] + "/mark"):
        with open(path, "w") as file:
            file.write("${SECRET_WORD}")
        os.chmod(path, 0o666)
    kept["child"] = subprocess.Popen(["sleep", "601"])
    `,
  )
  await runPython(rest, second.url, 'result = 1')
})

test('both run under the same account', async () => {
  const code = 'import os\nresult = os.getuid()'
  expect(await runPython(rest, first.url, code)).toBe(await runPython(rest, second.url, code))
})

test('R-012 R-048 each process has a temporary directory of its own; the second cannot see the first one’s files', async () => {
  const look = `
    import os
    result = [path for path in ("/tmp/mark", "/var/tmp/mark", "/dev/shm/mark", os.environ["TMPDIR"] + "/mark") if os.path.exists(path)]
    `
  expect(await runPython(rest, first.url, look)).toHaveLength(4)
  expect(await runPython(rest, second.url, look)).toEqual([])
  const workspaces = readdirSync(join(berth.record.dirs.temp, 'berth-workspaces'))
  expect(new Set(workspaces).size).toBeGreaterThanOrEqual(2)
})

test('R-026 data in the first one’s application directory is visible to it and to nobody else', async () => {
  const search = `
    import os
    result = []
    for top, dirs, files in os.walk("/"):
        dirs[:] = [name for name in dirs if os.path.join(top, name) not in ("/proc", "/sys", "/usr", "/lib", "/root")]
        if "written-by-first" in files:
            result.append(top)
    `
  expect(await runPython(rest, first.url, search)).toEqual(['/opt/berth/mnt/app'])
  expect(await runPython(rest, second.url, search)).toEqual([])
})

test('the second cannot see the first one’s processes, nor signal them', async () => {
  const look = `
    import os
    result = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                result.append(open(f"/proc/{name}/cmdline").read())
            except OSError:
                pass
    `
  const sleeping = (lines: string[]): string[] => lines.filter((line) => line.startsWith('sleep'))
  expect(sleeping(await runPython(rest, first.url, look))).toHaveLength(1)
  expect(sleeping(await runPython(rest, second.url, look))).toEqual([])
  const own = await runPython(rest, first.url, 'result = kept["child"].poll()')
  expect(own).toBeNull()
})

test('the second cannot reach the first one’s socket, by no path it can name', async () => {
  const sockets = listSockets(berth.record.dirs.run)
  expect((await Promise.all(sockets.map(accepts))).filter(Boolean).length).toBeGreaterThanOrEqual(2) // root reaches them from outside
  const reached = await runPython(
    rest,
    second.url,
    `
    import json, socket
    result = []
    for path in json.loads(${JSON.stringify(JSON.stringify(sockets))}):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(2)
        try:
            one.connect(path)
            result.append(path)
        except OSError:
            pass
        one.close()
    `,
  )
  expect(reached).toEqual([])
})

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

test('System V and POSIX IPC are not shared', async () => {
  const make = `
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.shmget(0x62657274, 4096, FLAGS)
    `
  expect(await runPython(rest, first.url, make.replace('FLAGS', '0o1666'))).toBeGreaterThanOrEqual(0)
  expect(await runPython(rest, second.url, make.replace('FLAGS', '0o666'))).toBe(-1)
})

test('another account of the host reaches no socket, log, workspace or application directory', () => {
  const { outsider, standard } = berth.accounts
  for (const account of [outsider, standard]) {
    // The content's own account, outside a sandbox, is another visitor of the host too.
    const script = `
import json, os, socket, sys
reached = []
for path in json.loads(sys.argv[1]):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(2)
    try:
        one.connect(path)
        reached.append(path)
    except OSError:
        pass
    one.close()
for top in json.loads(sys.argv[2]):
    try:
        reached += [os.path.join(top, name) for name in os.listdir(top)]
    except OSError:
        pass
print(json.dumps(reached))
`
    const sockets = listSockets(berth.record.dirs.run)
    const { run, data, agent, config, temp } = berth.record.dirs
    const dirs = [
      run,
      data,
      agent,
      config,
      join(temp, 'berth-workspaces'),
      join(data, 'apps'),
      join(data, 'bundles'),
      join(run, 'claimed'),
      join(run, 'control'),
      join(run, 'db'),
    ]
    const answer = spawnSync(
      'setpriv',
      [
        `--reuid=${account.uid}`,
        `--regid=${account.gid}`,
        '--init-groups',
        '/usr/bin/python3',
        '-c',
        script,
        JSON.stringify(sockets),
        JSON.stringify(dirs),
      ],
      { encoding: 'utf8' },
    )
    expect(answer.stderr).toBe('')
    const reached = (JSON.parse(answer.stdout) as string[]).filter(
      (path) => !(account === standard && path.startsWith(`${run}/p/`)),
    )
    expect(reached).toEqual([])
  }
})
