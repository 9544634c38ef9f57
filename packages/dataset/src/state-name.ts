/**
 * A resource's name in `.state.json`: its key in snake_case (`trainImages` is `train_images`). A key that has an
 * underscore or no lower-case letter is no camelCase and stays.
 */
export function stateName(key: string): string {
  if (key.includes("_") || !/\p{Ll}/u.test(key)) return key
  return key
    .replace(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, "_")
    .replace(/(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, "_")
    .toLowerCase()
}
