import { GraphQLError, GraphQLScalarType, Kind, type ValueNode, valueFromASTUntyped } from "graphql";
import { BOOKINGS_DEFAULT, BOOKINGS_MAX, LABEL_LENGTH_MAX } from "./limits.ts";

export const SCHEMA = `
"The index of a seat in the showtime's layout (7), or its label (\\"D7\\"). Digits in quotes are a label where the hall has such a label."
scalar SeatNumber

"The gateway's token: \\"tok_ok\\", or { token: \\"tok_ok\\" }. With none the buyer pays on the gateway's page."
scalar PaymentDetails

type Query {
  "One's own booking; an admin sees everybody's."
  getBooking(bookingId: ID!): BookingResult!
  "The newest first: ${BOOKINGS_DEFAULT} unless said otherwise, ${BOOKINGS_MAX} at most."
  getUserBookings(userId: ID!, limit: Int = ${BOOKINGS_DEFAULT}): [BookingResult!]!
}

type Mutation {
  "Holds the seats and books them; they wait for the payment."
  createBooking(userId: ID!, showtimeId: ID!, seatNumbers: [SeatNumber!]!): BookingResult!
  "Waits a moment for the outcome. A payment that takes longer goes on by itself: see getBooking. paymentMethod: mock, stripe or terminal."
  processPayment(bookingId: ID!, paymentMethod: String!, paymentDetails: PaymentDetails): BookingResult!
}

type BookingResult {
  success: Boolean!
  "Why not, for programs: a code as in REST."
  code: String
  message: String!
  "The id of the hold that keeps the seats."
  lockId: ID
  booking: Booking
  "Where the buyer pays, when no token was given."
  paymentUrl: String
}

type Booking {
  id: ID!
  userId: ID!
  showtimeId: ID!
  "Indexes into the showtime's layout."
  seats: [Int!]!
  seatLabels: [String!]!
  "Those that were given back while others were kept, and what they were sold for, in minor units: seats and totalAmount have them no more."
  cancelledSeats: [Int!]!
  cancelledSeatLabels: [String!]!
  cancelledAmount: Float!
  "In minor units of the currency, a whole number: 1250 is 12.50 in EUR. Float, since Int ends at 2^31 - 1."
  totalAmount: Float!
  "What has gone back to the buyer, and what is on its way back, in minor units."
  refundedAmount: Float!
  refundingAmount: Float!
  "What was taken, whatever of it has gone back since, in minor units, and when."
  capturedAmount: Float
  capturedAt: String
  "When money that was taken went back last; REST's refunds has each time."
  refundedAt: String
  "ISO 4217."
  currency: String!
  "pending, paying, confirmed, cancelled, refunded, expired or failed."
  status: String!
  reason: String
  paymentTransactionId: ID
  "ISO 8601, in UTC."
  createdAt: String!
  updatedAt: String!
}
`;

export type SeatNumber = number | string;

const TOKEN = /^[\x21-\x7e]{1,255}$/;

function seatNumber(value: unknown): SeatNumber {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  if (typeof value === "string" && value.length > 0 && value.length <= LABEL_LENGTH_MAX) return value;
  throw new GraphQLError("A seat number is the index of a seat, or its label.");
}

function paymentToken(value: unknown): string {
  const token = isRecord(value) && Object.keys(value).length === 1 ? value["token"] : value;
  if (typeof token === "string" && TOKEN.test(token)) return token;
  throw new GraphQLError("Payment details are the gateway's token, or an object with it: { token }.");
}

/** Within an object, where a scalar has to look for them itself. */
const hasVariables = (node: ValueNode): boolean =>
  node.kind === Kind.OBJECT && node.fields.some(({ value }) => value.kind === Kind.VARIABLE);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

export const SCALARS = {
  SeatNumber: new GraphQLScalarType<SeatNumber>({
    name: "SeatNumber",
    parseValue: seatNumber,
    parseLiteral: (node) => seatNumber(node.kind === Kind.INT ? Number(node.value) : valueFromASTUntyped(node)),
  }),
  PaymentDetails: new GraphQLScalarType<string>({
    name: "PaymentDetails",
    parseValue: paymentToken,
    parseLiteral(node, variables) {
      // Validation knows no variables, and takes whatever does not throw; execution, which knows them, asks again.
      if (variables === undefined && hasVariables(node)) return "";
      return paymentToken(valueFromASTUntyped(node, variables));
    },
  }),
};
