import { DatamaestroError } from "@datamaestro/protocol"
import { readFileSync } from "node:fs"
import { rootCertificates } from "node:tls"
import { Agent, Pool, ProxyAgent, type Dispatcher } from "undici"
import { extraCertificates } from "./extra-certificates.ts"
import { mendParsers } from "./mend-parsers.ts"
import { ReadSlabs } from "./read-slabs.ts"
import { proxyFor, type Environment } from "./proxy.ts"
import { tunnelPool } from "./tunnel-pool.ts"

/** As browsers take them and curl does: repositories of data name all files of a record in their `Link` (FAIR Signposting). Of Node it is 16 kB. */
const MOST_HEADER_BYTES = 256 * 1024

const dispatchers = new Map<string, Dispatcher>()
const slabs = new ReadSlabs()

/** The connections for a URL: direct or through its proxy, kept open between requests (idle ones hold no process). */
export function dispatcherFor(url: URL, environment: Environment, tuning: { connectSeconds: number }): Dispatcher {
  const proxy = proxyFor(url, environment)
  // Without TLS nobody asks what is trusted.
  const encrypted = url.protocol === "https:" || /^https:/i.test(proxy ?? "")
  const { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS } = encrypted ? environment : {}
  const key = JSON.stringify([proxy, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, tuning.connectSeconds])
  let dispatcher = dispatchers.get(key)
  if (dispatcher === undefined) {
    mendParsers()
    const certificates = [
      ...(SSL_CERT_FILE ? [readCertificates(SSL_CERT_FILE)] : []),
      ...extraCertificates({ NODE_EXTRA_CA_CERTS }),
    ]
    dispatcher = makeDispatcher(proxy, certificates, tuning.connectSeconds * 1000)
    dispatchers.set(key, dispatcher)
  }
  return dispatcher
}

/** Gives back a body's bytes, which nobody looks at any more, so that their memory is used for others: once each. */
export function releaseRead(chunk: Uint8Array): void {
  slabs.release(chunk)
}

function makeDispatcher(proxy: string | undefined, certificates: readonly string[], timeout: number): Dispatcher {
  const ca = certificates.length === 0 ? {} : { ca: [...rootCertificates, ...certificates] }
  const maxHeaderSize = MOST_HEADER_BYTES
  // Of the options that a proxy's agent is given not all come to the connections for plain http and SOCKS.
  const factory = (origin: string | URL, options: object): Dispatcher => new Pool(origin, { ...options, maxHeaderSize })
  if (proxy === undefined) return new Agent({ maxHeaderSize, connect: { timeout, onread: slabs.onread, ...ca } })
  try {
    const { protocol } = new URL(proxy)
    if (/^socks(5h?)?:$/.test(protocol)) {
      // The proxy resolves the names, which is what socks5h asks for.
      const uri = proxy.replace(/^socks5h:/i, "socks5:")
      // Options for TLS towards the proxy would have it spoken to by TLS.
      return new ProxyAgent({ uri, factory, requestTls: { timeout, ...ca } })
    }
    if (protocol !== "http:" && protocol !== "https:") throw new Error(`${protocol} is not supported`)
    // Plain http goes to the proxy as such: many proxies refuse CONNECT to port 80.
    return new ProxyAgent({
      uri: proxy,
      factory,
      // It may wait as long for the server as we wait for it.
      clientFactory: (origin, options) => tunnelPool(origin, options, 2 * timeout),
      proxyTunnel: false,
      requestTls: { timeout, ...ca },
      proxyTls: { timeout, ...ca },
    })
  } catch (error) {
    throw new DatamaestroError("DOWNLOAD_FAILED", "Cannot use the proxy of the environment: it is no proxy's URL", {
      hint: "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY of the machine where downloads go out; they look like http://proxy.example.org:3128 or socks5://proxy.example.org:1080",
      cause: error,
    })
  }
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    throw new DatamaestroError("DOWNLOAD_FAILED", `Cannot read the certificates "${path}"`, {
      hint: "check SSL_CERT_FILE of the machine where downloads go out",
      details: { path },
      cause: error,
    })
  }
}
