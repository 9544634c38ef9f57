import { DatamaestroError } from "@datamaestro/protocol"
import { readFileSync } from "node:fs"
import { BlockList, isIP } from "node:net"
import { networkInterfaces } from "node:os"
import { isAbsolute, join } from "node:path"
import { expandIncludePattern } from "./ssh-config-glob.ts"
import { parseSshConfigLines, type SshConfigLine } from "./ssh-config-lines.ts"
import { connectionTokens } from "./ssh-connection-tokens.ts"
import { expandHome } from "./expand-home.ts"
import { matchExec } from "./match-exec.ts"
import { systemReason } from "../system-reason.ts"
import { requireNoPipe } from "./require-no-pipe.ts"
import { matchesPatternList } from "./ssh-pattern.ts"
import { expandTokens } from "./ssh-tokens.ts"

/** Directives of which every occurrence counts; of all others the first. */
const ACCUMULATED = new Set(["identityfile", "certificatefile", "sendenv"])

const ALIASES: Readonly<Record<string, string>> = {
  challengeresponseauthentication: "kbdinteractiveauthentication",
  keepalive: "tcpkeepalive",
  hostbasedkeytypes: "hostbasedacceptedalgorithms",
  pubkeyacceptedkeytypes: "pubkeyacceptedalgorithms",
}

const MAX_INCLUDE_DEPTH = 16

interface SshConfigContext {
  /** The host as typed, without user and port. */
  originalHost: string
  localUser: string
  home: string
}

/** What a configuration says about one host, by the rules of ssh_config(5): the first value of a directive wins. */
export class SshConfigEvaluation {
  readonly #context: SshConfigContext
  readonly #values = new Map<string, SshConfigLine[]>()
  readonly #said = new Set<string>()
  #final = false
  #wantsFinal = false
  /** What `Host` is compared with: the host as typed, in the final pass the one that it stands for. */
  #hostName: string

  constructor(context: SshConfigContext) {
    this.#context = context
    this.#hostName = context.originalHost
  }

  /** The directive that won, if it was given at all. */
  first(keyword: string): SshConfigLine | undefined {
    return this.#values.get(keyword)?.[0]
  }

  /** The first value of a directive that holds. */
  value(keyword: string): string | undefined {
    return this.first(keyword)?.values[0]
  }

  all(keyword: string): readonly SshConfigLine[] {
    return this.#values.get(keyword) ?? []
  }

  keywords(): IterableIterator<string> {
    return this.#values.keys()
  }

  /** A directive from outside of files; what is set first wins. */
  set(keyword: string, value: string, source: string): void {
    this.#take({ keyword, values: [value], raw: value, source, line: 0 })
  }

  /** What the commands of `Match exec` wrote to their stderr. */
  get said(): readonly string[] {
    return [...this.#said]
  }

  /** Whether a `Match final` asks for reading everything again, with the host name known. */
  get wantsFinalPass(): boolean {
    return this.#wantsFinal
  }

  beginFinalPass(hostName: string): void {
    this.#final = true
    this.#hostName = hostName
  }

  readText(text: string, source: string, includeFolder: string): void {
    this.#apply(parseSshConfigLines(text, source), includeFolder, true, 0)
  }

  /**
   * One directive of the command line.
   *
   * @throws DatamaestroError SSH_CONFIGURATION
   */
  readOption(text: string): void {
    for (const line of parseSshConfigLines(text, "-o")) {
      if (["host", "match", "include"].includes(line.keyword)) throw malformed(line, `"${line.keyword}" is for files`)
      this.#take(line)
    }
  }

  /**
   * @param required whether a file that can't be read is an error: the one named by `-F`
   * @throws DatamaestroError SSH_CONFIGURATION; USAGE when there is no file that `-F` names, and the codes of the storage
   */
  readFile(path: string, includeFolder: string, required: boolean): void {
    const text = readConfigFile(path, required)
    if (text !== undefined) this.readText(text, path, includeFolder)
  }

  #apply(lines: readonly SshConfigLine[], includeFolder: string, enclosing: boolean, depth: number): void {
    let active = enclosing
    for (const line of lines) {
      if (line.keyword === "host") active = enclosing && matchesPatternList(this.#hostName, line.values)
      else if (line.keyword === "match") active = this.#matches(line, enclosing) && enclosing
      else if (line.keyword === "include") this.#include(line, includeFolder, active, depth)
      else if (active) this.#take(line)
    }
  }

  #take(line: SshConfigLine): void {
    const keyword = ALIASES[line.keyword] ?? line.keyword
    const known = this.#values.get(keyword)
    if (known === undefined) this.#values.set(keyword, [line])
    else if (ACCUMULATED.has(keyword) && !known.some((other) => sameValues(other, line))) known.push(line)
  }

  #include(line: SshConfigLine, includeFolder: string, active: boolean, depth: number): void {
    if (depth >= MAX_INCLUDE_DEPTH) throw malformed(line, `includes are nested more than ${MAX_INCLUDE_DEPTH} deep`)
    for (const value of line.values) {
      const expanded = expandHome(value, this.#context.home)
      const pattern = isAbsolute(expanded) ? expanded : join(includeFolder, expanded)
      for (const path of expandIncludePattern(pattern)) {
        const text = readConfigFile(path, false)
        if (text !== undefined) this.#apply(parseSshConfigLines(text, path), includeFolder, active, depth + 1)
      }
    }
  }

  #matches(line: SshConfigLine, evaluate: boolean): boolean {
    let result = true
    const words = [...line.values]
    for (let given = words.shift(); given !== undefined; given = words.shift()) {
      const [, word = given, after] = /^(!?\w+)=(.+)$/s.exec(given) ?? []
      if (after !== undefined) words.unshift(after)
      const negated = word.startsWith("!")
      const attribute = (negated ? word.slice(1) : word).toLowerCase()
      if (attribute === "all" || attribute === "final" || attribute === "canonical") {
        if (attribute === "final") this.#wantsFinal = true
        const holds = attribute === "all" || this.#final
        if (holds === negated) result = false
        continue
      }
      const argument = words.shift()
      if (argument === undefined) throw malformed(line, `"${word}" needs a value`)
      // A command is only run when everything before it has matched, as in OpenSSH.
      const holds = this.#criterionHolds(attribute, argument, line, evaluate && result)
      if (holds === negated) result = false
    }
    return result
  }

  #criterionHolds(attribute: string, argument: string, line: SshConfigLine, evaluate: boolean): boolean {
    const patterns = argument.split(",")
    // Of names of hosts, only those of `Host` mind the case.
    const isHost = (name: string): boolean => matchesPatternList(name.toLowerCase(), argument.toLowerCase().split(","))
    switch (attribute) {
      case "host":
        return isHost(this.#currentHostName())
      case "originalhost":
        return isHost(this.#context.originalHost)
      case "user":
        return matchesPatternList(this.value("user") ?? this.#context.localUser, patterns)
      case "localuser":
        return matchesPatternList(this.#context.localUser, patterns)
      case "tagged":
        return matchesPatternList(this.value("tag") ?? "", patterns)
      case "localnetwork":
        return isInNetworks(patterns, line)
      // Of whatever is run there, one after the other: none of it is a shell for a person.
      case "sessiontype":
        return matchesPatternList("exec", patterns)
      case "command":
      case "version":
        return matchesPatternList("datamaestro", patterns)
      case "exec": {
        if (!evaluate) return false
        const command = expandTokens(argument, this.#tokens())
        const { holds, said } = matchExec(command)
        if (said !== "") this.#said.add(`Match exec of ${line.source}, line ${line.line} says: ${said}`)
        return holds
      }
      default:
        throw malformed(line, `"Match ${attribute}" is not known`)
    }
  }

  #currentHostName(): string {
    if (this.#final) return this.#hostName
    const given = this.value("hostname")
    return given === undefined ? this.#context.originalHost : expandTokens(given, { h: this.#context.originalHost })
  }

  #tokens(): Record<string, string> {
    const { originalHost, localUser, home } = this.#context
    return connectionTokens({
      home,
      localUser,
      originalHost,
      hostName: this.#currentHostName(),
      port: this.value("port") ?? "22",
      user: this.value("user") ?? localUser,
      hostKeyAlias: this.value("hostkeyalias"),
      jump: this.value("proxyjump")?.split(",").at(-1),
    })
  }
}

/** Whether this machine has an address in one of the networks, such as `192.168.1.0/24`. */
function isInNetworks(networks: readonly string[], line: SshConfigLine): boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = "", length] = network.split("/")
    const family = isIP(address)
    const bits = family === 6 ? 128 : 32
    const prefix = length === undefined ? bits : /^\d+$/.test(length) ? Number(length) : bits + 1
    if (family === 0 || prefix > bits) throw malformed(line, `"${network}" is no network such as 192.168.1.0/24`)
    list.addSubnet(address, prefix, family === 6 ? "ipv6" : "ipv4")
  }
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return own.some(({ address, family }) => list.check(address, family === "IPv6" ? "ipv6" : "ipv4"))
}

function sameValues(one: SshConfigLine, other: SshConfigLine): boolean {
  return one.values.join("\0") === other.values.join("\0")
}

function readConfigFile(path: string, required: boolean): string | undefined {
  try {
    requireNoPipe(path)
    const text = readFileSync(path, "utf8")
    if (!text.includes("\0")) return text
  } catch (cause) {
    if (!required) return undefined
    throw cannotRead(path, cause)
  }
  throw new DatamaestroError("SSH_CONFIGURATION", `Cannot read SSH configuration "${path}": it is not UTF-8`, {
    hint: "save it as UTF-8, which ssh wants, too; PowerShell's > and Out-File write UTF-16 unless -Encoding ascii is added",
    details: { path },
  })
}

/**
 * Refuses a pipe in the place of the file that `-F` names: `ssh` would wait for whoever writes into it.
 *
 * @throws DatamaestroError USAGE
 */
export function refuseConfigPipe(path: string): void {
  try {
    requireNoPipe(path)
  } catch (cause) {
    throw cannotRead(path, cause)
  }
}

function cannotRead(path: string, cause: unknown): DatamaestroError {
  const { code, reason } = systemReason(cause)
  const { code: system = "a pipe" } = cause as NodeJS.ErrnoException
  const none = system === "ENOENT" || system === "a pipe"
  return new DatamaestroError(none ? "USAGE" : code, `Cannot read SSH configuration "${path}": ${reason}`, {
    hint: "name an existing file with -F, or leave -F out to use ~/.ssh/config",
    details: { path },
    cause,
  })
}

function malformed(line: SshConfigLine, why: string): DatamaestroError {
  if (line.source === "-o") {
    throw new DatamaestroError("USAGE", `Cannot use SSH option "${line.keyword} ${line.raw}": ${why}`, {
      hint: "give an option of ssh_config(5) to -o",
      details: { option: line.keyword },
    })
  }
  return new DatamaestroError(
    "SSH_CONFIGURATION",
    `Cannot read SSH configuration "${line.source}": line ${line.line}: ${why}`,
    {
      hint: `correct line ${line.line} of ${line.source}`,
      details: { path: line.source, line: line.line },
    },
  )
}
