import { readdirSync, readFileSync } from "node:fs"

/**
 * Watches the processes below `root`, itself not among them, and tells the highest peak of one of them in bytes
 * (`VmHWM`, the kernel's own mark, so little is missed between two looks). Linux; `undefined` where nothing was seen.
 */
export function watchPeakMemory(root: number): () => number | undefined {
  let peak: number | undefined
  let found: string[] = []
  let looks = 0
  const look = (): void => {
    // Looking through all processes costs milliseconds, reading one a few microseconds.
    if (found.length === 0 || looks++ % 20 === 0) found = descendants(root)
    for (const pid of found) {
      const kilobytes = /^VmHWM:\s*(\d+) kB/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1]
      if (kilobytes !== undefined) peak = Math.max(peak ?? 0, Number(kilobytes) * 1024)
    }
  }
  const timer = setInterval(look, 50)
  return () => {
    clearInterval(timer)
    return peak
  }
}

function descendants(root: number): string[] {
  const children = new Map<number, number[]>()
  for (const entry of readFolderOrEmpty("/proc")) {
    if (!/^\d+$/.test(entry)) continue
    // The name in parentheses may hold anything, spaces and parentheses too.
    const stat = readOrEmpty(`/proc/${entry}/stat`)
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)])
  }
  const all: number[] = []
  visit(root)
  return all.map(String)

  function visit(pid: number): void {
    for (const child of children.get(pid) ?? []) {
      all.push(child)
      visit(child)
    }
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

function readFolderOrEmpty(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
