import { temporaryFolder } from "./ssh-client-files.ts"
import { startSshServer, type SshServer, type SshServerOptions } from "./ssh-server.ts"
import { startSshd, type Sshd, type SshdOptions } from "./sshd.ts"

export interface TestServers {
  /** What else is to be ended. */
  cleanups: (() => Promise<unknown> | void)[]
  /** A new folder, which goes after the test. */
  folder(): Promise<string>
  /** A server of our own. */
  serve(options?: SshServerOptions): Promise<SshServer>
  /** OpenSSH's. */
  serveBySshd(options?: SshdOptions): Promise<Sshd>
}

/** SSH servers that end after each test of the suite in which this is called, the last first. */
export function testServers(): TestServers {
  const cleanups: TestServers["cleanups"] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  })
  return {
    cleanups,
    folder: async () => {
      const { path, remove } = await temporaryFolder()
      cleanups.push(remove)
      return path
    },
    serve: async (options = {}) => {
      const server = await startSshServer(options)
      cleanups.push(() => server.close())
      return server
    },
    serveBySshd: async (options = {}) => {
      const sshd = await startSshd(options)
      cleanups.push(() => sshd.stop())
      return sshd
    },
  }
}
