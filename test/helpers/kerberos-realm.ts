import { execFileSync, spawn, type ChildProcess } from "node:child_process"
import { existsSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort } from "./free-port.ts"
import { temporaryFolder } from "./ssh-client-files.ts"

const KDC = "/usr/sbin/krb5kdc"
const REALM = "LAB.TEST"
const PASSWORD = "sesame"

/** Whether MIT's Kerberos server and its clients are installed here. */
export function kerberosAvailable(): boolean {
  return existsSync(KDC) && existsSync("/usr/sbin/kadmin.local") && existsSync("/usr/bin/kinit")
}

/** A Kerberos realm of its own, on loopback. */
export interface KerberosRealm {
  /** What makes programs members of it, and where their tickets lie. */
  readonly environment: Readonly<Record<"KRB5_CONFIG" | "KRB5CCNAME" | "KRB5_KTNAME", string>>
  /** Gets the user a ticket. */
  logIn(): void
  logOut(): void
  stop(): Promise<void>
}

/** @param options `user` gets tickets, `host` takes them: a server's name as its clients call it */
export async function startKerberosRealm(options: { user: string; host: string }): Promise<KerberosRealm> {
  const folder = await temporaryFolder("datamaestro-realm-")
  const at = (name: string): string => join(folder.path, name)
  const port = await freePort()
  await writeFile(
    at("krb5.conf"),
    `[libdefaults]
     default_realm = ${REALM}
     dns_lookup_kdc = false
     dns_canonicalize_hostname = false
     rdns = false
     [realms]
     ${REALM} = { kdc = 127.0.0.1:${port} }
     [domain_realm]
     ${options.host} = ${REALM}`
      .replace(/^ +/gm, "")
      .replace(/\{ (.*) \}/, "{\n$1\n}"),
  )
  await writeFile(
    at("kdc.conf"),
    `[kdcdefaults]\nkdc_listen = 127.0.0.1:${port}\nkdc_tcp_listen = 127.0.0.1:${port}\n` +
      `[realms]\n${REALM} = {\ndatabase_name = ${at("principals")}\nkey_stash_file = ${at("stash")}\n}\n`,
  )
  const environment = {
    KRB5_CONFIG: at("krb5.conf"),
    KRB5CCNAME: `FILE:${at("tickets")}`,
    KRB5_KTNAME: `FILE:${at("keytab")}`,
  }
  const env = { ...process.env, ...environment, KRB5_KDC_PROFILE: at("kdc.conf") }
  const run = (program: string, args: readonly string[], input = ""): void =>
    void execFileSync(program, args, { env, input, stdio: ["pipe", "pipe", "pipe"] })
  run("/usr/sbin/kdb5_util", ["create", "-s", "-P", "master", "-r", REALM])
  run("/usr/sbin/kadmin.local", ["-q", `addprinc -pw ${PASSWORD} ${options.user}`])
  run("/usr/sbin/kadmin.local", ["-q", `addprinc -randkey host/${options.host}`])
  run("/usr/sbin/kadmin.local", ["-q", `ktadd -k ${at("keytab")} host/${options.host}`])
  const kdc: ChildProcess = spawn(KDC, ["-n"], { env, stdio: "ignore" })
  const ended = new Promise<void>((resolve) => kdc.once("exit", () => resolve()))
  const logIn = (): void => run("/usr/bin/kinit", [options.user], `${PASSWORD}\n`)
  for (let tries = 0; ; tries++) {
    try {
      logIn()
      break
    } catch (error) {
      // It does not listen yet.
      if (tries === 100 || kdc.exitCode !== null) throw error
      await sleep(50)
    }
  }
  return {
    environment,
    logIn,
    logOut: () => run("/usr/bin/kdestroy", ["-q"]),
    stop: async () => {
      kdc.kill()
      await ended
      await folder.remove()
    },
  }
}
