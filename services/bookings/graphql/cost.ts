import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type SelectionSetNode,
  visit,
} from "graphql";
import {
  BOOKINGS_DEFAULT,
  BOOKINGS_MAX,
  COST_MAX,
  DEPTH_MAX,
  INTROSPECTION_DEPTH_MAX,
  MUTATION_COST,
  QUERY_COST,
  SAME_NAME_MAX,
} from "./limits.ts";

/**
 * For `preValidation`, since to validate is what costs most: what is asked for may be neither too deep nor too much, with every fragment and
 * alias counted where it is used, and no name may be given too often. @throws GraphQLError
 */
export function checkAffordable({ definitions }: DocumentNode): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const named = new Map<string, number>();
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    visit(definition, {
      Field({ alias, name }) {
        const { value } = alias ?? name;
        const times = (named.get(value) ?? 0) + 1;
        if (times > SAME_NAME_MAX) throw new GraphQLError(`More than ${SAME_NAME_MAX} fields are named ${value}.`);
        named.set(value, times);
      },
    });
  }
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const root = definition.operation === OperationTypeNode.MUTATION ? MUTATION_COST : QUERY_COST;
    const error = new Meter(fragments).why(definition.selectionSet, root);
    if (error !== undefined) throw new GraphQLError(error, { nodes: definition });
  }
}

class Meter {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Fragments that we are within: one that contains itself is another rule's to report. */
  readonly #within = new Set<string>();
  #cost = 0;
  #tooDeep = false;

  constructor(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
    this.#fragments = fragments;
  }

  why(selections: SelectionSetNode, root: number): string | undefined {
    this.#walk(selections, { depth: 1, depthMax: DEPTH_MAX, weight: root });
    if (this.#tooDeep) return `The query is too deep: ${DEPTH_MAX} levels are enough for all there is.`;
    if (this.#cost > COST_MAX) return `The query asks for too much at once: it costs more than ${COST_MAX}.`;
    return undefined;
  }

  #walk(selections: SelectionSetNode, at: { depth: number; depthMax: number; weight: number }): void {
    for (const selection of selections.selections) {
      if (this.#tooDeep || this.#cost > COST_MAX) return;
      switch (selection.kind) {
        case Kind.FIELD:
          this.#field(selection, at);
          break;
        case Kind.INLINE_FRAGMENT:
          this.#cost++;
          this.#walk(selection.selectionSet, at);
          break;
        case Kind.FRAGMENT_SPREAD: {
          this.#cost++; // Without fields too: fragments that name others twice are walked twice as often with each.
          const name = selection.name.value;
          const fragment = this.#fragments.get(name);
          if (!fragment || this.#within.has(name)) break;
          this.#within.add(name);
          this.#walk(fragment.selectionSet, at);
          this.#within.delete(name);
        }
      }
    }
  }

  #field(field: FieldNode, at: { depth: number; depthMax: number; weight: number }): void {
    const introspects = at.depth === 1 && field.name.value.startsWith("__");
    this.#cost += introspects ? 1 : at.weight;
    const depthMax = introspects ? INTROSPECTION_DEPTH_MAX : at.depthMax;
    this.#tooDeep ||= at.depth > depthMax;
    if (field.selectionSet === undefined) return;
    const weight = at.depth === 1 ? lengthOf(field) : at.weight;
    this.#walk(field.selectionSet, { depth: at.depth + 1, depthMax, weight });
  }
}

/** How long the list will be at most; 1 where there is none. */
function lengthOf(field: FieldNode): number {
  if (field.name.value !== "getUserBookings") return 1;
  const limit = field.arguments?.find(({ name }) => name.value === "limit")?.value;
  if (limit === undefined) return BOOKINGS_DEFAULT;
  return limit.kind === Kind.INT ? Math.min(Math.max(1, Number(limit.value)), BOOKINGS_MAX) : BOOKINGS_MAX;
}
