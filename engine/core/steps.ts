/** To its end at once: for whoever has nobody to serve in between. */
export function allSteps<Value>(steps: Iterator<undefined, Value>): Value {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
