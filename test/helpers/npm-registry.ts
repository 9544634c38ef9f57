import { createHash } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { gzipSync } from "node:zlib"
import { tarGzArchive } from "../fixtures/tar-archive.ts"

export interface PublishedPackage {
  version: string
  /** Path inside the package to content. */
  files: Readonly<Record<string, string | Buffer>>
  /** Sends other bytes than were published. */
  tampered?: boolean
}

/** A registry of npm packages on loopback. */
export interface NpmRegistry {
  readonly url: string
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[]
  /** The Authorization header of the last request. */
  readonly authorization: string | undefined
  /** What every name stands for. */
  publish(...versions: PublishedPackage[]): void
  close(): Promise<void>
}

export async function startNpmRegistry(): Promise<NpmRegistry> {
  const requests: string[] = []
  const versions = new Map<string, { archive: Buffer; published: PublishedPackage }>()
  let authorization: string | undefined
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "")
    requests.push(path)
    authorization = request.headers.authorization
    const tarball = /^\/(.+)\/-\/([^/]+)\.tgz$/.exec(path)
    if (tarball !== null) {
      const found = versions.get(tarball[2] ?? "")
      const bytes = found?.published.tampered === true ? gzipSync("something else") : found?.archive
      response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
      return
    }
    const name = path.slice(1)
    if (name.includes("/") || versions.size === 0) return void response.writeHead(404).end("{}")
    const all = [...versions].map(([version, { archive }]) => [
      version,
      {
        name,
        version,
        dist: {
          tarball: `${url}${name}/-/${version}.tgz`,
          integrity: `sha512-${createHash("sha512").update(archive).digest("base64")}`,
        },
      },
    ])
    const packument = { name, "dist-tags": { latest: [...versions.keys()].at(-1) }, versions: Object.fromEntries(all) }
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(packument))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    url,
    requests,
    get authorization() {
      return authorization
    },
    publish: (...published) => {
      versions.clear()
      for (const each of published) versions.set(each.version, { archive: pack(each), published: each })
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function pack({ version, files }: PublishedPackage): Buffer {
  const manifest = JSON.stringify({ name: "node-for-tests", version })
  const entries = Object.entries({ "package.json": manifest, ...files })
  return tarGzArchive(entries.map(([path, content]) => ({ name: `package/${path}`, content, mode: 0o755 })))
}
