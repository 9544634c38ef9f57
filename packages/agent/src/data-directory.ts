import { belowHome, DatamaestroError, type Paths, type Result } from "@datamaestro/protocol"
import { homedir } from "node:os"
import { join, resolve } from "node:path"

/**
 * The path with `~` and `~/` as the home folder; relative to `base`; absolute and normal.
 *
 * @throws DatamaestroError USAGE for `~name`
 */
export function expandPath(path: string, base: string): string {
  const below = belowHome(path)
  return below === undefined ? resolve(base, path) : resolve(homedir(), `.${below}`)
}

export interface DataDirectoryOptions {
  /** `--data`. */
  option: string | undefined
  environment: NodeJS.ProcessEnv
  /** `data` of this host in the user settings. */
  setting?: string | undefined
  /** What relative paths are relative to. */
  base: string
}

/**
 * The data directory: `--data`, else `DATAMAESTRO_DIR`, else as the user settings say, else `~/datamaestro`. Creates nothing.
 *
 * @throws DatamaestroError USAGE for an empty `--data`, and for `~name`
 */
export function dataDirectory({ option, environment, setting, base }: DataDirectoryOptions): {
  paths: Paths
  source: Result<"initialize">["dataSource"]
} {
  if (option !== undefined) {
    if (option.trim() === "" || option.includes("\0")) {
      throw new DatamaestroError("USAGE", `Cannot use ${JSON.stringify(option)} as data directory: not a path`, {
        hint: "give a path to --data, or leave it out",
      })
    }
    return { paths: pathsOf(expandPath(option, base)), source: "option" }
  }
  const variable = environment["DATAMAESTRO_DIR"]
  if (variable !== undefined && variable !== "") {
    return { paths: pathsOf(expandPath(variable, base)), source: "environment" }
  }
  if (setting !== undefined) return { paths: pathsOf(expandPath(setting, base)), source: "settings" }
  return { paths: pathsOf(join(homedir(), "datamaestro")), source: "default" }
}

export function pathsOf(data: string): Paths {
  return { data, datasets: join(data, "data"), cache: join(data, "cache"), settings: join(data, "settings.json") }
}
