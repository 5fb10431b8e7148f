import { InvalidArgumentError } from "commander";

/** Reads an option's or an argument's number. @throws InvalidArgumentError, which commander says beside the option's name */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}
