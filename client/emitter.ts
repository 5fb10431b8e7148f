/** Typed events. A handler that throws stops neither the client nor the other handlers; its error is reported as uncaught. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<(event: never) => void>>();

  /** @returns what takes the handler away again. */
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const handler of Array.from(this.#handlers.get(name) ?? [])) {
      try {
        // The cast: only `on` adds to the set of `name`, and only handlers of `Events[name]`.
        (handler as (event: Events[Name]) => void)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
