import { type Static, Type } from "typebox";
import { closed } from "../../closed.ts";
import { Id } from "../common.ts";
import { CategoryId, ExpectedVersion, Line, Version, exampleId } from "./parts.ts";

export const HallParams = exampleId("ha_studio");

export const Hall = Type.Object({
  id: Id,
  name: Type.String(),
  seatCount: Type.Integer(),
  planVersion: Type.Integer({ description: "Counts the hall's layouts." }),
  version: Version,
});
export type Hall = Static<typeof Hall>;

export const HALL_SEATS_MAX = 20_000;
const ROW_SEATS_MAX = 1_000;

const Coordinate = Type.Integer({ minimum: -32_768, maximum: 32_767, description: "Centimetres." });
const Point = Type.Object(
  { x: Coordinate, y: Coordinate },
  { ...closed, description: "x grows to the right as one faces the screen, y away from it." },
);
const SeatNumber = Type.Integer({ minimum: 1, maximum: 9_999 });
const Length = (description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000, description }));

const DrawnSeat = Type.Object(
  {
    number: SeatNumber,
    x: Coordinate,
    y: Coordinate,
    category: Type.Optional(CategoryId),
    accessible: Type.Optional(Type.Boolean()),
    companion: Type.Optional(Type.Boolean()),
    aisleAfter: Type.Optional(Type.Boolean({ description: "The next seat of the row is not a neighbour." })),
  },
  closed,
);

const DrawnRow = Type.Object(
  {
    name: Line(20, "Stands before the seat's number in its label."),
    category: Type.Optional(CategoryId),
    parts: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: ROW_SEATS_MAX }), {
        minItems: 1,
        maxItems: 50,
        description:
          "How many seats are between the aisles, from left to right; they are numbered and placed by the section's shape.",
      }),
    ),
    accessible: Type.Optional(
      Type.Array(SeatNumber, { maxItems: ROW_SEATS_MAX, description: "With `parts`: the wheelchair places." }),
    ),
    companions: Type.Optional(
      Type.Array(SeatNumber, {
        maxItems: ROW_SEATS_MAX,
        description: "With `parts`: the seats kept for those who come along.",
      }),
    ),
    seats: Type.Optional(
      Type.Array(DrawnSeat, {
        minItems: 1,
        maxItems: ROW_SEATS_MAX,
        description:
          "In place of `parts`: every seat where it stands, from left to right; gaps of any kind are just distances.",
      }),
    ),
  },
  { ...closed, description: "Either `parts` or `seats`." },
);

const SectionShape = Type.Object(
  {
    kind: Type.Enum(["straight", "arc"]),
    front: Type.Optional(Point),
    centre: Type.Optional(Point),
    radius: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 32_767, description: "Of the first row, in centimetres." }),
    ),
    bearing: Type.Optional(
      Type.Number({ minimum: -180, maximum: 180, description: "Degrees by which the middle is turned to the left." }),
    ),
  },
  {
    ...closed,
    description:
      "`straight`: rows behind each other, the first with its middle at `front`. `arc`: rows bend around `centre`, the first at `radius`.",
  },
);

const DrawnSection = Type.Object(
  {
    name: Line(60),
    prefix: Type.Optional(
      Type.String({
        maxLength: 20,
        pattern: String.raw`^[^\p{Cc}\p{Cs}]*$`,
        description: "Stands before the row in labels, where row names repeat from section to section.",
      }),
    ),
    shape: Type.Optional(SectionShape),
    rowPitch: Length("From row to row; 100 when left out."),
    seatPitch: Length("From seat to seat; 55 when left out."),
    aisleWidth: Length("120 when left out."),
    rows: Type.Array(DrawnRow, { minItems: 1, maxItems: 500 }),
  },
  closed,
);

const HallCategory = Type.Object(
  { id: CategoryId, name: Line(60), focal: Type.Optional(Point) },
  { ...closed, description: "`focal`: where its best seats are; the middle of its seats when left out." },
);

const AccessibleReleaseRule = Type.Object(
  {
    when: Type.Enum(["always", "never", "before-end"]),
    minutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 525_600, description: "With `before-end`." })),
  },
  { ...closed, description: "When seats kept for wheelchair users and their companions may go to others." },
);

const drawing = {
  categories: Type.Array(HallCategory, { minItems: 1, maxItems: 50 }),
  sections: Type.Array(DrawnSection, { minItems: 1, maxItems: 200 }),
};
export const HallDrawing = Type.Object(drawing, closed);
export type HallDrawing = Static<typeof HallDrawing>;

/** A hall as the layout editor takes and gives it. */
export const HallPlanView = Type.Object({
  ...Hall.properties,
  cinemaId: Id,
  cleaningMinutes: Type.Integer(),
  orphanRule: Type.Enum(["none", "lenient", "strict"]),
  accessibleRelease: AccessibleReleaseRule,
  ...drawing,
});
export type HallPlanView = Static<typeof HallPlanView>;

const hallInput = {
  cinemaId: Id,
  name: Line(120),
  cleaningMinutes: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 600,
      description: "Between a showtime's end and the next one; 15 when left out.",
    }),
  ),
  orphanRule: Type.Optional(
    Type.Enum(["none", "lenient", "strict"], {
      description: "Whether choices that leave a single seat are refused; none when left out.",
    }),
  ),
  accessibleRelease: Type.Optional(AccessibleReleaseRule),
  ...drawing,
};
const hallExample = {
  cinemaId: "ci_astoria",
  name: "Balcony",
  categories: [
    { id: "value", name: "Value" },
    { id: "standard", name: "Standard", focal: { x: 0, y: 100 } },
    { id: "premium", name: "Loge" },
  ],
  sections: [
    {
      name: "Balcony",
      shape: { kind: "arc", centre: { x: 0, y: -1_500 }, radius: 1_500, bearing: 0 },
      rows: [
        { name: "A", category: "value", parts: [4, 8, 4], accessible: [1], companions: [2] },
        { name: "B", category: "standard", parts: [4, 8, 4] },
        {
          name: "C",
          category: "premium",
          seats: [
            { number: 1, x: -60, y: 400 },
            { number: 2, x: 60, y: 400 },
          ],
        },
      ],
    },
  ],
};
export const NewHall = Type.Object(hallInput, { ...closed, examples: [hallExample] });
export type NewHall = Static<typeof NewHall>;
export const ChangedHall = Type.Object(
  { ...hallInput, version: ExpectedVersion },
  { ...closed, examples: [{ ...hallExample, name: "Studio", version: 1 }] },
);
