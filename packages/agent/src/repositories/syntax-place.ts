import { execFile } from "node:child_process"
import { readdir, stat } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { packageFolder } from "./package-folder.ts"

/** How long modules are looked through, in milliseconds. */
const PATIENCE = 5000

/**
 * An error of a module that does not parse, with the file and the line that it is about. V8 tells `import()` neither: the
 * package's modules are then looked through, the newest first, without running any.
 *
 * @param module the package's, that was imported first
 * @returns anything else as it is
 */
export async function withSyntaxPlace(error: unknown, module: string): Promise<unknown> {
  if (!(error instanceof SyntaxError)) return error
  const root = packageFolder(module)
  if (root === undefined) return error
  const place = placeIn(error.stack ?? "") ?? (await search(root, error))
  if (place === undefined) return error
  const path = place.path.startsWith(root + sep) ? relative(root, place.path) : place.path
  const told = new SyntaxError(`${path}:${place.line}: ${error.message}`)
  if (error.stack !== undefined) told.stack = error.stack
  return told
}

/** As Node writes it above an error that it prints, and above those of CommonJS and of imports that don't match. */
function placeIn(text: string): { path: string; line: string } | undefined {
  const [, place, line] = /^(\/.*|file:\/\/.*|[A-Za-z]:\\.*):(\d+)\r?\n/.exec(text) ?? []
  if (place === undefined || line === undefined) return undefined
  return { path: place.startsWith("file:") ? fileURLToPath(place) : place, line }
}

async function search(
  root: string,
  { message, stack }: SyntaxError,
): Promise<{ path: string; line: string } | undefined> {
  // Else it was thrown by code that ran, as by `JSON.parse`.
  if (stack === undefined || !/^.*\n\s+at .*\(node:internal\/modules/.test(stack)) return undefined
  const until = Date.now() + PATIENCE
  for (const path of await newestModules(root)) {
    if (Date.now() > until) return undefined
    const said = await check(path)
    if (said.includes(`SyntaxError: ${message}`)) return placeIn(said)
  }
  return undefined
}

async function newestModules(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true }).catch(() => [])
  const modules = names.filter((name) => /\.[cm]?js$/.test(name) && !name.split(sep).includes("node_modules"))
  const found = modules.map(async (name) => {
    const path = join(root, name)
    return { path, time: (await stat(path).catch(() => undefined))?.mtimeMs ?? 0 }
  })
  return (await Promise.all(found)).sort((one, other) => other.time - one.time).map(({ path }) => path)
}

/** What Node has to say of a module's syntax; nothing if there is nothing. */
function check(path: string): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env
  return new Promise((resolve) => {
    execFile(process.execPath, ["--check", path], { env, timeout: PATIENCE }, (_, __, stderr) => resolve(stderr))
  })
}
