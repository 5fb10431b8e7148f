/** Every bound of a GraphQL request. */
export const QUERY_LENGTH_MAX = 20_000;
export const TOKENS_MAX = 2_000;
/** Levels of fields: three are all there are. */
export const DEPTH_MAX = 6;
/** The usual tools ask for types of lists of types, and so on. */
export const INTROSPECTION_DEPTH_MAX = 16;
/** A field costs 1, as often as its list is long, and a fragment 1 wherever it is used. The longest list fits, with all that there is of each. */
export const COST_MAX = 1_200;
/** Cost of a root field of a query, which reads the database. */
export const QUERY_COST = 20;
export const MUTATION_COST = 200;
export const BOOKINGS_DEFAULT = 20;
export const BOOKINGS_MAX = 50;
/** Documents kept parsed. */
export const DOCUMENTS_MAX = 256;
