import { DatamaestroError } from "@datamaestro/protocol"
import { rememberedHosts } from "../deploy/remembered-host.ts"
import { heldConnections, type HeldConnectionFacts } from "../hold/held-connections.ts"
import { remoteMachine } from "../machine.ts"
import { resolveSshSettings } from "../transport/ssh-settings-resolution.ts"
import { sshAddress } from "../transport/ssh-settings.ts"
import type { SshTarget } from "../transport/ssh-target.ts"
import type { DirectCommand } from "./command.ts"
import type { Invocation } from "./invocation.ts"
import { tabLine } from "./tab-line.ts"

interface KnownHost {
  /** As in the user settings, or as typed. */
  host: string
  /** `user@host:port`. */
  address: string
  /** Node there, as it was found the last time. */
  node?: string
  /** Several where commands differ in what decides on a connection, such as an option. */
  held?: HeldFacts[]
}

interface HeldFacts {
  pid: number
  /** ISO 8601. */
  since: string
  /** Commands that use it now. */
  commands: number
  /** Seconds since the last of them. */
  idle?: number
  /** Seconds until it ends, when nobody comes. */
  left?: number
}

/** The hosts of the user settings, those that were connected to, and the connections that are held. */
export function listHosts(): DirectCommand {
  return {
    async execute(invocation) {
      if (invocation.options.host.length > 0) throw ofAll()
      const hosts = knownHosts(invocation, await heldConnections())
      await invocation.write(invocation.options.json ? `${JSON.stringify(hosts)}\n` : hosts.map(lineOf).join(""))
      return undefined
    },
  }
}

function ofAll(): DatamaestroError {
  return new DatamaestroError("USAGE", "Cannot use --host with hosts: it tells of all that are known", {
    hint: "leave --host out; `datamaestro hosts close HOST` ends the connection to one, `doctor` looks at one",
  })
}

/** Ends the connections that are held to the invocation's hosts, or all. */
export function closeHosts(all: boolean): DirectCommand {
  return {
    async execute(invocation) {
      const held = await heldConnections()
      const wanted = all
        ? held
        : invocation.machines.flatMap(({ ssh }) => (ssh === undefined ? [] : belonging(held, ssh)))
      if (wanted.length === 0 && !all) {
        const host = invocation.machines[0]?.host ?? ""
        const message = `No connection to "${host}" is held`
        invocation.reporter.event({ phase: "notice", level: "info", message })
      }
      await Promise.all(wanted.map((connection) => connection.close()))
      const closed = wanted.map(({ address }) => address)
      if (invocation.options.json) await invocation.write(`${JSON.stringify({ closed })}\n`)
      return undefined
    },
  }
}

function belonging(held: readonly HeldConnectionFacts[], ssh: SshTarget): HeldConnectionFacts[] {
  const address = addressOf(ssh)
  return held.filter((each) => each.destination === ssh.destination || each.address === address)
}

function knownHosts({ options, settings }: Invocation, held: readonly HeldConnectionFacts[]): KnownHost[] {
  const nodes = new Map(rememberedHosts().map(({ address, execPath }) => [address, execPath]))
  const named = Object.keys(settings.hosts ?? {}).flatMap((host) => {
    const { ssh } = remoteMachine(host, options, settings)
    return ssh === undefined ? [] : [{ host, address: addressOf(ssh) ?? ssh.destination }]
  })
  const known = new Set(named.map(({ address }) => address))
  const others = held
    .filter(({ address }) => !known.has(address))
    .map(({ destination: host, address }) => ({ host, address }))
  for (const { address } of others) known.add(address)
  const remembered = [...nodes.keys()]
    .filter((address) => !known.has(address))
    .map((address) => ({ host: address, address }))
  const all = [...named, ...new Map(others.map((each) => [each.address, each])).values(), ...remembered]
  return all
    .toSorted((a, b) => (a.host < b.host ? -1 : 1))
    .map(({ host, address }): KnownHost => {
      const node = nodes.get(address)
      const facts = { host, address, ...(node === undefined ? {} : { node }) }
      const connections = held.filter((each) => each.address === address)
      return connections.length === 0 ? facts : { ...facts, held: connections.map(heldFacts) }
    })
}

/** Nothing where the configuration can't be read: it may be another's, of `-F`. */
function addressOf(ssh: SshTarget): string | undefined {
  try {
    return sshAddress(resolveSshSettings(ssh))
  } catch (error) {
    if (error instanceof DatamaestroError) return undefined
    throw error
  }
}

function heldFacts({ pid, since, commands, idle, limit }: HeldConnectionFacts): HeldFacts {
  const times = idle === undefined ? {} : { idle, left: Math.max(0, limit - idle) }
  return { pid, since: new Date(since).toISOString(), commands, ...times }
}

function lineOf({ host, address, node, held }: KnownHost): string {
  const use = (facts: HeldFacts): string =>
    facts.left === undefined
      ? `in use by ${facts.commands} ${facts.commands === 1 ? "command" : "commands"}`
      : `idle for ${facts.idle} s, ends in ${facts.left} s`
  const states = (held ?? [])
    .toSorted((a, b) => (a.since < b.since ? -1 : 1))
    .map((each) => `held since ${each.since}, ${use(each)}, process ${each.pid}`)
  const count = states.length > 1 ? `${states.length} connections: ` : ""
  return tabLine([host, address, node ?? "-", states.length === 0 ? "-" : `${count}${states.join("; ")}`])
}
