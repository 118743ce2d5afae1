// The three parts of a single host: what each is told, whom it runs as and how it shows that it is ready.
import {
  type DatabasePasswords,
  deriveAgentSettings,
  deriveControlPlaneSettings,
  deriveGatewaySettings,
  derivePaths,
  SERVICE_ACCOUNTS,
} from '@berth/config/derive-part-settings.js'
import type { LoadedConfig } from '@berth/config/load-config.js'
import type { ControlPlaneSettings, PartName } from '@berth/config/part-settings.js'
import { findAccount } from '../host/accounts.js'
import { INSTALL_DIR } from '../install-dir.js'
import { newJoinToken } from '../run-admin.js'
import { isEnrolledHere } from './agent-enrolment.js'
import { acceptsConnections, answersHttp } from './ask-part.js'
import type { Part } from './part.js'

const LOW_PORTS_END = 1_024
const ROOT = { name: 'root', uid: 0, gid: 0 }

/** change: what this start alone tells the control plane, such as a bootstrap secret of its own. */
export function controlPlanePart(
  config: LoadedConfig,
  passwords: DatabasePasswords,
  change: Partial<ControlPlaneSettings> = {},
): Part & { readonly plain: ControlPlaneSettings } {
  const { httpSocket } = derivePaths(config)
  const plain = { ...deriveControlPlaneSettings(config, passwords, INSTALL_DIR), ...change }
  return {
    name: 'control-plane',
    account: findAccount(SERVICE_ACCOUNTS.server),
    plain,
    settings: async () => plain,
    isReady: async () => (await acceptsConnections(httpSocket)) && (await answersHttp({ socketPath: httpSocket }, '/__ping__')),
  }
}

/** joinToken: asked for when the agent is not enrolled. */
export function agentPart(config: LoadedConfig, joinToken: () => Promise<string>): Part {
  const { stateDir, dataDir } = derivePaths(config)
  const isRemote = config.value('Agent', 'ControlPlane') !== null
  return {
    name: 'agent',
    account: ROOT,
    async settings() {
      const enrolled = isEnrolledHere(stateDir, dataDir)
      return deriveAgentSettings(config, enrolled ? null : await joinToken(), INSTALL_DIR)
    },
    // An identity is there once it has enrolled; that it is connected shows in the nodes.
    isReady: async () => isRemote || isEnrolledHere(stateDir, dataDir),
  }
}

export function gatewayPart(config: LoadedConfig): Part {
  const settings = deriveGatewaySettings(config)
  const { port } = settings.listen
  return {
    name: 'gateway',
    account: findAccount(SERVICE_ACCOUNTS.gateway),
    bindsLowPort: port < LOW_PORTS_END,
    settings: async () => settings,
    isReady: () => answersHttp({ host: hostForUs(settings.listen.host), port }, '/__ping__'),
  }
}

/** passwords: asked for only where the database is needed. */
export function partOf(name: PartName, config: LoadedConfig, passwords: () => DatabasePasswords): Part {
  const controlPlane = () => controlPlanePart(config, passwords())
  switch (name) {
    case 'control-plane':
      return controlPlane()
    case 'agent':
      return agentPart(config, async () => (await newJoinToken(controlPlane().plain)).token)
    case 'gateway':
      return gatewayPart(config)
  }
}

/** Where we ourselves reach what listens on this host. */
export function hostForUs(host: string): string {
  return host === '' || host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host
}

/** Base of addresses for a program on this host. */
export function baseForUs(listen: { readonly host: string; readonly port: number }): string {
  const host = hostForUs(listen.host)
  return `http://${host.includes(':') ? `[${host}]` : host}:${listen.port}`
}
