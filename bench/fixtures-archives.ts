/** Writers for the fixtures: ustar and zip, no more than the benchmark needs, the same bytes in every run. */
import { crc32, deflateRawSync } from "node:zlib"

export interface Member {
  /** Inside the archive, at most 100 bytes of ASCII. */
  name: string
  bytes: number
  /** The content, in pieces that need not be kept. */
  content: () => Iterable<Buffer>
}

/** 2024-01-01T00:00:00Z. */
const modified = 1_704_067_200

/** The bytes of a ustar archive (POSIX.1-1988). */
export function* tarBytes(members: Iterable<Member>): Generator<Buffer> {
  for (const { name, bytes, content } of members) {
    yield tarHeader(name, bytes)
    yield* content()
    if (bytes % 512 !== 0) yield Buffer.alloc(512 - (bytes % 512))
  }
  yield Buffer.alloc(1024)
}

function tarHeader(name: string, bytes: number): Buffer {
  const header = Buffer.alloc(512)
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`
  header.write(name, 0, 100, "latin1")
  header.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7) + octal(bytes, 11) + octal(modified, 11), 100, "latin1")
  header.write("        0", 148, "latin1")
  header.write("ustar\x0000root", 257, "latin1")
  header.write("root", 297, "latin1")
  header.write(octal(header.reduce((sum, byte) => sum + byte, 0), 6), 148, "latin1") // prettier-ignore
  return header
}

/** The bytes of a zip archive of deflated members (PKWARE APPNOTE 6.3), zip64 from 65 536 of them on. */
export function* zipBytes(members: Iterable<Member>): Generator<Buffer> {
  const central: Buffer[] = []
  let offset = 0
  for (const { name, bytes, content } of members) {
    const raw = Buffer.concat([...content()])
    const packed = deflateRawSync(raw)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(8, 4)
    // DOS time and date: midnight of 2024-01-01.
    fields.writeUInt16LE(((2024 - 1980) << 9) | (1 << 5) | 1, 8)
    fields.writeUInt32LE(crc32(raw), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(bytes, 18)
    fields.writeUInt16LE(name.length, 22)
    yield Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), fields, Buffer.from(name, "latin1")])
    yield packed
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE((0o100644 << 16) >>> 0, 6)
    rest.writeUInt32LE(offset, 10)
    central.push(Buffer.from("PK\x01\x02\x14\x03", "latin1"), fields, rest, Buffer.from(name, "latin1"))
    offset += 30 + name.length + packed.length
  }
  const directory = Buffer.concat(central)
  yield directory
  const count = central.length / 4
  if (count >= 0xffff) yield zip64End(count, directory.length, offset)
  const end = Buffer.alloc(22)
  end.write("PK\x05\x06", "latin1")
  end.writeUInt16LE(Math.min(count, 0xffff), 8)
  end.writeUInt16LE(Math.min(count, 0xffff), 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  yield end
}

/** The zip64 end of central directory record and its locator (APPNOTE 4.3.14, 4.3.15). */
function zip64End(count: number, bytes: number, offset: number): Buffer {
  const end = Buffer.alloc(56 + 20)
  end.write("PK\x06\x06", "latin1")
  end.writeBigUInt64LE(44n, 4)
  end.writeUInt16LE(45, 12)
  end.writeUInt16LE(45, 14)
  end.writeBigUInt64LE(BigInt(count), 24)
  end.writeBigUInt64LE(BigInt(count), 32)
  end.writeBigUInt64LE(BigInt(bytes), 40)
  end.writeBigUInt64LE(BigInt(offset), 48)
  end.write("PK\x06\x07", 56, "latin1")
  end.writeBigUInt64LE(BigInt(offset + bytes), 64)
  end.writeUInt32LE(1, 72)
  return end
}
