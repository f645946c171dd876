/** A test of a suite as the bundle lists it before it runs. */
export interface ListedTest {
  /** Its own name with those of the `describe`s around it; unique within the suite. */
  readonly name: string;
  readonly timeoutMs: number;
}

/** How one test ended under Node, as the reporter writes it. */
export interface NodeResult {
  readonly name: string;
  /** The error's stack, or null for a test that passed. */
  readonly failure: string | null;
}

/** Marks a line of the child's output that is the harness's; everything else the child writes is shown as it is. */
export const RESULT_MARK = "\u0001result ";
export const LIST_MARK = "\u0001list ";
/** Set in the child's environment: list the tests instead of running them. */
export const LIST_ONLY = "NODE_SUITE_LIST";
/** Around everything, so that hooks outside of any `describe` belong to a suite (Node runs root hooks for every file). */
export const ROOT_NAME = "suite";
/** Between the names of a path. */
export const PATH_SEPARATOR = " > ";
