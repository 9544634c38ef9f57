import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export const ROOT = fileURLToPath(new URL("../../", import.meta.url))

export interface Page {
  /** Relative to the repository's root, with forward slashes. */
  path: string
  text: string
}

export interface Block {
  language: string
  code: string
  /** Of its first line, from 1. */
  line: number
}

/** The README and every page below docs. */
export function pages(): Page[] {
  const below = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
  const paths = ["README.md", ...below.filter((path) => path.endsWith(".md")).map((path) => `docs/${path}`)]
  return paths.sort().map((path) => page(path.replaceAll("\\", "/")))
}

export function page(path: string): Page {
  return { path, text: readFileSync(join(ROOT, path), "utf8") }
}

/** The fenced code blocks. */
export function blocks(text: string): Block[] {
  const found: Block[] = []
  let open: { language: string; lines: string[]; line: number } | undefined
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^```(\w*)/.exec(line)
    if (open !== undefined && fence !== null) {
      found.push({ language: open.language, code: `${open.lines.join("\n")}\n`, line: open.line })
      open = undefined
    } else if (open !== undefined) {
      open.lines.push(line)
    } else if (fence !== null) {
      open = { language: fence[1] ?? "", lines: [], line: index + 2 }
    }
  }
  return found
}

/** The text without its fenced code blocks. */
export function prose(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "")
}

/** The anchor that GitHub gives a heading. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-")
}
