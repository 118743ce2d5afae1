// Applications.Supervisor: a program between the sandbox and the target.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestAccounts, type TestAccounts } from '@berth/testing/test-accounts.js'
import { waitFor } from '@berth/testing/wait-for.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Content, ContentScene } from './content-scene.js'
import { buildLauncher, logSegments, readExitRecord, readLog } from './launcher-driver.js'

let accounts: TestAccounts
let content: ContentScene
let place: string
beforeAll(async () => {
  accounts = await createTestAccounts()
  content = new ContentScene(buildLauncher('hardened'), accounts.standard)
  place = mkdtempSync('/usr/local/lib/berth-supervisor-test-')
  chmodSync(place, 0o755)
})
afterAll(async () => {
  content.remove()
  rmSync(place, { recursive: true, force: true })
  await accounts.remove()
})

function script(name: string, body: string): string {
  const path = join(place, name)
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}

async function run(program: Content): Promise<{ code: number; stdout: string; stderr: string }> {
  const running = content.start(program)
  const code = await running.exitCode
  return { code, stdout: readLog(program.plan.runDir, 'stdout'), stderr: readLog(program.plan.runDir, 'stderr') }
}

test('R-101 R-105 the target’s command line arrives unchanged behind the supervisor’s own arguments', async () => {
  const supervisor = [script('recorder', 'echo "supervisor: $#" >&2\nshift 2\nexec "$@"'), 'own argument', '--flag']
  const code = 'import sys, json; print(json.dumps(sys.argv))'
  const program = content.python(code, { spec: { supervisor } })
  const words = ['two words', '"quoted"', "it's", '$(touch /tmp/x)', '']
  const { stdout, stderr } = await run({ ...program, plan: { ...program.plan, args: [...program.plan.args, ...words] } })
  expect(JSON.parse(stdout)).toEqual(['-c', ...words])
  expect(stderr).toBe('supervisor: 10\n')
})

test('R-103 the target is the process that was started', async () => {
  const supervisor = [script('exec', 'exec "$@"')]
  const program = content.python('import time; print("here", flush=True); time.sleep(60)', { spec: { supervisor } })
  const running = content.start(program)
  const { pid } = await running.event('started')
  await waitFor('the target', () => logSegments(program.plan.runDir, 'stdout').length > 0)
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^\/usr\/bin\/python3\0/)
  running.child.kill('SIGTERM')
  expect(await running.exitCode).toBe(143)
})

test.each([
  ['sys.exit(0)', 0],
  ['sys.exit(3)', 3],
  ['os.kill(os.getpid(), 11)', 139],
])('R-104 the exit code of %s behind a supervisor is %i', async (code, expected) => {
  const supervisor = [script('exec', 'exec "$@"')]
  const program = content.python(`import os, sys; ${code}`, { spec: { supervisor } })
  expect((await run(program)).code).toBe(expected)
  expect(readExitRecord(program.plan.runDir).code).toBe(expected)
})

test('R-105 R-113 standard input goes through, the supervisor’s own words stay on stderr', async () => {
  const supervisor = [script('talker', 'echo "by supervisor" >&2\nexec "$@"')]
  const input = content.scene.path('input')
  writeFileSync(input, 'line\n', { mode: 0o600 })
  const program = content.python('import sys; print(sys.stdin.read(), end="")', { spec: { supervisor } })
  const { stdout, stderr } = await run({ ...program, plan: { ...program.plan, stdin: input } })
  expect([stdout, stderr]).toEqual(['line\n', 'by supervisor\n'])
})

test('R-106 it runs as the account of the process', async () => {
  const supervisor = [script('who', 'id -u >&2; id -g >&2\nexec "$@"')]
  for (const account of [accounts.standard, accounts.primary]) {
    const { stderr } = await run(content.python('', { account, spec: { supervisor }, content: `9${account.uid}` }))
    expect(stderr).toBe(`${account.uid}\n${account.gid}\n`)
  }
})

test('R-110 R-111 it runs inside the sandbox, with TMPDIR and HOME set', async () => {
  const data = content.scene.path('data')
  const supervisor = [
    script('look', `ls -A ${data} >&2; pwd >&2; echo "$TMPDIR $HOME" >&2; [ -w "$TMPDIR" ] && echo writable >&2\nexec "$@"`),
  ]
  const { stderr } = await run(content.python('', { spec: { supervisor } }))
  expect(stderr).toBe(`/opt/berth/mnt/app\n/opt/berth/mnt/tmp /nonexistent/${accounts.standard.name}\nwritable\n`)
})

test('R-112 variables and priority reach the target; raising priority fails visibly', async () => {
  const code = 'import os; print(os.environ["SUPERVISED"], os.nice(0))'
  const lower = [script('lower', 'export SUPERVISED=yes\nexec nice -n 2 "$@"')]
  expect((await run(content.python(code, { spec: { supervisor: lower } }))).stdout).toBe('yes 2\n')
  const higher = [script('higher', 'export SUPERVISED=yes\nexec nice -n -5 "$@"')]
  const { stdout, stderr } = await run(content.python(code, { spec: { supervisor: higher } }))
  expect(stdout).toBe('yes 0\n')
  expect(stderr).toMatch(/cannot set niceness/)
})

test('a supervisor that the account cannot execute ends with 126 and names itself', async () => {
  const path = script('closed', 'exec "$@"')
  chmodSync(path, 0o700)
  const program = content.python('', { spec: { supervisor: [path] } })
  const running = content.start(program)
  expect(await running.exitCode).toBe(126)
  expect(await running.event('exited')).toMatchObject({ reason: 'exec', message: expect.stringContaining(path) })
})
