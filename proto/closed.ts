/** Of an object's schema. Unknown fields are refused: a misspelt option must not be a silently different request. */
export const closed = { additionalProperties: false } as const;
