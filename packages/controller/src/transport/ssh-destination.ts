import { DatamaestroError } from "@datamaestro/protocol"

export interface SshDestination {
  /** An alias, a name or an address, without the brackets of IPv6. */
  host: string
  user?: string | undefined
  port?: number | undefined
}

/**
 * Takes apart `host`, `user@host`, `host:port`, `[::1]:port` and `ssh://user@host:port`.
 * As in OpenSSH the user ends at the last `@`, so that it may contain one.
 *
 * @throws DatamaestroError SSH_CONFIGURATION
 */
export function parseSshDestination(text: string): SshDestination {
  const isUrl = /^ssh:\/\//i.test(text)
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0]
  // It may have a password, too.
  if (scheme !== undefined && !isUrl) throw malformed(`${scheme}…`, 'it is no address of SSH, as "ssh://" begins one')
  let rest = text
  if (isUrl) rest = rest.slice("ssh://".length).replace(/\/$/, "")
  const at = rest.lastIndexOf("@")
  let user = at === -1 ? undefined : rest.slice(0, at)
  if (isUrl && user !== undefined) {
    // As URLs have them. Outside of one a colon is part of the name, as gateways want it; in one it is %3A.
    const [name, ...secret] = user.split(":")
    if (secret.length > 0) throw malformed(`ssh://${name}:…@${rest.slice(at + 1)}`, "it has a password")
    user = decode(user, text)
  }
  const { host, port } = splitPort(rest.slice(at + 1))
  if (host === "" || user === "") throw malformed(text, host === "" ? "the host is missing" : "the user is missing")
  // A leading dash would be an option to any program it is handed to; white space and "/" are in no host name.
  if (host.startsWith("-") || /[\s/\0'"`$\\]/.test(host)) throw malformed(text, "this is no host name")
  // A backslash is part of the names of a Windows domain (DOMAIN\user); at the end ssh refuses it, too.
  if (user !== undefined && (user.startsWith("-") || /[\s\0'"`$;&<>|(){}]|\\$/.test(user))) {
    throw malformed(text, "this is no user name")
  }
  if (port === undefined) return { host, user }
  if (port.includes("/")) throw malformed(text, "it has a path, as rsync's would: that is what --data DIR is for")
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0
  if (number < 1 || number > 65535) throw malformed(text, "the port must be a number from 1 to 65535")
  return { host, user, port: number }
}

function splitPort(text: string): { host: string; port?: string } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text)
  if (bracketed !== null) {
    return { host: bracketed[1] ?? "", ...(bracketed[2] === undefined ? {} : { port: bracketed[2] }) }
  }
  const colon = text.indexOf(":")
  // Two colons and no brackets: an IPv6 address, which leaves no room for a port.
  if (colon === -1 || colon !== text.lastIndexOf(":")) return { host: text }
  return { host: text.slice(0, colon), port: text.slice(colon + 1) }
}

function decode(user: string, text: string): string {
  try {
    return decodeURIComponent(user)
  } catch {
    throw malformed(text, "the user is not properly percent-encoded")
  }
}

function malformed(text: string, why: string): DatamaestroError {
  return new DatamaestroError("SSH_CONFIGURATION", `Cannot understand host "${text}": ${why}`, {
    hint: "write an alias of your SSH configuration, user@host, user@host:port, user@[IPv6]:port or ssh://user@host:port",
    details: { host: text },
  })
}
