/** Every bound of a GraphQL request. */
export const QUERY_LENGTH_MAX = 20_000;
/** The usual introspection has 184, all that there is of four bookings not many more. What validation takes grows with their square. */
export const TOKENS_MAX = 500;
/** Fields of a document that share a name in its answer: validation compares each with each. The usual introspection has 18 names. */
export const SAME_NAME_MAX = 30;
/** Levels of fields: three are all there are. */
export const DEPTH_MAX = 6;
/** The usual tools ask for types of lists of types, and so on. */
export const INTROSPECTION_DEPTH_MAX = 16;
/** A field costs 1, as often as its list is long, and a fragment 1 wherever it is used. The longest list fits, with all that there is of each. */
export const COST_MAX = 1_600;
/** Cost of a root field of a query, which reads the database. */
export const QUERY_COST = 20;
export const MUTATION_COST = 200;
/** Characters of a seat's label. */
export const LABEL_LENGTH_MAX = 64;
export const BOOKINGS_DEFAULT = 20;
export const BOOKINGS_MAX = 50;
