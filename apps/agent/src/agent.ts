import { realpath } from 'node:fs/promises'
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import type { AgentSettings } from '@berth/config/part-settings.js'
import { AppError } from '@berth/domain/app-error.js'
import { SERVICE_ACCOUNTS } from '@berth/domain/run-as/service-accounts.js'
import { AGENT_PROTOCOL, PRODUCT_VERSION } from '@berth/domain/versions.js'
import type { HostFacts } from '@berth/protocol/gen/berth/agent/v1/session.js'
import type { AgentEvents } from './events.js'
import { nextAgentRun } from './host/agent-run.js'
import { makeBaseDirs, removeEmptyBaseDirs } from './host/base-dirs.js'
import { readBootId, readBoottimeMs } from './host/boot-id.js'
import { detectCgroups, leavesOf, removeEmptyBases } from './host/cgroups.js'
import { gatherHostFacts } from './host/host-facts.js'
import { HostUsers } from './host/users.js'
import { HOST_FACTS_MS, RUN_DIR_SWEEP_MS } from './limits.js'
import { channelTo } from './session/channel.js'
import { openDownload } from './session/cluster-https.js'
import { DesiredLedger } from './session/desired-ledger.js'
import { EventSender } from './session/event-sender.js'
import { IdentityHolder } from './session/identity-holder.js'
import { LogSender } from './session/log-sender.js'
import { SessionClient, type SessionHandlers } from './session/session-client.js'
import { buildPlan } from './steps/build-plan.js'
import { claimSocket } from './steps/claim-socket.js'
import { fetchBundle } from './steps/fetch-bundle.js'
import { fetchSecrets } from './steps/fetch-secrets.js'
import { launch } from './steps/launch.js'
import { prepareDirs } from './steps/prepare-dirs.js'
import { publishEnvironment } from './steps/publish-environment.js'
import { type AccountSettings, lookUpEarly, resolveIdentity } from './steps/resolve-identity.js'
import { sealOutput } from './steps/seal-output.js'
import { waitReady } from './steps/wait-ready.js'
import { StartGate } from './supervisor/start-gate.js'
import { Supervisor } from './supervisor/supervisor.js'

export interface Agent {
  /** Ends the agent; content goes on. */
  leave(): Promise<void>
  /** Ends all content, then the agent, leaving nothing behind. */
  stopContent(): Promise<void>
}

/** Wires the rooms together and starts: first whatever runs already is found again, then the control plane is dialled. */
export async function startAgent(settings: AgentSettings, events: AgentEvents): Promise<Agent> {
  const users = new HostUsers()
  const gatewayGid = await users.gidOfGroup(settings.gatewayGroup)
  if (gatewayGid === undefined)
    throw new AppError('invalid', `this host has no group "${settings.gatewayGroup}": install the product's accounts`)
  const dirs = await makeBaseDirs(settings, gatewayGid)
  const bootId = readBootId()
  const cgroups = await detectCgroups()
  const agentRun = await nextAgentRun(dirs.stateDir)
  events.starting({ version: PRODUCT_VERSION, agentRun, bootId, cgroupMode: cgroups.mode })
  const ledger = await DesiredLedger.open(dirs.stateDir)
  const facts = rememberedFor(HOST_FACTS_MS, () =>
    gatherHostFacts({ ...settings, defaultAccount: settings.runAs.defaultAccount }, users, cgroups),
  )
  const accounts = await accountSettings(settings, users)
  const stopping = new AbortController()
  const identity = new IdentityHolder(
    { stateDir: dirs.stateDir, address: settings.controlPlane, joinToken: settings.joinToken },
    events,
  )
  const channel = () => channelTo(settings.controlPlane, identity.current)

  const handlers: SessionHandlers = {
    async hello() {
      return {
        protocolMin: AGENT_PROTOCOL.min,
        protocolMax: AGENT_PROTOCOL.max,
        version: PRODUCT_VERSION,
        bootId,
        agentRun,
        hostname: hostname(),
        ledgerGeneration: ledger.current.generation,
        ledgerDigest: ledger.current.digest,
        facts: await facts(),
        processes: [...supervisor.dirs.values()].map((dir) => ({ processId: dir.id, lastSeq: dir.lastSeq })),
      }
    },
    welcomed: (welcome, send) => eventSender.connected(welcome.stored, send),
    async desired(desired) {
      const { generation, digest } = desired
      if (supervisor.isStopping) return { generation, digest, accepted: false, reason: 'stopping' }
      for (const spec of desired.processes) if (!supervisor.dirs.has(spec.processId)) lookUpEarly(accounts, users, spec.runAs)
      const answer = await ledger.accept(desired)
      if (answer.kind === 'refused') {
        events.desiredRefused({ generation, reason: answer.reason })
        return { generation, digest, accepted: false, reason: answer.reason }
      }
      events.desiredAccepted({ generation, processes: desired.processes.length })
      void supervisor.apply(desired.processes)
      return { generation, digest, accepted: true, reason: '' }
    },
    eventsAcked: (ack) => eventSender.acked(ack),
    heartbeat: () => ({ boottimeMs: readBoottimeMs(), running: supervisor.running() }),
    ended: () => eventSender.disconnected(),
    unknownNode: () => identity.renounce(),
  }
  const session = new SessionClient(channel, handlers, events)
  const logSender = new LogSender(channel, (id) => supervisor.settle(id), events)
  const gate = new StartGate(availableParallelism())

  const installDir = await realpath(settings.installDir)
  const launcher = join(installDir, 'libexec', 'launcher')
  const supervisor: Supervisor = new Supervisor({
    dirs,
    runsDir: join(dirs.stateDir, 'runs'),
    bootId,
    cgroupsOf: (id) => leavesOf(cgroups, id),
    events,
    opened: (dir) => logSender.add(dir),
    closed: (id) => logSender.remove(id),
    runner: {
      startGroups: [
        [resolveIdentity(accounts, users)],
        [
          prepareDirs((appDir, except) => supervisor.accountsUsing(appDir, except)),
          fetchSecrets((id, fence, signal) => session.fetchLaunchSecrets(id, fence, signal)),
          fetchBundle((path, signal) => openDownload(settings.controlPlane, path, identity.current, signal)),
        ],
        [
          buildPlan(
            { ...settings, dirs: { ...dirs, installDir, configDirs: settings.configDirs, sqliteDir: settings.sqliteDir } },
            facts,
          ),
        ],
        [launch(launcher, (id) => logSender.wake(id))],
      ],
      readyGroups: [[waitReady()], [claimSocket(gatewayGid)]],
      outputGroups: [[sealOutput(gatewayGid), publishEnvironment()]],
      events,
      enterStart: () => gate.enter(),
      reported: () => eventSender.wake(),
      wroteLog: (id) => logSender.wake(id),
    },
  })
  const eventSender = new EventSender(supervisor.dirs, (id) => supervisor.settle(id))

  await supervisor.adoptAll()
  const sweep = setInterval(() => supervisor.settleAll(), RUN_DIR_SWEEP_MS)
  const sessions = identity.ready(stopping.signal).then(async () => {
    if (stopping.signal.aborted) return
    const reconnect = () => {
      session.reconnect()
      logSender.reconnect()
    }
    await Promise.all([session.run(stopping.signal), logSender.run(stopping.signal), identity.keep(stopping.signal, reconnect)])
  })
  sessions.catch((error: unknown) => events.failed('the session with the control plane broke', error))

  const leave = async () => {
    clearInterval(sweep)
    stopping.abort()
    await sessions.catch(() => undefined)
    await Promise.all([...supervisor.dirs.values()].map((dir) => dir.writeAcked().catch(() => undefined)))
  }
  return {
    leave,
    async stopContent() {
      await supervisor.stopAll('shutdown')
      await leave()
      await removeEmptyBaseDirs(dirs)
      await removeEmptyBases(cgroups)
    },
  }
}

/** The product's own accounts are refused whatever the settings list. Their numbers do not change while we run. */
async function accountSettings(settings: AgentSettings, users: HostUsers): Promise<AccountSettings> {
  const serviceAccounts = [...new Set([...SERVICE_ACCOUNTS, ...settings.serviceAccounts])]
  const services = await Promise.all(serviceAccounts.map((name) => users.user(name)))
  const serviceUids = new Set(services.map((service) => service?.uid).filter((uid) => uid !== undefined))
  return { ...settings.runAs, serviceAccounts, serviceUids }
}

/** One gathering at a time, remembered for so long. */
function rememberedFor(ms: number, gather: () => Promise<HostFacts>): () => Promise<HostFacts> {
  let atMs = Number.NEGATIVE_INFINITY
  let facts: Promise<HostFacts> | undefined
  return () => {
    if (facts === undefined || performance.now() - atMs > ms) {
      atMs = performance.now()
      facts = gather()
      facts.catch(() => {
        facts = undefined
      })
    }
    return facts
  }
}
