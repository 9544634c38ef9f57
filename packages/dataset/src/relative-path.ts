/**
 * Why a name can't stand below a folder, or undefined when it can. Names are portable: forward slashes, no part
 * that is empty, `.` or `..`, nothing absolute on any platform.
 */
export function relativePathFault(path: string): string | undefined {
  const given: unknown = path
  const shown = JSON.stringify(given)
  if (typeof given !== "string") return `${shown} is no path`
  if (path === "") return "the path is empty"
  if (path.includes("\0")) return `${shown} contains a NUL character`
  if (path.includes("\\")) return `${shown} contains a backslash: separate folders with "/"`
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return `${shown} is absolute`
  const parts = path.split("/")
  if (parts.includes("..")) return `${shown} leaves its folder with ".."`
  if (parts.includes("") || parts.includes(".")) return `${shown} has an empty part or a "."`
  if (parts.some((part) => part.length > 255)) return `${shown} has a part of more than 255 characters`
  return undefined
}
