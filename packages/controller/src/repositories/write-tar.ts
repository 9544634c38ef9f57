/** One member: a file's content, or a symbolic link's target. Names are relative, with forward slashes. */
export type TarMember = { name: string; content: Buffer; executable: boolean } | { name: string; link: string }

const BLOCK = 512

/**
 * A POSIX pax archive (IEEE Std 1003.1, `pax` Interchange Format) that depends on nothing but the members' names,
 * content, and whether they may be executed: no times, no owners. The same input gives the same bytes anywhere.
 */
export function writeTar(members: readonly TarMember[]): Buffer {
  const parts: Buffer[] = []
  for (const member of [...members].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const link = "link" in member ? member.link : ""
    const records = [record("path", member.name), record("linkpath", link)].join("")
    if (records !== "") {
      const extended = Buffer.from(records)
      parts.push(
        header({ name: "PaxHeader", size: extended.length, mode: 0o644, type: "x", link: "" }),
        ...padded(extended),
      )
    }
    const name = ascii(member.name)
    if ("link" in member) {
      parts.push(header({ name, size: 0, mode: 0o777, type: "2", link: ascii(link) }))
    } else {
      const mode = member.executable ? 0o755 : 0o644
      parts.push(header({ name, size: member.content.length, mode, type: "0", link: "" }), ...padded(member.content))
    }
  }
  parts.push(Buffer.alloc(2 * BLOCK))
  return Buffer.concat(parts)
}

/** What doesn't fit into the header's 100 bytes of ASCII stands in an extended one: `LENGTH KEY=VALUE\n`. */
function record(key: string, value: string): string {
  if (ascii(value) === value) return ""
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest
  while (length !== rest + String(length).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "_").slice(0, 100)
}

interface Header {
  name: string
  size: number
  mode: number
  type: "0" | "2" | "x"
  link: string
}

function header({ name, size, mode, type, link }: Header): Buffer {
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1")
  }
  block.write(name, 0, "latin1")
  octal(mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(0, 136, 12)
  block.write("        ", 148, "latin1")
  block.write(type, 156, "latin1")
  block.write(link, 157, "latin1")
  block.write("ustar\x0000", 257, "latin1")
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
    "latin1",
  )
  return block
}

function padded(content: Buffer): Buffer[] {
  return [content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]
}
