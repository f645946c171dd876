import { InvalidArgumentError } from "commander";

/** Digits, perhaps grouped by threes: 50,000 or 50_000. Not `1e5`, `0x10` or `20.000`, which is 20 to one reader and 20,000 to another. */
const WHOLE = /^-?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4}|\d{1,3}(?:_\d{3}){1,4})$/;

/** A parser for options that are whole numbers within bounds. */
export const wholeNumber =
  (minimum: number, maximum: number) =>
  (text: string): number => {
    const value = WHOLE.test(text) ? Number(text.replaceAll(/[_,]/g, "")) : Number.NaN;
    if (Number.isNaN(value) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`);
    }
    return value;
  };
