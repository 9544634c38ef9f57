import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"

/**
 * Calls a function of a module where no more files may be opened.
 *
 * @param module relative to the root of the repository
 * @returns what it returned, or `{ thrown: { code, message, hint } }`
 */
export function callWithoutFiles(module: string, name: string, ...args: readonly unknown[]): unknown {
  return callWithFiles(0, module, name, args)
}

/** The same where one more may be: what reads a file before it starts a program gets as far as that. */
export function callWithOneFile(module: string, name: string, ...args: readonly unknown[]): unknown {
  return callWithFiles(1, module, name, args)
}

function callWithFiles(left: 0 | 1, module: string, name: string, args: readonly unknown[]): unknown {
  const root = fileURLToPath(new URL("../..", import.meta.url))
  const script = `
    import { closeSync, openSync } from "node:fs"
    const { ${name}: call } = await import(process.argv[1])
    // What the call loads and starts at its first time.
    await call(...JSON.parse(process.argv[2])).catch(() => {})
    let last
    try { for (;;) last = openSync("/dev/null") } catch {}
    if (${left} === 1) closeSync(last)
    const answer = await call(...JSON.parse(process.argv[2])).catch(({ code, message, hint }) => ({ thrown: { code, message, hint } }))
    process.stdout.write(JSON.stringify(answer))
  `
  const node = ["--import=tsx", "--conditions=@datamaestro/source", "--input-type=module", "-e", script]
  const output = execFileSync(
    "sh",
    ["-c", 'ulimit -n 200; exec "$0" "$@"', process.execPath, ...node, `${root}${module}`, JSON.stringify(args)],
    { cwd: root, encoding: "utf8" },
  )
  return JSON.parse(output)
}
