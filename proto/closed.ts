/** Option of an object's schema: unknown fields are refused, for a misspelt option must not be a silently different request. */
export const closed = { additionalProperties: false } as const;
