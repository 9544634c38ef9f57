/**
 * The bits of an RSA key as it is on the wire: its name, the exponent and the modulus (RFC 4253, 6.6); 0 of one that is
 * cut short, nothing of another kind.
 */
export function rsaSize(blob: Buffer): number | undefined {
  let at = 0
  const next = (): Buffer => {
    const length = at + 4 > blob.length ? 0 : blob.readUInt32BE(at)
    at += 4 + length
    return blob.subarray(at - length, at)
  }
  if (next().toString("latin1") !== "ssh-rsa") return undefined
  next()
  const modulus = next().toString("hex").replace(/^0+/, "")
  return modulus === "" ? 0 : 4 * (modulus.length - 1) + Number.parseInt(modulus.charAt(0), 16).toString(2).length
}
