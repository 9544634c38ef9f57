import {
  DatamaestroError,
  decodeJsonDocument,
  GlobalSettings,
  interrupted,
  noSettingsFile,
  parseJsonDocument,
  requireOnce,
} from "@datamaestro/protocol"
import { applyEdits, modify } from "jsonc-parser"
import { readlink, realpath, stat } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { NotAFile, openPlainFile } from "./open-plain-file.ts"
import { storageError } from "./storage-error.ts"
import { writeAtomic } from "./write-atomic.ts"
import { makeFolder } from "./make-folder.ts"

/** A change of one place in the document: the keys that lead there, and the value; `undefined` removes it. */
export interface SettingsEdit {
  path: string[]
  value: unknown
}

/**
 * The global settings, `DATA/settings.json`. Each change is an edit of the text as it is on disk at that moment, made
 * under a lock: unknown keys, the layout of the file, and what other processes wrote stay.
 */
export class SettingsFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /**
   * @returns the settings; empty when there is no file
   * @throws DatamaestroError MALFORMED_SETTINGS naming file, line and column
   */
  async read(): Promise<GlobalSettings> {
    const text = await this.#text()
    return text === undefined ? {} : parseJsonDocument(text, this.path, GlobalSettings)
  }

  /** Writes what `decide` says of the settings as they are; nothing when it says nothing. Creates the folder. */
  async edit(decide: (settings: GlobalSettings) => SettingsEdit | undefined, signal: AbortSignal): Promise<void> {
    const { acquireLock } = await import("./lock.ts")
    try {
      await makeFolder(dirname(this.path))
    } catch (error) {
      throw storageError(error, `make the folder "${dirname(this.path)}"`)
    }
    const path = await this.#linked()
    const lock = await acquireLock(`${path}.lock`, { signal })
    try {
      const text = (await this.#text()) ?? "{}"
      const change = decide(parseJsonDocument(text, this.path, GlobalSettings))
      if (change === undefined) return
      requireOnce(text, this.path, change.path)
      if (signal.aborted) throw interrupted()
      const edits = modify(text, change.path, change.value, { formattingOptions: { insertSpaces: true, tabSize: 2 } })
      await this.#write(path, applyEdits(text, edits))
    } finally {
      await lock.release()
    }
  }

  /** The file itself, where several data directories share it by a link; also one that isn't there yet. */
  async #linked(): Promise<string> {
    const link = await readlink(this.path).catch(() => undefined)
    if (link === undefined) return this.path
    return realpath(this.path).catch(() => resolve(dirname(this.path), link))
  }

  async #write(path: string, text: string): Promise<void> {
    try {
      const old = await stat(path).catch(() => undefined)
      const mode = old === undefined ? {} : { mode: old.mode & 0o777 }
      await writeAtomic(path, text.endsWith("\n") ? text : `${text}\n`, mode)
    } catch (error) {
      throw storageError(error, `write "${path}"`)
    }
  }

  async #text(): Promise<string | undefined> {
    try {
      const file = await openPlainFile(this.path)
      try {
        return decodeJsonDocument(await file.readFile(), this.path)
      } finally {
        await file.close()
      }
    } catch (error) {
      if (error instanceof DatamaestroError) throw error
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
      if (error instanceof NotAFile) throw noSettingsFile(this.path, error)
      throw storageError(error, `read "${this.path}"`)
    }
  }
}
