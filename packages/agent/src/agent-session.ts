import { DatamaestroError, type GlobalSettings, type Paths, type RepositoryLocation } from "@datamaestro/protocol"
import { homedir } from "node:os"
import { join } from "node:path"
import { expandPath } from "./data-directory.ts"
import { AskedLogin } from "./login/asked-login.ts"
import type { LoginEnvironment } from "./login/login-environment.ts"
import type { JobSpecification } from "./jobs/job-specification.ts"
import type { PackReceiver } from "./packs/pack-store.ts"
import type { RepositoryIndex } from "./repositories/repository-index.ts"
import { followGroup } from "./store/follow-group.ts"
import { SettingsFile } from "./store/settings.ts"
import type { DownloadCache } from "./store/cache.ts"

export interface AgentSessionOptions {
  /** Ask the login shell at once: the answer will be needed, and takes a while. */
  loginShell: boolean
  /** Where uploads may lie; `~/.cache/datamaestro` by default. */
  cacheFolder?: string | undefined
  /** The agent's own file, absolute; absent where it runs from memory. */
  agentFile?: string | undefined
  /** Takes what the person should know now. */
  tell?: ((message: string) => void) | undefined
  /** Told of code of others that begins, and once it is over. */
  onCode?: ((code: string, over: boolean) => void) | undefined
}

/** What the requests of one connection share. Heavy parts are loaded when a request needs them. */
export class AgentSession {
  /** The folder of uploaded packs. */
  readonly packs: string
  /** The agent's own file, absolute; absent where it runs from memory. */
  readonly agentFile: string | undefined
  #paths: Paths | undefined
  #base = process.cwd()
  #login: AskedLogin | undefined
  #repositories: RepositoryLocation[] = []
  #unreadable: readonly string[] = []
  #index: Promise<RepositoryIndex> | undefined
  #cache: Promise<DownloadCache> | undefined
  #receiver: Promise<PackReceiver> | undefined
  #remote = false

  readonly #cacheFolder: string | undefined
  readonly #tell: AgentSessionOptions["tell"]
  readonly #onCode: AgentSessionOptions["onCode"]

  constructor({ loginShell, cacheFolder, agentFile, tell, onCode }: AgentSessionOptions) {
    this.#tell = tell
    this.#onCode = onCode
    this.#cacheFolder = cacheFolder
    this.agentFile = agentFile
    this.packs = join(cacheFolder ?? join(homedir(), ".cache", "datamaestro"), "packs")
    if (loginShell) void this.login()
  }

  /** The data machine is another than the controller's: the login shell's environment counts. */
  begin(remote: boolean): void {
    this.#remote = remote
    this.#base = remote ? homedir() : process.cwd()
  }

  get remote(): boolean {
    return this.#remote
  }

  locate(paths: Paths): void {
    this.#paths = paths
    followGroup(paths.data)
  }

  /** What relative paths of a request are relative to. */
  get base(): string {
    return this.#base
  }

  get paths(): Paths {
    if (this.#paths !== undefined) return this.#paths
    throw new DatamaestroError("PROTOCOL_MISMATCH", "Cannot answer before initialize: it says where the data is")
  }

  get settingsFile(): SettingsFile {
    return new SettingsFile(this.paths.settings)
  }

  async settings(): Promise<GlobalSettings> {
    return await this.settingsFile.read()
  }

  /** The login shell's environment becomes the process's own once it is known. Asked at most once. */
  login(): Promise<LoginEnvironment> {
    return (this.#login ??= new AskedLogin()).environment
  }

  /** An agent may have waited for its controller for long: what the login shell said before counts while it is current. */
  async renewLogin(): Promise<void> {
    const asked = this.#login
    if (asked === undefined || asked.isCurrent()) return
    await asked.takeBack()
    this.#login = undefined
  }

  /** For what goes out to the network or runs other people's code: proxies, tokens and PATH are as after a login. */
  async environmentReady(): Promise<void> {
    if (this.#remote) await this.login()
  }

  /** @param unreadable why packages that may have other repositories can't be read */
  declare(repositories: RepositoryLocation[], unreadable: readonly string[] = []): void {
    this.#repositories = repositories
    this.#unreadable = unreadable
    this.#index = undefined
  }

  get repositories(): readonly RepositoryLocation[] {
    return this.#repositories
  }

  /** A session as that in which the job began, for the same data directory. */
  async resumed({ remote, repositories }: JobSpecification): Promise<AgentSession> {
    const session = new AgentSession({
      loginShell: false,
      cacheFolder: this.#cacheFolder,
      agentFile: this.agentFile,
      tell: this.#tell,
      onCode: this.#onCode,
    })
    session.begin(remote)
    session.locate(this.paths)
    session.declare(repositories)
    await session.environmentReady()
    return session
  }

  repositoryIndex(): Promise<RepositoryIndex> {
    return (this.#index ??= this.#makeIndex())
  }

  async #makeIndex(): Promise<RepositoryIndex> {
    await this.environmentReady()
    const { RepositoryIndex } = await import("./repositories/repository-index.ts")
    const { dropChanged, packEntry } = await import("./packs/pack-entry.ts")
    return new RepositoryIndex(this.#repositories, {
      modulePath: (module) => packEntry(this.packs, module),
      explain: (module, error) => dropChanged(this.packs, module, error),
      unreadable: this.#unreadable,
      tell: this.#tell,
      onCode: this.#onCode,
    })
  }

  downloadCache(): Promise<DownloadCache> {
    if (this.#cache === undefined) {
      this.#cache = this.#makeCache()
      // Malformed settings may be put right while the session lasts.
      this.#cache.catch(() => (this.#cache = undefined))
    }
    return this.#cache
  }

  async #makeCache(): Promise<DownloadCache> {
    const { DownloadCache } = await import("./store/cache.ts")
    const { sizeInBytes } = await import("./store/cache-limit.ts")
    const { limit, shared } = (await this.settings()).cache ?? {}
    return new DownloadCache(this.paths.cache, {
      limit: limit === undefined ? undefined : sizeInBytes(limit),
      shared: shared === undefined ? undefined : expandPath(shared, this.paths.data),
    })
  }

  packReceiver(): Promise<PackReceiver> {
    return (this.#receiver ??= import("./packs/pack-store.ts").then(({ PackReceiver }) => new PackReceiver(this.packs)))
  }

  /** Removes what was left unfinished. */
  async close(): Promise<void> {
    await (await this.#receiver)?.close()
  }
}
