/** What a saved kernel may refer to outside of itself, and go on without where somebody asks for that (0039). */
export const MISSING_KINDS = ['files', 'streams', 'cpu'] as const;

export type MissingKind = (typeof MISSING_KINDS)[number];
