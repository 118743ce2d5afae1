// A host's directories as the agent makes them, in a root of their own, and plans by planSandbox for content in them: the
// sandbox that these tests look out of is the one that content gets.
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import type { UnixUser } from '@berth/domain/run-as/resolve-run-as.js'
import type { SandboxPlan } from '@berth/sandbox-plan/plan.js'
import { OPTIONAL_MASKS } from '@berth/sandbox-plan/plan-masks.js'
import { planSandbox } from '@berth/sandbox-plan/plan-sandbox.js'
import { MNT, MNT_DIRECTORIES } from '@berth/sandbox-plan/sandbox-paths.js'
import type { SandboxFacts, SandboxSpec } from '@berth/sandbox-plan/sandbox-spec.js'
import type { TestAccount } from '@berth/testing/test-accounts.js'
import { LauncherScene, type LaunchOptions, launch, type RunningLauncher, readLog } from './launcher-driver.js'

export interface Content {
  readonly plan: SandboxPlan
  readonly facts: SandboxFacts
}

export class ContentScene {
  readonly scene: LauncherScene
  readonly binary: string
  private count = 0

  constructor(binary: string, account: TestAccount) {
    this.binary = binary
    this.scene = new LauncherScene(account)
    for (const name of ['data', 'state', 'run', 'config', 'temp']) this.scene.directory(name, 0o711)
    writeFileSync(this.scene.path('data/secret.txt'), 'secret', { mode: 0o644 })
    writeFileSync(this.scene.path('config/berth.gcfg'), 'secret', { mode: 0o644 })
    makeMountRoot()
  }

  /** A process of a content that runs `code` as /usr/bin/python3 -c instead of a server. */
  python(code: string, options: { account?: TestAccount; content?: string; spec?: Partial<SandboxSpec> } = {}): Content {
    this.count += 1
    const account = options.account ?? (this.scene.account as TestAccount)
    const processId = `p${this.count}`
    const facts = this.facts(processId, options.content ?? '1', account)
    const spec: SandboxSpec = {
      processId,
      work: { kind: 'serve', appMode: 'python-api', entrypoint: 'app' },
      content: { guid: 'g', contentId: options.content ?? '1', bundleId: '1' },
      user: userOf(account),
      env: {},
      hasSecretEnv: false,
      supervisor: [],
      homeMounting: false,
      privateTmp: true,
      rConfigActive: 'rsconnect',
      ...options.spec,
    }
    const decision = planSandbox(spec, facts)
    if (decision.kind === 'refuse') throw new Error(decision.message)
    const supervisor = decision.plan.args.slice(0, spec.supervisor.length)
    return { plan: { ...decision.plan, args: [...supervisor, '/usr/bin/python3', '-c', code] }, facts }
  }

  start(content: Content, options: Partial<LaunchOptions> = {}): RunningLauncher {
    return launch({ binary: this.binary, plan: content.plan, runDir: content.plan.runDir, ...options })
  }

  /** Runs Python that prints one JSON value and gives it back. */
  async ask(
    code: string,
    options: Parameters<ContentScene['python']>[1] = {},
    launchOptions: Partial<LaunchOptions> = {},
  ): // biome-ignore lint/suspicious/noExplicitAny: the shape is whatever the test's own code prints
  Promise<any> {
    const content = this.python(`import json, os\n${code}`, options)
    const running = this.start(content, launchOptions)
    const exitCode = await running.exitCode
    const stderr = running.events.some((event) => event.event === 'mounted')
      ? readLog(content.plan.runDir, 'stderr')
      : running.complaints()
    if (exitCode !== 0) throw new Error(`the probe ended with ${exitCode}: ${stderr} ${JSON.stringify(running.events)}`)
    return JSON.parse(readLog(content.plan.runDir, 'stdout'))
  }

  remove(): void {
    this.scene.remove()
  }

  private facts(processId: string, content: string, account: TestAccount): SandboxFacts {
    const own = (name: string): string => {
      const path = this.scene.directory(name, 0o700)
      chownSync(path, account.uid, account.gid)
      return path
    }
    const root = (name: string): string => this.scene.directory(name, 0o711)
    root('data/apps')
    root(`data/apps/${content}`)
    root('run/p')
    root('temp/berth-workspaces')
    this.scene.directory('state/runs', 0o700)
    chmodSync(this.scene.directory(`temp/berth-workspaces/${processId}`, 0o700), 0o700)
    const workspace = `temp/berth-workspaces/${processId}`
    return {
      dirs: {
        dataDir: this.scene.path('data'),
        tempDir: this.scene.path('temp'),
        runDir: this.scene.path('run'),
        stateDir: this.scene.path('state'),
        installDir: '/usr/lib/berth/1',
        configDirs: [this.scene.path('config')],
        sqliteDir: null,
      },
      processDir: this.scene.directory(`state/runs/${processId}`, 0o700),
      socketDir: own(`run/p/${processId}`),
      appDir: own(`data/apps/${content}/1`),
      workspace: {
        tmp: own(`${workspace}/tmp`),
        privateTmp: own(`${workspace}/private-tmp`),
        privateVarTmp: own(`${workspace}/private-var-tmp`),
      },
      pythonExecutable: '/usr/bin/python3',
      rExecutable: null,
      presentMasks: OPTIONAL_MASKS.filter((path) => existsSync(path)),
      homeExists: false,
      hasMqueue: existsSync('/dev/mqueue'),
      cgroups: [],
    }
  }
}

export function userOf(account: TestAccount): UnixUser {
  return {
    name: account.name,
    uid: account.uid,
    gid: account.gid,
    gids: [account.gid],
    home: `/nonexistent/${account.name}`,
    shell: '/usr/sbin/nologin',
  }
}

/** As an installation does; the empty directories stay, for a Berth that may be running beside the tests uses the same. */
function makeMountRoot(): void {
  for (const name of MNT_DIRECTORIES) mkdirSync(`${MNT}/${name}`, { recursive: true, mode: 0o755 })
}
