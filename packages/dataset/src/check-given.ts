import { DefinitionError } from "./definition-error.ts"
import { OBJECT, shown, type Kind } from "./kinds.ts"

/**
 * In JavaScript nothing else tells of a mistyped field, and a sum or an agreement would be lost with it, nor of a value that it
 * can't have: `transient: "no"` would count as true.
 *
 * @param definition the dataset's id, `""` while it is not known
 * @param what whose fields they are, such as `file`; `""` are those of the definition itself
 * @param known what each may be; `true`: told when it is planned, where the resource's name is known
 * @throws DefinitionError naming one that is not known, or what it can't be
 */
export function checkFields<T extends object>(
  definition: string,
  what: string,
  given: T,
  known: Readonly<Record<keyof T, Kind | true>>,
): void {
  checkObject(definition, what, given)
  for (const [field, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, field)) {
      const names = Object.keys(known).join(", ")
      throw new DefinitionError(definition, what, `there is no field "${field}": there are ${names}`)
    }
    const kind = known[field as keyof T]
    if (kind !== true && value !== undefined)
      checkValue(definition, what === "" ? field : `${what}.${field}`, value, kind)
  }
}

/** @throws DefinitionError where it is not even an object that has fields */
export function checkObject(definition: string, what: string, given: unknown): void {
  if (!OBJECT.fits(given)) throw new DefinitionError(definition, what, `${shown(given)} is no object with its fields`)
}

/** @throws DefinitionError naming which argument of `what` it is */
export function checkArgument(what: string, name: string, value: unknown, kind: Kind): void {
  checkValue("", `${what}.${name}`, value, kind)
}

function checkValue(definition: string, field: string, value: unknown, kind: Kind): void {
  if (!kind.fits(value)) throw new DefinitionError(definition, field, `it must be ${kind.words}, not ${shown(value)}`)
}
