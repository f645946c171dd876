/**
 * How often a property that talks to real services is tried: `count` in a gate. `./dev test --all` sets
 * STAMPEDE_PROPERTY_FACTOR to 8, and so may who looks for a rare fault.
 */
export const propertyRuns = (count: number): number => count * Number(process.env.STAMPEDE_PROPERTY_FACTOR ?? 1);
