import { InvalidArgumentError } from "commander"

/** An option's value that is the address of something on the web. */
export function webAddress(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value
  throw new InvalidArgumentError("It must be an address that begins with https:// or http://.")
}
