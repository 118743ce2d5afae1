// Launch of /bin/true in a sandbox, to its reported exit; and the private memory that stays behind per process.
//
//   node test/bench/launch.bench.mjs [ROUNDS]        as root; writes test/bench/results/launch.json
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'

const HERE = import.meta.dirname
const LAUNCHER_DIR = join(HERE, '../../packages/launcher')
const LAUNCHER = join(LAUNCHER_DIR, 'build/launcher')
const RESULTS = join(HERE, 'results')
const ROUNDS = Number(process.argv[2] ?? 150)
const WARM_UP_ROUNDS = 5
const MEMORY_COPIES = 10
const UID = 65_534

const loadBefore = loadavg()[0]
const goals = { ofBwrap: 0.75, ofFloor: 1.4, privateKbMax: 200 }

execFileSync('make', ['-s', '-C', LAUNCHER_DIR], { stdio: 'inherit' })
const scratch = mkdtempSync('/var/lib/berth-launch-bench-')
const leafName = `berth-launch-bench-${process.pid}`
const leaves = writableHierarchies().map((path) => join(path, leafName))
/** Processes that hold a namespace open for a case. */
const keepers = []
try {
  const tools = compile()
  const scene = makeScene()
  const cases = await makeCases(scene, tools)
  measure(tools.harness, cases, WARM_UP_ROUNDS)
  const samples = measure(tools.harness, cases, ROUNDS)
  const memory = await memoryLeftBehind(scene)
  report(samples, memory)
} finally {
  for (const keeper of keepers) await ended(keeper)
  for (const leaf of leaves) {
    if (existsSync(leaf)) rmdirSync(leaf)
  }
  rmSync(scratch, { recursive: true, force: true })
}

function ended(child) {
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  return closed
}

function compile() {
  const build = (name) => {
    const out = join(scratch, name)
    execFileSync('cc', ['-std=c17', '-O2', '-Wall', '-Wextra', '-o', out, join(HERE, 'floor', `${name}.c`)])
    return out
  }
  return { harness: build('harness'), floor: build('floor'), enter: build('enter') }
}

/** Ten places: seven exposures and three directories to hide, as a process of an application has them. */
function makeScene() {
  const dir = (name) => {
    const path = join(scratch, name)
    mkdirSync(path, { recursive: true, mode: 0o755 })
    return path
  }
  execFileSync('chmod', ['0711', scratch])
  const exposures = ['app', 'R', 'packrat', 'environments', 'tmp', 'run', 'home'].map((name) => ({
    from: dir(`data/${name}`),
    to: dir(`mnt/${name}`),
  }))
  const hidden = ['data', 'config', 'workspaces'].map((name) => dir(name))
  return { exposures, hidden, empty: dir('empty'), runs: dir('runs'), others: dir('others') }
}

function encode(fields) {
  return Buffer.from(
    fields
      .flat()
      .map((word) => `${word}\0`)
      .join(''),
  )
}

function planFor(scene, { runDir, cgroups, args, mounts = [] }) {
  return encode([
    ['version', '1'],
    ['id', 'bench'],
    ['run-dir', runDir],
    ['uid', String(UID)],
    ['gid', String(UID)],
    ['group', String(UID)],
    ...cgroups.map((path) => ['cgroup', path]),
    ...scene.exposures.flatMap(({ from, to }) => [
      ['mount', 'bind rw,nosuid,nodev'],
      ['from', from],
      ['to', to],
    ]),
    ...scene.hidden.flatMap((to) => [
      ['mount', 'mask'],
      ['to', to],
    ]),
    ...mounts,
    ['mount', 'proc'],
    ['to', '/proc'],
    ['workdir', '/'],
    ['env', 'PATH=/usr/bin:/bin'],
    ...args.map((word) => ['arg', word]),
  ])
}

async function makeCases(scene, tools) {
  const runDir = join(scene.runs, 'one')
  const plan = (name, cgroups) => {
    const path = join(scratch, name)
    writeFileSync(path, planFor(scene, { runDir, cgroups, args: ['/bin/true'] }))
    return path
  }
  const binds = [...scene.exposures, ...scene.hidden.map((to) => ({ from: scene.empty, to }))]
  const setpriv = [
    '/usr/bin/setpriv',
    `--reuid=${UID}`,
    `--regid=${UID}`,
    '--clear-groups',
    '--no-new-privs',
    '--inh-caps=-all',
    '--bounding-set=-all',
  ]
  const bwrap = [
    ...['/usr/bin/bwrap', '--dev-bind', '/', '/', ...binds.flatMap(({ from, to }) => ['--bind', from, to])],
    ...['--proc', '/proc', '--unshare-pid', '--unshare-ipc', '--cap-add', 'ALL'],
  ]
  const pairs = binds.flatMap(({ from, to }) => [from, to])
  const cases = [
    { name: 'fork+exec', kind: 'exec', leaves: [], words: ['/bin/true'] },
    {
      name: 'floor',
      kind: 'exec',
      leaves,
      words: [tools.floor, String(UID), String(UID), leaves.join(',') || '-', ...pairs, '--', '/bin/true'],
    },
    {
      name: 'floor-no-cgroups',
      kind: 'exec',
      leaves: [],
      words: [tools.floor, String(UID), String(UID), '-', ...pairs, '--', '/bin/true'],
    },
    { name: 'launcher', kind: 'launcher', leaves, words: [LAUNCHER, plan('plan', leaves), runDir] },
    { name: 'launcher-no-cgroups', kind: 'launcher', leaves: [], words: [LAUNCHER, plan('plan-no-cgroups', []), runDir] },
  ]
  if (existsSync('/usr/bin/bwrap')) {
    cases.push({ name: 'bwrap', kind: 'exec', leaves: [], words: [...bwrap, ...setpriv, '/bin/true'] })
  } else console.log('bwrap: skipped, it is not installed')
  const crun = await crunCase(scene, binds, tools.enter)
  if (crun !== undefined) cases.push(crun)
  return cases
}

/**
 * crun refuses a hybrid cgroup tree and cannot pivot to `/`: it is run in a mount namespace of its own, without the unified tree and with a
 * bind of the host as its root. Entering that costs crun one setns and one exec.
 */
async function crunCase(scene, binds, enter) {
  if (!existsSync('/usr/bin/crun')) return void console.log('crun: skipped, it is not installed')
  const bundle = join(scratch, 'bundle')
  const root = join(bundle, 'rootfs')
  mkdirSync(root, { recursive: true })
  writeFileSync(
    join(bundle, 'config.json'),
    JSON.stringify({
      ociVersion: '1.0.2',
      root: { path: 'rootfs', readonly: false },
      process: {
        user: { uid: UID, gid: UID },
        cwd: '/',
        args: ['/bin/true'],
        env: ['PATH=/usr/bin:/bin'],
        noNewPrivileges: true,
        capabilities: {},
      },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc' },
        ...binds.map(({ from, to }) => ({ destination: to, type: 'bind', source: from, options: ['bind', 'nosuid', 'nodev'] })),
      ],
      linux: { namespaces: ['pid', 'ipc', 'mount'].map((type) => ({ type })) },
    }),
  )
  const unified = '/sys/fs/cgroup/unified'
  const view = `if mountpoint -q ${unified}; then umount ${unified}; fi; mount --rbind / ${root} && echo ready && exec sleep 3600`
  const keeper = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', view], { stdio: ['ignore', 'pipe', 'inherit'] })
  keepers.push(keeper)
  await new Promise((resolve, reject) => {
    keeper.stdout.once('data', resolve)
    keeper.once('close', () => reject(new Error('no mount namespace for crun')))
  })
  const crun = ['/usr/bin/crun', `--root=${join(scene.others, 'crun')}`, 'run', '--bundle', bundle, 'berth-launch-bench']
  const words = [enter, `/proc/${keeper.pid}/ns/mnt`, ...crun]
  const { status, stderr } = spawnSync(words[0], words.slice(1), { encoding: 'utf8' })
  if (status === 0) return { name: 'crun', kind: 'exec', leaves: [], words }
  console.log(`crun: skipped, it refuses this host: ${stderr.trim().split('\n')[0]}`)
  return undefined
}

function measure(harness, cases, rounds) {
  const words = cases.flatMap(({ name, kind, leaves, words }) => ['case', name, kind, leaves.join(',') || '-', ...words])
  const runs = join(scratch, 'runs')
  const out = execFileSync(harness, [String(rounds), runs, ...words], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const samples = {}
  for (const line of out.trim().split('\n')) {
    const [name, reported, reaped, maxrss] = line.split(' ')
    samples[name] ??= { reportedUs: [], reapedUs: [], maxrssKb: [] }
    samples[name].reportedUs.push(Number(reported))
    samples[name].reapedUs.push(Number(reaped))
    samples[name].maxrssKb.push(Number(maxrss))
  }
  return samples
}

/** Several at once: what they share is then counted as shared. */
async function memoryLeftBehind(scene) {
  const running = []
  for (let copy = 0; copy < MEMORY_COPIES; copy++) {
    const runDir = join(scene.others, `sleep-${copy}`)
    mkdirSync(runDir, { mode: 0o700 })
    const child = spawn(LAUNCHER, [], {
      argv0: 'launcher',
      env: {},
      cwd: '/',
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
    })
    child.stdio[3].end(planFor(scene, { runDir, cgroups: [], args: ['/bin/sleep', '600'] }))
    const started = await new Promise((resolve, reject) => {
      let text = ''
      child.stdio[4].on('data', (bytes) => {
        text += bytes
        const line = text.split('\n').find((one) => one.includes('"started"'))
        if (line !== undefined) resolve(JSON.parse(line))
      })
      child.once('close', () => reject(new Error(`the launcher ended: ${text}`)))
    })
    running.push({ child, started })
  }
  const privateKb = (pid) => {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return ['Private_Clean', 'Private_Dirty'].reduce(
      (sum, name) => sum + Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]),
      0,
    )
  }
  const perProcess = running.map(({ started }) => ({ monitorKb: privateKb(started.monitor), initKb: privateKb(started.init) }))
  for (const { child } of running) {
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGTERM')
    await closed
  }
  return perProcess
}

function writableHierarchies() {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => ({ path: line.split(' ')[4], unified: / - cgroup2 /.test(line) }))
    .filter(({ path, unified }) => unified || /\/(memory|pids|cpu)$/.test(path))
    .sort((a, b) => Number(a.unified) - Number(b.unified))
    .map(({ path }) => path)
    .filter((path) => {
      const probe = join(path, `${leafName}-probe`)
      try {
        mkdirSync(probe)
        rmdirSync(probe)
        return true
      } catch {
        return false
      }
    })
}

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
}

function report(samples, memory) {
  const median = (name) => quantile(samples[name].reportedUs, 0.5)
  const table = Object.entries(samples).map(([name, { reportedUs, reapedUs }]) => ({
    case: name,
    'min ms': ms(Math.min(...reportedUs)),
    'median ms': ms(quantile(reportedUs, 0.5)),
    'p95 ms': ms(quantile(reportedUs, 0.95)),
    'median reaped ms': ms(quantile(reapedUs, 0.5)),
  }))
  console.table(table)
  const privateKb = quantile(
    memory.map(({ monitorKb, initKb }) => monitorKb + initKb),
    0.5,
  )
  const results = [
    ...(samples.bwrap === undefined
      ? []
      : [{ what: 'launcher / bwrap', value: round(median('launcher') / median('bwrap')), atMost: goals.ofBwrap }]),
    { what: 'launcher / floor', value: round(median('launcher') / median('floor')), atMost: goals.ofFloor },
    { what: 'private memory left behind per process, KiB', value: privateKb, atMost: goals.privateKbMax },
  ].map((result) => ({ ...result, met: result.value <= result.atMost }))
  console.table(results)
  mkdirSync(RESULTS, { recursive: true })
  const machine = {
    kernel: release(),
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    loadBefore,
    memoryBytes: totalmem(),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length - 1,
    leaves: leaves.length,
  }
  writeFileSync(join(RESULTS, 'launch.json'), `${JSON.stringify({ machine, rounds: ROUNDS, results, memory, samples })}\n`)
  if (loadBefore > 0.5) console.log(`the machine was not idle (load ${loadBefore}): launches share its cores with something else`)
  if (results.some(({ met }) => !met)) process.exitCode = 1
}

function ms(us) {
  return round(us / 1000)
}

function round(value) {
  return Math.round(value * 100) / 100
}
