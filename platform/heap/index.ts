/**
 * What V8 is told about the heap. Commands come and go within a millisecond; where objects happened to survive once, V8 makes those of the same
 * place in the code old from birth ("pretenuring"), and each of them then keeps all that it names until the next full collection: young
 * collections copied thirty times as much. `bin/usher.ts` sets it for every role, and the benches for whatever Usher is measured against.
 */
export const HEAP_FLAG = "--no-allocation-site-pretenuring";
