/** Hosts that stand for others in documentation (RFC 2606), or are this very machine or network. */
const PLACEHOLDER = /(^|\.)(example\.(com|net|org)|example|test|invalid)$/
const LOCAL = /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\]|\[f[cd])|\.(local|internal|lan)$/

/** Queries of addresses that stop working after a while, or are somebody's own. */
const SIGNED = /^(x-amz-signature|x-goog-signature|signature|sig|token|access_token|api_?key|expires)$/i

/** What is odd about an address from which a dataset is to be fetched for years by anybody, or undefined. */
export function urlSuspicion(url: string, kind: string): string | undefined {
  const { protocol, hostname, pathname, searchParams } = new URL(url)
  if (protocol === "file:") return "it is of one machine only"
  if (PLACEHOLDER.test(hostname)) return "its host is a placeholder"
  if (LOCAL.test(hostname)) return "its host is not on the public internet"
  const secret = [...searchParams.keys()].find((name) => SIGNED.test(name))
  if (secret !== undefined) return `its query has "${secret}": it may be personal, or stop working`
  if (hostname === "github.com" && /^\/[^/]+\/[^/]+\/blob\//.test(pathname)) {
    return "it is the page that shows the file: use raw.githubusercontent.com"
  }
  if (hostname === "huggingface.co" && pathname.includes("/blob/"))
    return "it is the page that shows the file: use /resolve/"
  if (/^(drive|docs)\.google\.com$/.test(hostname)) return "it may answer with a page that asks to confirm"
  if (hostname.endsWith("dropbox.com") && searchParams.get("dl") === "0")
    return "it is the page that shows the file: use dl=1"
  return suffixSuspicion(pathname, kind)
}

function suffixSuspicion(pathname: string, kind: string): string | undefined {
  const isZip = /\.zip$/i.test(pathname)
  const isTar = /\.(tar|tgz|tbz2?|txz|tzst|tar\.\w+)$/i.test(pathname)
  if (kind === "tar" && isZip) return "it ends as a zip archive does, and is to be read as tar"
  if (kind === "zip" && isTar) return "it ends as a tar archive does, and is to be read as zip"
  return undefined
}
