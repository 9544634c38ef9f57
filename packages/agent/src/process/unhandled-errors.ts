/** Who is asked to take an error that nobody handled, before it ends the agent; says whether it is taken. */
export const unhandledErrors = { take: (_error: unknown): boolean => false }
