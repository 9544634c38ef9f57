import { DatamaestroError } from "@datamaestro/protocol"
import { createHash } from "node:crypto"
import { knownHostName, readKnownHosts, recordKnownHost, unreadAmong, type KnownHost } from "./known-hosts.ts"
import type { Prompter, Question } from "./prompter.ts"
import { rsaSize } from "./rsa-size.ts"
import { sshCommand } from "./ssh-command.ts"
import type { SshSettings } from "./ssh-settings.ts"

export type Notice = (level: "debug" | "info" | "warning", message: string) => void

/** The key by which a server proves to be the one that was meant. */
export interface HostKey {
  type: string
  blob: Buffer
  /** `SHA256:…` or `MD5:…`, as OpenSSH prints it. */
  fingerprint: string
}

/**
 * @param blob the key as it is on the wire (RFC 4253 section 6.6): a length-prefixed name first
 * @param hash of its fingerprint, see FingerprintHash
 */
export function readHostKey(blob: Buffer, hash = "sha256"): HostKey {
  const type = blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1")
  const digest = createHash(hash).update(blob)
  const text = hash === "md5" ? digest.digest("hex").replace(/..(?!$)/g, "$&:") : digest.digest("base64")
  return { type, blob, fingerprint: `${hash.toUpperCase()}:${text.replace(/=+$/, "")}` }
}

/** What is known about one host's keys, and the decision about the one it shows. */
export class HostKeyCheck {
  readonly #settings: SshSettings
  readonly #name: string
  readonly #known: readonly KnownHost[]
  /** Entries for the host without its port, which OpenSSH accepts where they match. */
  readonly #withoutPort: readonly KnownHost[]

  private constructor(settings: SshSettings, name: string, known: KnownHost[], withoutPort: KnownHost[]) {
    this.#settings = settings
    this.#name = name
    this.#known = known
    this.#withoutPort = withoutPort
  }

  static async load(settings: SshSettings): Promise<HostKeyCheck> {
    const { hostKeyAlias, hostName, port } = settings
    const files = [...settings.userKnownHostsFiles, ...settings.globalKnownHostsFiles]
    const name = hostKeyAlias?.toLowerCase() ?? knownHostName(hostName, port)
    const plain = hostKeyAlias === undefined && port !== 22 ? await readKnownHosts(files, hostName.toLowerCase()) : []
    return new HostKeyCheck(settings, name, await readKnownHosts(files, name), plain)
  }

  /** A key with the fingerprint that the configuration wants to see. */
  read(blob: Buffer): HostKey {
    return readHostKey(blob, this.#settings.fingerprintHash)
  }

  /** Key types to ask the server for first, so that it shows a key that is known. */
  get knownTypes(): string[] {
    const entries = [...this.#known, ...this.#withoutPort].filter((entry) => entry.marker === undefined)
    return [...new Set(entries.map((entry) => entry.type))]
  }

  /**
   * Accepts the key, recording it where that was asked for, or throws.
   *
   * @throws DatamaestroError HOST_KEY_CHANGED, HOST_KEY_UNKNOWN; INTERRUPTED when the person gave up
   */
  async verify(key: HostKey, prompter: Prompter, onNotice: Notice): Promise<void> {
    const { requiredRsaSize } = this.#settings
    const size = rsaSize(key.blob)
    if (size !== undefined && size < requiredRsaSize) throw this.#short(key, size)
    const everything = [...this.#known, ...this.#withoutPort]
    const revoked = everything.find((entry) => entry.marker === "@revoked" && entry.key.equals(key.blob))
    if (revoked !== undefined) throw this.#revoked(key, revoked)
    const plain = this.#known.filter((entry) => entry.marker === undefined)
    const accepted = [...plain, ...this.#withoutPort.filter((entry) => entry.marker === undefined)]
    if (accepted.some((entry) => entry.key.equals(key.blob))) return
    const changed = plain.find((entry) => entry.type === key.type) ?? plain[0]

    const { userKnownHostsFiles, globalKnownHostsFiles } = this.#settings
    const unread = await unreadAmong([...userKnownHostsFiles, ...globalKnownHostsFiles])
    if (unread !== undefined) {
      onNotice("warning", `No key in "${unread.file}" is known: it ${unread.why}; ${unread.step}`)
    }
    // As ssh has it, whatever StrictHostKeyChecking says: what nothing is kept in takes nothing new.
    if (userKnownHostsFiles.length === 0 && changed === undefined) {
      throw this.#unknown(key, 'UserKnownHostsFile is "none", which takes no new one')
    }
    if (this.#settings.strictHostKeyChecking === "no" && changed === undefined) {
      onNotice("warning", `The ${describe(key)} of ${this.#machine()} is not known and was not checked`)
      return this.#record(key, onNotice)
    }
    // A known host that shows a key of another type is just as suspicious: asked for those we know, it had none.
    if (changed !== undefined) throw this.#changed(key, changed)
    if (this.#settings.strictHostKeyChecking === "accept-new") return this.#record(key, onNotice)
    if (this.#settings.strictHostKeyChecking === "ask" && prompter.available && !this.#settings.batchMode) {
      if (await this.#ask(key, prompter)) return this.#record(key, onNotice)
      throw this.#unknown(key, "you did not accept it")
    }
    const others = unread === undefined ? "no" : `"${unread.file}" ${unread.why}, and no other`
    throw this.#unknown(key, `${others} known_hosts file has it`)
  }

  async #ask(key: HostKey, prompter: Prompter): Promise<boolean> {
    const preface = `The authenticity of ${this.#machine()} can't be established: it shows the\n${describe(key)}.`
    let question: Question = { text: "Continue connecting (yes/no/fingerprint)?", preface, hidden: false }
    for (let attempt = 0; attempt < 5; attempt++) {
      const answer = (await prompter.ask(question)).trim()
      if (answer.toLowerCase() === "yes" || answer === key.fingerprint) return true
      if (answer.toLowerCase() === "no") return false
      if (/^[A-Z]+\d+:/.test(answer)) return false
      question = { text: "Please type yes, no or the fingerprint:", hidden: false }
    }
    return false
  }

  async #record(key: HostKey, onNotice: Notice): Promise<void> {
    const file = this.#settings.userKnownHostsFiles[0]
    if (file === undefined) return
    try {
      await recordKnownHost(file, this.#name, key, this.#settings.hashKnownHosts)
      onNotice("info", `Added the ${describe(key)} of ${this.#machine()} to ${file}`)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      onNotice("warning", `Cannot add the host key of ${this.#machine()} to "${file}": ${reason}`)
    }
  }

  #machine(): string {
    const { label } = this.#settings
    return label === this.#name ? `"${label}"` : `"${label}" (${this.#name})`
  }

  #unknown(key: HostKey, why: string): DatamaestroError {
    const authority = this.#known.find((entry) => entry.marker === "@cert-authority")
    const aside =
      authority === undefined
        ? ""
        : `; ${authority.file}, line ${authority.line}, trusts a certificate authority for it, which the built-in SSH client can't use`
    const { hostName, port } = this.#settings
    const option = port === 22 ? "" : `-p ${port} `
    const [file] = this.#settings.userKnownHostsFiles
    const step =
      file === undefined
        ? "name a file for it by UserKnownHostsFile; it may be /dev/null"
        : `connect once with "${sshCommand(this.#settings.label)}", or add the output of "ssh-keyscan ${option}${hostName}" to ${file}, ` +
          "or accept it with -o StrictHostKeyChecking=accept-new"
    return new DatamaestroError(
      "HOST_KEY_UNKNOWN",
      `Cannot trust ${this.#machine()}: its ${describe(key)} is not known: ${why}${aside}`,
      {
        hint: `compare the fingerprint with what its administrators publish, then ${step}`,
        details: { host: this.#settings.label, name: this.#name, found: key.fingerprint, type: key.type },
      },
    )
  }

  #changed(key: HostKey, entry: KnownHost): DatamaestroError {
    const known = this.read(entry.key)
    return new DatamaestroError(
      "HOST_KEY_CHANGED",
      `Cannot trust ${this.#machine()}: it shows the ${describe(key)}, but ${entry.file}, line ${entry.line}, has the ${describe(known)}`,
      {
        hint:
          "someone may be listening in, or the machine was installed anew: ask its administrators; " +
          `if they confirm the new fingerprint, remove the old key with: ssh-keygen -f "${entry.file}" -R "${this.#name}"`,
        details: {
          host: this.#settings.label,
          name: this.#name,
          path: entry.file,
          line: entry.line,
          wanted: known.fingerprint,
          found: key.fingerprint,
        },
      },
    )
  }

  #short(key: HostKey, size: number): DatamaestroError {
    const wanted = this.#settings.requiredRsaSize
    return new DatamaestroError(
      "HOST_KEY_UNKNOWN",
      `Cannot trust ${this.#machine()}: its ${describe(key)} has ${size} bits, fewer than RequiredRSASize ${wanted}`,
      {
        hint: `ask its administrators for a longer key; -o RequiredRSASize=${size} takes it, where you must`,
        details: { host: this.#settings.label, name: this.#name, found: size, wanted },
      },
    )
  }

  #revoked(key: HostKey, entry: KnownHost): DatamaestroError {
    return new DatamaestroError(
      "HOST_KEY_CHANGED",
      `Cannot trust ${this.#machine()}: its ${describe(key)} is revoked by ${entry.file}, line ${entry.line}`,
      {
        hint: "the key is known to be in wrong hands: ask the machine's administrators for the new one",
        details: {
          host: this.#settings.label,
          name: this.#name,
          path: entry.file,
          line: entry.line,
          found: key.fingerprint,
        },
      },
    )
  }
}

const KEY_NAMES: Readonly<Record<string, string>> = {
  "ssh-ed25519": "ED25519",
  "ssh-rsa": "RSA",
  "ssh-dss": "DSA",
  "ecdsa-sha2-nistp256": "ECDSA",
  "ecdsa-sha2-nistp384": "ECDSA",
  "ecdsa-sha2-nistp521": "ECDSA",
}

function describe(key: HostKey): string {
  return `${KEY_NAMES[key.type] ?? key.type} key ${key.fingerprint}`
}
