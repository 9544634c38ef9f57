import { lookup } from "node:dns/promises"
import { isIP } from "node:net"
import type { SshSettings } from "./ssh-settings.ts"

/** The `code` of an error that says by itself which setting can't be followed. */
export const UNUSABLE_SETTING = "UNUSABLE_SETTING"

/**
 * What BindAddress and AddressFamily make of a connection, for `net.connect`. BindAddress may be a name, which Node
 * takes for none; and from an address of one family only that family can be reached.
 *
 * @throws Error with the code UNUSABLE_SETTING
 */
export async function localEnd({
  hostName,
  addressFamily,
  bindAddress,
}: SshSettings): Promise<{ family: 0 | 4 | 6; localAddress?: string }> {
  const written = isIP(hostName) as 0 | 4 | 6
  if (written !== 0 && addressFamily !== 0 && written !== addressFamily) {
    throw unusable(`its address is one of IPv${written}, and AddressFamily asks for IPv${addressFamily}`)
  }
  const family = written || addressFamily
  if (bindAddress === undefined) return { family }
  const nothing = `BindAddress "${bindAddress}" is no address${family === 0 ? "" : ` of IPv${family}`}`
  const found = await lookup(bindAddress, { family }).catch((cause: unknown) => {
    throw unusable(nothing, cause)
  })
  // What is written as an address is found whatever family was asked for.
  if (family !== 0 && found.family !== family) throw unusable(nothing)
  return { family: found.family as 4 | 6, localAddress: found.address }
}

function unusable(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: UNUSABLE_SETTING })
}
