const ARCHIVE_SUFFIX = /\.(?:tar\.(?:gz|bz2|xz|zst|z)|tar|tgz|tbz2?|txz|tzst|zip)$/i

/** The last part of a URL's path, decoded; undefined when there is none. */
export function urlFileName(url: string): string | undefined {
  const last = new URL(url).pathname.split("/").at(-1) ?? ""
  if (last === "") return undefined
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}

/** What `split`, 7-Zip and people append to the files that an archive was cut into: `.001`, `.partaa`, `.part1`, `.aa`. */
const PIECE_SUFFIX = /\.(?:\d{2,3}|part[-_]?[a-z\d]{1,3}|[a-z]a)$/i

/** A piece's file name without what tells it from the others: `images.tar.gz` for `images.tar.gz.001`. */
export function withoutPieceSuffix(fileName: string): string {
  return fileName.replace(PIECE_SUFFIX, "")
}

/** An archive's file name without all its suffixes: `images` for `images.tar.gz`. */
export function archiveBaseName(fileName: string): string {
  return fileName.replace(ARCHIVE_SUFFIX, "")
}

/** Why a URL can't be downloaded from, or undefined when it can. */
export function urlFault(url: string): string | undefined {
  if (typeof url !== "string" || !URL.canParse(url)) return `${JSON.stringify(url)} is no URL`
  const { protocol, username, password } = new URL(url)
  if (!["http:", "https:", "file:"].includes(protocol)) {
    return `${JSON.stringify(url)} has the scheme "${protocol.slice(0, -1)}": only http, https and file can be fetched`
  }
  // The URL itself is left out: this message may end in a log.
  if (username !== "" || password !== "") return "a URL contains credentials: they belong in ~/.netrc"
  return undefined
}
